"""Figure 1 of [BF24]: steps of gradient descent to a loss against size."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.style import (
    GUIDE,
    SETTINGS,
    annotate_corner,
    draw_exchange,
    shades,
    use_log_axis,
)
from scaletime_jax.studies.linear_tradeoff import StepCurve


def plot_linear_tradeoff(panels: Sequence[Sequence[StepCurve]]) -> dict[str, Figure]:
    """Draws a panel for each list of curves; the study's caption says what is drawn."""
    thresholds = sorted(
        {c.threshold for curves in panels for c in curves}, reverse=True
    )
    colours = shades(list(range(len(thresholds))))
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(3.4 * len(panels) + 1.4, 3.1), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, curves in zip(axes, panels, strict=True):
            for curve in curves:
                _draw_curve(axis, curve, colours[thresholds.index(curve.threshold)])
            _finish_panel(axis, curves)
        figure.supxlabel("number of parameters $p$")
        figure.supylabel("gradient descent steps to the loss")
        handles = [
            matplotlib.lines.Line2D(
                [], [], color=colours[i], marker="o", markersize=3.5, label=f"{t:g}"
            )
            for i, t in enumerate(thresholds)
        ]
        handles.append(
            matplotlib.lines.Line2D(
                [],
                [],
                linestyle="",
                marker="o",
                markerfacecolor="white",
                markeredgecolor="0.3",
                markersize=4.5,
                label="steps overshoot",
            )
        )
        handles.append(matplotlib.lines.Line2D([], [], label="1:1 exchange", **GUIDE))
        figure.legend(handles=handles, loc="outside right upper", title="loss")
    return {"": figure}


def _draw_curve(axis, curve: StepCurve, colour) -> None:
    axis.plot(curve.sizes, curve.mean, "o-", color=colour, markersize=3, linewidth=1.3)
    rough = ~curve.smooth
    axis.plot(
        curve.sizes[rough],
        curve.mean[rough],
        "o",
        markerfacecolor="white",
        markeredgecolor=colour,
        markersize=4.5,
    )
    low = np.maximum(curve.mean - curve.sem, curve.mean / 100)
    high = curve.mean + curve.sem
    axis.fill_between(curve.sizes, low, high, color=colour, alpha=0.25, linewidth=0)


def _finish_panel(axis, curves: Sequence[StepCurve]) -> None:
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis)
    sizes = curves[0].sizes
    steps = np.concatenate([curve.mean for curve in curves])
    steps = steps[steps > 0]
    reach = np.array([sizes.min() / 1.3, sizes.max() * 1.3])
    if steps.size:
        draw_exchange(axis, reach, np.array([steps.min() / 1.5, steps.max() * 3]))
    else:
        axis.set(xlim=reach, ylim=(1, 10))
        place = {"ha": "center", "va": "center", "transform": axis.transAxes}
        axis.text(0.5, 0.5, "no size at which\nall trials arrive", **place)
    annotate_corner(
        axis,
        f"learning rate {curves[0].learning_rate:.2g}",
    )
