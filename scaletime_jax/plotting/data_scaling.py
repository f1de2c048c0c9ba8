"""Figures 5 and 8 of [BF24]: test and train error against the amount of data."""

from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
    draw_curve,
    draw_settings,
    title_of,
)
from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    annotate_corner,
    shades,
    use_log_axis,
)
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.data_scaling import DataScaling

CONTROL: Any = {"color": "0.4", "linewidth": 1.2, "linestyle": "--", "zorder": 1}


def plot_data_scaling(
    made: Sequence[DataScaling], record: float | None
) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn.

    Args:
        made: at all thresholds.
        record: the share whose loss is drawn; None for the threshold given.
    """
    return draw_settings(
        made,
        lambda mine: _draw_setting(mine, record),
        lambda: _draw_all(made, record),
    )


def _draw_setting(made: Sequence[DataScaling], record: float | None) -> Figure:
    drawn = next(each for each in made if each.share == record)
    colours = shades([curve.width for curve in drawn.curves])
    found = {each.share: each.exponents for each in made}
    shares = share_colours(found, record)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
        test, train, right = figure.subplots(1, 3)
        _draw_panel(test, "test", drawn, colours)
        _draw_panel(train, "train", drawn, colours)
        _draw_exponents(right, found, shares)
        right.set_xlabel("effective size $p$")
        figure.suptitle(title_of(drawn.fields), fontsize=9)
        handles = [Line2D([], [], linestyle="", label="width $s$")]
        handles += [
            Line2D([], [], label=str(width), color=colour, marker="o", markersize=3.5)
            for width, colour in reversed(colours.items())
        ]
        handles.append(Line2D([], [], label="loss of record", **LIMIT))
        if drawn.control is not None:
            handles.append(Line2D([], [], label="control", **CONTROL))
        handles += share_handles(shares)
        figure.legend(handles=handles, loc="outside right upper", fontsize=7.5)
    return figure


def _draw_all(made: Sequence[DataScaling], record: float | None) -> Figure:
    """Draws local exponents of data needed, and how the training loss changes."""
    of_record = [each for each in made if each.share == record]
    needed = []
    for each in of_record:
        title = title_of(each.fields)
        none = [Mark(title, None, Estimate(None, None))]
        needed += exponent_marks(title, each.exponents) or none
    changed = [
        Mark(title_of(each.fields), None, each.train_change) for each in of_record
    ]
    words = "" if record is None else f" to remove {record:g} of guessing"
    panels = [
        Panel(
            f"data needed{words}", "local exponent in size", needed, (None, 0.0), SHOWN
        ),
        Panel("training loss", "log ratio, most to least data", changed, (None, 0.0)),
    ]
    return draw_overview(panels, "effective size $p$")


def _draw_panel(axis, split: str, each: DataScaling, colours: dict) -> None:
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis)
    for curve in each.curves:
        shown = curve.test if split == "test" else curve.train
        draw_curve(axis, shown, colours[curve.width], marker="o")
    if split == "test":
        axis.axhline(each.threshold, **LIMIT)
        if each.control is not None:
            axis.plot(each.control.x, each.control.mean, **CONTROL)
    axis.set_xlabel("training examples $n$")
    axis.set_ylabel(describe_loss(each.fields["loss"], split))


def _draw_exponents(axis, found: dict, colours: Colours) -> None:
    axis.axhline(0, **LIMIT)
    draw_exponents(axis, found, colours)
    axis.set_ylabel("local exponent")
    if not any(found[share] for share in found if share in colours):
        annotate_corner(axis, "needed: none of the\ntrain sizes, or the least")
