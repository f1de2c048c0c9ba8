"""Figures 5 and 8 of [BF24]: test and train error against the amount of data."""

from collections.abc import Sequence

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


def plot_data_scaling(made: Sequence[DataScaling]) -> Figure:
    """Draws the study's curves, a row a setting; its caption says what is drawn."""
    colours = shades([curve.width for each in made for curve in each.curves])
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(7.6, 2.2 * len(made) + 0.6), layout="constrained")
        axes = figure.subplots(len(made), 2, sharex=True, sharey="row", squeeze=False)
        for line, each in zip(axes, made, strict=True):
            for axis, split in zip(line, ("test", "train"), strict=True):
                _draw_panel(axis, split, each, colours)
            use_loss_axis(line[0].yaxis)  # shared by the row
            label_row(line[0], each.fields)
        figure.supxlabel("training examples $n$")
        handles = [
            Line2D([], [], label=str(width), color=colour, marker="o", markersize=3.5)
            for width, colour in sorted(colours.items(), reverse=True)
        ]
        handles.append(Line2D([], [], label="threshold", **THRESHOLD))
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
    axis.set_ylabel(describe_loss(each.fields["loss"], split))
