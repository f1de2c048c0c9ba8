"""Figures 2 and 7 of [BF24]: training time to a fixed loss against size."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.exponents import (
    SHOWN,
    Colours,
    draw_exponents,
    exponent_marks,
    share_colours,
    share_handles,
)
from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import (
    describe_loss,
    describe_setting,
    describe_size,
    draw_curve,
    draw_settings,
    title_of,
)
from scaletime_jax.plotting.style import (
    GUIDE,
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    annotate_corner,
    draw_exchange,
    shades,
    use_log_axis,
    write_amount,
)
from scaletime_jax.runs.curves import Curve
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.tradeoff import RESOLUTION, Point, TradeoffCurve


def plot_tradeoff(
    curves: Sequence[TradeoffCurve], record: float | None, time: str = "epochs"
) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn.

    Args:
        curves: at all thresholds.
        record: the share at which curves are drawn; None for the threshold given.
        time: the unit of training time, in the plural.
    """
    return draw_settings(
        curves,
        lambda mine: _draw_setting(mine, record, time),
        lambda: _draw_all(curves, record, time),
    )


def _draw_setting(
    curves: Sequence[TradeoffCurve], record: float | None, time: str
) -> Figure:
    drawn = [curve for curve in curves if curve.share == record]
    colours = shades([curve.fields["train_size"] for curve in drawn])
    shares = share_colours({c.share: c.exponents for c in _largest(curves)}, record)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2, sharex=True)
        _draw_curves(left, drawn, colours)
        _draw_exponents(right, _largest(curves), shares)
        left.set_ylabel(f"{time} to the loss")
        right.set_ylabel("local exponent")
        _draw_guides(left, drawn)
        figure.supxlabel("effective size $p$ = (number of parameters)$^{1/3}$")
        _draw_legends(figure, drawn, colours, shares)
    return figure


def _draw_all(
    curves: Sequence[TradeoffCurve], record: float | None, time: str
) -> Figure:
    """Draws the local exponents of each setting at its largest train size."""
    panels = []
    for share in dict.fromkeys((record, None)):
        marks = []
        for title in dict.fromkeys(title_of(curve.fields) for curve in curves):
            mine = [curve for curve in curves if title_of(curve.fields) == title]
            found = [each for each in _largest(mine) if each.share == share]
            marks += [
                mark for each in found for mark in exponent_marks(title, each.exponents)
            ]
        words = (
            "at the paper's threshold"
            if share is None
            else f"{share:g} of guessing removed"
        )
        panels.append(
            Panel(
                words if record is not None else "",
                f"local exponent of {time} in size",
                marks or [Mark(title_of(curves[0].fields), None, Estimate(None, None))],
                (-1 - RESOLUTION, -1 + RESOLUTION),
                SHOWN,
            )
        )
    return draw_overview(panels, "effective size $p$")


def _largest(curves: Sequence[TradeoffCurve]) -> list[TradeoffCurve]:
    """Returns a setting's curves at the largest train size with local exponents."""
    sizes = [c.fields["train_size"] for c in curves if c.exponents is not None]
    if not sizes:
        return []
    largest = max(sizes, key=lambda size: size or 0)
    return [curve for curve in curves if curve.fields["train_size"] == largest]


def _draw_curves(axis, curves: Sequence[TradeoffCurve], colours: dict) -> None:
    use_log_axis(axis.xaxis)
    use_log_axis(axis.yaxis)
    axis.yaxis.set_major_formatter(write_amount)
    hollow = sum(curve.censored > 0 for curve in curves)
    for curve in curves:
        colour = colours[curve.fields["train_size"]]
        draw_curve(axis, _full(curve.points), colour, marker="o")
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
        if curve.control is not None:
            reached = [p for p in curve.control.points if p.reached]
            axis.plot(
                [p.effective_size for p in reached],
                [p.epochs_mean for p in reached],
                "x",
                color=colour,
                markersize=5,
            )
    fields = curves[0].fields
    threshold = f"{describe_loss(fields['loss'])} < {curves[0].threshold:.4g}"
    annotate_corner(axis, f"{describe_setting(fields)}\n{threshold}")


def _full(points: Sequence[Point]) -> Curve:
    """Returns the curve through the points that all seeds reached."""
    full = [p for p in points if p.censored == 0]
    size = np.array([p.effective_size for p in full])
    mean = np.array([p.epochs_mean for p in full], float)
    return Curve(size, mean, np.array([p.epochs_sem or 0.0 for p in full]))


def _draw_exponents(axis, curves: Sequence[TradeoffCurve], colours: Colours) -> None:
    axis.axhline(-1, **LIMIT)
    axis.axhspan(-1 - RESOLUTION, -1 + RESOLUTION, **WITHIN)
    draw_exponents(axis, {c.share: c.exponents for c in curves}, colours)
    size = curves[0].fields["train_size"] if curves else None
    if size is not None:
        annotate_corner(axis, f"{size:,} training examples")


def _draw_guides(axis, curves: Sequence[TradeoffCurve]) -> None:
    """Draws lines of constant size x epochs across what the curves span."""
    points = [point for curve in curves for point in curve.points]
    sizes = np.array([point.effective_size for point in points])
    epochs = np.array([point.epochs_at_least for point in points])
    lowest = min(
        point.epochs_at_least - min(point.epochs_sem or 0, point.epochs_at_least / 2)
        for point in points
    )
    # above the curves three lines of annotation take a seventh of the panel
    bottom, top = np.log([lowest / 1.3, epochs.max() * 1.5])
    reach = np.array([sizes.min() / 1.15, sizes.max() * 1.15])
    draw_exchange(axis, reach, np.exp([bottom, top + 0.3 * (top - bottom)]))


def _draw_legends(figure, curves, colours: dict, shares: Colours) -> None:
    def entry(label, **style):
        return matplotlib.lines.Line2D([], [], label=label, **style)

    look = {"marker": "o", "markersize": 3.5}
    handles = [entry("training examples", linestyle="")]
    handles += [
        entry(describe_size(size), color=colour, **look)
        for size, colour in sorted(colours.items(), reverse=True, key=_by_size)
    ]
    handles.append(entry("1:1 exchange", **GUIDE))
    if any(curve.censored for curve in curves):
        handles.append(
            entry(
                "lower bound: not all\nseeds reached it",
                linestyle="",
                marker="^",
                markerfacecolor="white",
                markeredgecolor="0.4",
            )
        )
    controls = [curve.control for curve in curves if curve.control is not None]
    if controls:
        label = "control: shuffled labels"
        if not any(control.reached for control in controls):
            label += "\n(none reached the loss)"
        look_of_control = {"linestyle": "", "marker": "x", "color": "0.4"}
        handles.append(entry(label, **look_of_control))
    handles += share_handles(shares)
    figure.legend(handles=handles, loc="outside right upper", fontsize=8)


def _by_size(item) -> int:
    return item[0] or 0
