"""Figures 2 and 7 of [BF24]: training time to a fixed loss against size."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.settings import (
    describe_loss,
    describe_setting,
    describe_size,
    draw_curve,
)
from scaletime_jax.plotting.style import (
    GUIDE,
    SETTINGS,
    annotate_corner,
    draw_exchange,
    make_panels,
    shades,
    use_log_axis,
)
from scaletime_jax.runs.curves import Curve
from scaletime_jax.studies.tradeoff import TradeoffCurve, panel_of


def plot_tradeoff(curves: Sequence[TradeoffCurve]) -> Figure:
    """Draws the study's curves, a panel a setting; its caption says what is drawn."""
    panels = list(dict.fromkeys(panel_of(curve) for curve in curves))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    colours = shades([curve.fields["train_size"] for curve in curves])
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(3.4 * columns + 1.2, 3.1 * rows), layout="constrained")
        axes = make_panels(figure, len(panels), columns)
        for axis, panel in zip(axes, panels, strict=True):
            members = [curve for curve in curves if panel_of(curve) == panel]
            _draw_panel(axis, members, colours)
        _draw_guides(axes, curves)
        figure.supxlabel("effective size $p$ = (number of parameters)$^{1/3}$")
        figure.supylabel("epochs to the threshold")
        _draw_legend(figure, curves, colours)
    return figure


def _draw_panel(axis, curves: Sequence[TradeoffCurve], colours: dict) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    use_log_axis(axis.xaxis, subs=(1, 2, 3, 5, 7))
    use_log_axis(axis.yaxis)
    hollow = sum(curve.censored > 0 for curve in curves)
    for curve in curves:
        colour = colours[curve.fields["train_size"]]
        full = [p for p in curve.points if p.censored == 0]
        size = np.array([p.effective_size for p in full])
        mean = np.array([p.epochs_mean for p in full], float)
        sem = np.array([p.epochs_sem or 0.0 for p in full])
        draw_curve(axis, Curve(size, mean, sem), colour, marker="o")
        part = [p for p in curve.points if p.censored > 0]
        hollow -= bool(part)
        axis.plot(
            [p.effective_size for p in part],
            [p.epochs_at_least for p in part],
            "^",
            markerfacecolor="white",
            markeredgecolor=colour,
            markersize=4 + 1.5 * hollow,  # nested where they coincide
        )
    fields = curves[0].fields
    threshold = f"{describe_loss(fields['loss'])} < {curves[0].threshold:.4g}"
    annotate_corner(axis, f"{describe_setting(fields)}\n{threshold}")


def _draw_guides(axes, curves: Sequence[TradeoffCurve]) -> None:
    """Draws lines of constant size x epochs across what the curves span."""
    points = [point for curve in curves for point in curve.points]
    sizes = np.array([p.effective_size for p in points])
    epochs = np.array([p.epochs_at_least for p in points])
    lowest = min(
        p.epochs_at_least - min(p.epochs_sem or 0, p.epochs_at_least / 2)
        for p in points
    )
    x = np.array([sizes.min() / 1.15, sizes.max() * 1.15])
    # above the curves three lines of annotation take a seventh of the panel
    bottom, top = np.log([lowest / 1.3, epochs.max() * 1.5])
    y = np.exp([bottom, top + 0.25 * (top - bottom)])
    for axis in axes:
        draw_exchange(axis, x, y)


def _draw_legend(figure, curves: Sequence[TradeoffCurve], colours: dict) -> None:
    def entry(label, **style):
        return matplotlib.lines.Line2D([], [], label=label, **style)

    handles = [
        entry(describe_size(size), color=colour, marker="o", markersize=3.5)
        for size, colour in sorted(colours.items(), reverse=True)
    ]
    handles.append(entry("1:1 exchange", **GUIDE))
    if any(curve.censored for curve in curves):
        handles.append(
            entry(
                "lower bound:\nnot all seeds\nreached it",
                linestyle="",
                marker="^",
                markerfacecolor="white",
                markeredgecolor="0.4",
            )
        )
    figure.legend(handles=handles, loc="outside right upper", title="training examples")
