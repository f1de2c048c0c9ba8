"""Figures S6, S7 and the last column of S8 of [B21]."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.kernels import (
    COLOURS,
    draw_kernels,
    leave_room,
    put_letters,
    standard_errors,
)
from scaletime_jax.plotting.style import SETTINGS, WIDTH, use_log_axis
from scaletime_jax.studies.kernel_targets import KernelCurves
from scaletime_jax.studies.label_curves import Curve, Panel

# By whether the ridge is tuned.
LOOKS: dict[bool, dict[str, Any]] = {
    False: {"color": COLOURS[0], "fmt": "o", "markerfacecolor": COLOURS[0]},
    True: {"color": COLOURS[1], "fmt": "s", "markerfacecolor": "white"},
}
RIDGES = {False: "small ridge", True: "best ridge"}
NAMES = {"data": ("D", "P", "training points"), "features": ("P", "D", "features")}


def plot_learned_features(
    panels: Sequence[Panel], curves: Sequence[Curve], kernel: KernelCurves
) -> dict[str, Figure]:
    """Draws regimes, duality, and labels beside teachers; the caption says what."""
    return {
        "four regimes": _draw_regimes(panels),
        "duality": _draw_duality(curves),
        "labels and teachers": _draw_kernel(kernel),
    }


def _draw_regimes(panels: Sequence[Panel]) -> Figure:
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH * 0.75, 5.2), layout="constrained")
        axes = figure.subplots(2, 2)
        for row, is_all in enumerate((False, True)):
            for column, over in enumerate(NAMES):
                mine = [
                    panel
                    for panel in panels
                    if (panel.curve.over, panel.curve.is_all) == (over, is_all)
                ]
                _draw_panel(axes[row, column], mine)
        put_letters(axes.flat, "abcd")
    return figure


def _draw_panel(axis, panels: Sequence[Panel]) -> None:
    for panel in panels:
        look = LOOKS[panel.curve.tuned]
        mean, value = panel.losses.mean(axis=1), panel.law.exponent.value
        told = "" if value is None else f": {value:.2f}"
        axis.errorbar(
            panel.x,
            mean,
            yerr=standard_errors(panel.losses),
            markersize=4,
            linewidth=0.8,
            label=RIDGES[panel.curve.tuned] + told,
            **look,
        )
        if panel.law.coefficient is not None and value is not None:
            x = panel.x[panel.fitted]
            line = panel.law.coefficient * x**-value
            axis.plot(x, line, color=look["color"], lw=1.1)
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis, 5)
    curve = panels[0].curve
    mine, other, words = NAMES[curve.over]
    if curve.is_all:
        regime = "resolution-limited"
        axis.set_xlabel(f"{words} ${mine}$")
        axis.set_ylabel(f"test loss $L({mine})$, real labels")
    else:
        regime = "variance-limited"
        whole = {"data": "N", "features": "S"}[curve.over]
        axis.set_xlabel(
            rf"{words} ${mine} / (1 - {mine}/{whole})$, at ${other}={curve.fixed}$"
        )
        axis.set_ylabel(rf"$L(D, P) - L({other})$, real labels")
    axis.set_title(f"{regime} over {curve.over}", fontsize=9)
    leave_room(axis, 0.15)
    axis.legend(fontsize=7, title="exponent", title_fontsize=7, loc="lower left")


def _draw_duality(curves: Sequence[Curve]) -> Figure:
    numbers = sorted({each.fixed for each in curves if not each.is_all})
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH * 0.75, 2.9), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for axis, tuned in zip(axes, (False, True), strict=True):
            for which, number in enumerate(numbers):
                for over in NAMES:
                    [each] = [
                        each
                        for each in curves
                        if (each.over, each.fixed, each.tuned) == (over, number, tuned)
                    ]
                    _draw_curve(axis, each, COLOURS[which % len(COLOURS)])
            use_log_axis(axis.xaxis, 4)
            use_log_axis(axis.yaxis, 5)
            axis.set_xlabel("points $D$ (filled) or features $P$ (open)")
            axis.set_title(RIDGES[tuned], fontsize=9)
        axes[0].set_ylabel("test loss, real labels")
        axes[1].legend(fontsize=7, title="the other number", title_fontsize=7)
        put_letters(axes, "ef")
    return figure


def _draw_curve(axis, curve: Curve, colour) -> None:
    is_data = curve.over == "data"
    axis.errorbar(
        curve.sizes,
        curve.losses.mean(axis=1),
        yerr=standard_errors(curve.losses),
        fmt="o-" if is_data else "s--",
        color=colour,
        markerfacecolor=colour if is_data else "white",
        markersize=4,
        linewidth=0.9,
        label=f"{NAMES[curve.over][1]} = {curve.fixed}",
    )


def _draw_kernel(kernel: KernelCurves) -> Figure:
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
        axes = figure.subplots(1, 3)
        draw_kernels(axes, [kernel], 0, "learned features")
        put_letters(np.atleast_1d(axes), "ghi")
    return figure
