"""Figures 5 and 8 of [BF24]: test and train error against the amount of data."""

from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.settings import (
    THRESHOLD,
    describe_loss,
    draw_curve,
    label_row,
)
from scaletime_jax.plotting.style import (
    SETTINGS,
    shades,
    use_log_axis,
    use_loss_axis,
)
from scaletime_jax.studies.data_scaling import DataScaling

CONTROL: Any = {"color": "0.4", "linewidth": 1.2, "linestyle": "--", "zorder": 1}
# Local exponents beyond are cut off, with their intervals.
SHOWN = -3.5, 1.5


def plot_data_scaling(made: Sequence[DataScaling]) -> Figure:
    """Draws the study's curves, a row a setting; its caption says what is drawn."""
    colours = shades([curve.width for each in made for curve in each.curves])
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(9.6, 2.3 * len(made) + 0.6), layout="constrained")
        axes = figure.subplots(len(made), 3, sharex="col", squeeze=False)
        for line, each in zip(axes, made, strict=True):
            for axis, split in zip(line, ("test", "train"), strict=False):
                _draw_panel(axis, split, each, colours)
            line[1].sharey(line[0])
            use_loss_axis(line[0].yaxis)  # shared by the two
            label_row(line[0], each.fields)
            _draw_exponents(line[2], each)
        for axis in axes[-1, :2]:
            axis.set_xlabel("training examples $n$")
        axes[-1, 2].set_xlabel("effective size $p$")
        handles = [
            Line2D([], [], label=str(width), color=colour, marker="o", markersize=3.5)
            for width, colour in sorted(colours.items(), reverse=True)
        ]
        handles.append(Line2D([], [], label="loss of record", **THRESHOLD))
        if any(each.control is not None for each in made):
            handles.append(Line2D([], [], label="control", **CONTROL))
        figure.legend(handles=handles, loc="outside right upper", title="width $s$")
    return figure


def _draw_panel(axis, split: str, each: DataScaling, colours: dict) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    use_log_axis(axis.xaxis, subs=(1,))
    for curve in each.curves:
        shown = curve.test if split == "test" else curve.train
        draw_curve(axis, shown, colours[curve.width], marker="o")
    if split == "test":
        axis.axhline(each.threshold, **THRESHOLD)
        if each.control is not None:
            axis.plot(each.control.x, each.control.mean, **CONTROL)
    axis.set_ylabel(describe_loss(each.fields["loss"], split))


def _draw_exponents(axis, each: DataScaling) -> None:
    axis.axhline(0, **THRESHOLD)
    axis.set_ylim(*SHOWN)
    axis.set_xscale("log")
    use_log_axis(axis.xaxis, subs=(1, 2, 3, 5, 7))
    axis.set_ylabel("local exponent")
    found = each.exponents
    if found is not None:
        axis.plot(found.sizes, found.values, "o-", color="0.3", markersize=3.5)
        if found.intervals is not None:
            axis.vlines(found.sizes, *found.intervals.T, color="0.3", linewidth=1)
