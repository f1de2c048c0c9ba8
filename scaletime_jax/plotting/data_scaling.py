"""Figures 5 and 8 of [BF24]: test and train error against the amount of data."""

from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.exponents import (
    Colours,
    draw_exponents,
    share_colours,
    share_handles,
)
from scaletime_jax.plotting.settings import (
    THRESHOLD,
    describe_loss,
    draw_curve,
    label_row,
)
from scaletime_jax.plotting.style import (
    SETTINGS,
    annotate_corner,
    shades,
    use_log_axis,
    use_loss_axis,
)
from scaletime_jax.studies.data_scaling import DataScaling

CONTROL: Any = {"color": "0.4", "linewidth": 1.2, "linestyle": "--", "zorder": 1}


def plot_data_scaling(made: Sequence[DataScaling], record: float | None) -> Figure:
    """Draws the study's curves, a row a setting; its caption says what is drawn.

    Args:
        made: at all thresholds.
        record: the share whose loss is drawn; None for the threshold given.
    """
    rows = [each for each in made if each.share == record]
    colours = shades([curve.width for each in rows for curve in each.curves])
    shares = share_colours([each.share for each in made])
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(9.6, 2.3 * len(rows) + 0.6), layout="constrained")
        axes = figure.subplots(len(rows), 3, sharex="col", squeeze=False)
        for line, each in zip(axes, rows, strict=True):
            for axis, split in zip(line, ("test", "train"), strict=False):
                _draw_panel(axis, split, each, colours)
            line[1].sharey(line[0])
            use_loss_axis(line[0].yaxis)  # shared by the two
            label_row(line[0], each.fields)
            mine = {m.share: m.exponents for m in made if m.fields == each.fields}
            _draw_exponents(line[2], mine, shares)
        for axis in axes[-1, :2]:
            axis.set_xlabel("training examples $n$")
        axes[-1, 2].set_xlabel("effective size $p$")
        handles = [Line2D([], [], linestyle="", label="width $s$")]
        handles += [
            Line2D([], [], label=str(width), color=colour, marker="o", markersize=3.5)
            for width, colour in sorted(colours.items(), reverse=True)
        ]
        handles.append(Line2D([], [], label="loss of record", **THRESHOLD))
        if any(each.control is not None for each in rows):
            handles.append(Line2D([], [], label="control", **CONTROL))
        handles += share_handles(shares)
        figure.legend(handles=handles, loc="outside right upper", fontsize=8)
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


def _draw_exponents(axis, found: dict, colours: Colours) -> None:
    axis.axhline(0, **THRESHOLD)
    draw_exponents(axis, found, colours)
    axis.set_ylabel("local exponent")
    if not any(found[share] for share in found if share in colours):
        annotate_corner(axis, "needed: none of the\ntrain sizes, or the least")
