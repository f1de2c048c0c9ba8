"""Figures 3, 10 and 11 of [BF24]: predicted and true error over size and time."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import (
    describe_loss,
    describe_size,
    draw_curve,
    draw_settings,
    title_of,
)
from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    shades,
    use_log_axis,
    write_amount,
)
from scaletime_jax.studies.predicted_losses import Extrapolation

PANELS = (
    ("size", "test_loss"),
    ("time", "test_loss"),
    ("size", "train_loss"),
    ("time", "train_loss"),
)
TITLES = {"size": "over size", "time": "over time"}
MOST_CURVES = 4
SHOWN = 1e-3, 3.0  # errors beyond stand at the ends


def plot_extrapolate(
    made: Sequence[Extrapolation], tolerance: float, time: str = "epochs"
) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn.

    Args:
        made: of all settings.
        tolerance: the largest mean |log(predicted / true)| within the claim.
        time: the unit of training time, in the plural.
    """
    return draw_settings(
        made,
        lambda mine: _draw_setting(mine, tolerance, time),
        lambda: _draw_all(made, tolerance),
    )


def _draw_setting(made: Sequence[Extrapolation], tolerance: float, time: str) -> Figure:
    sizes = _spread([each.fields["train_size"] for each in made])
    members = [each for each in made if each.fields["train_size"] in sizes]
    colours = shades(list(sizes))
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
        axes = figure.subplots(2, 2)
        for axis, panel in zip(axes.flat, PANELS, strict=True):
            mine = [each for each in members if (each.direction, each.loss) == panel]
            _draw_panel(axis, mine, colours, tolerance)
            if panel[1] == "test_loss":
                axis.axhline(members[0].threshold, **LIMIT)
            over_time = panel[0] == "time"
            axis.xaxis.set_major_formatter(write_amount)
            axis.set_xlabel(time if over_time else "effective size $p$")
            loss = members[0].fields["loss"]
            axis.set_ylabel(describe_loss(loss, panel[1].split("_")[0]))
        figure.suptitle(title_of(members[0].fields), fontsize=9)
        _draw_legend(figure, colours)
    return figure


def _draw_all(made: Sequence[Extrapolation], tolerance: float) -> Figure:
    """Draws the errors of the test loss, with those of predicting no change."""
    panels = []
    for direction, title in TITLES.items():
        mine = [
            each
            for each in made
            if (each.direction, each.loss) == (direction, "test_loss")
        ]
        marks = []
        for each in mine:
            at = title_of(each.fields), each.fields["train_size"]
            marks += [Mark(*at, each.error), Mark(*at, each.change, hollow=True)]
        label = "mean |log(predicted / true)|"
        panels.append(Panel(title, label, marks, (None, tolerance), SHOWN, True))
    return draw_overview(panels, "training examples", "predicting no change")


def _spread(sizes: Sequence[int | None]) -> set[int | None]:
    """Returns at most MOST_CURVES of the sizes, the ends among them."""
    ordered = sorted(set(sizes), key=lambda size: size or 0)
    places = np.linspace(0, len(ordered) - 1, min(MOST_CURVES, len(ordered)))
    return {ordered[round(place)] for place in places}


def _draw_panel(axis, made: Sequence[Extrapolation], colours, tolerance) -> None:
    use_log_axis(axis.xaxis)
    use_log_axis(axis.yaxis)
    for each in made:
        colour = colours[each.fields["train_size"]]
        marker = "o" if each.direction == "size" else ""
        draw_curve(axis, each.truth, colour, marker=marker)
        look: Any = {"linestyle": "--", "marker": "s", "markerfacecolor": "white"}
        draw_curve(axis, each.predicted, colour, **look)
    if made:
        truth = made[-1].truth  # of the most data
        reach = truth.mean * np.exp(-tolerance), truth.mean * np.exp(tolerance)
        shown = axis.get_ylim()
        axis.fill_between(truth.x, *reach, **WITHIN)
        axis.set_ylim(*shown)


def _draw_legend(figure, colours: dict) -> None:
    handles: list[Any] = [
        Line2D([], [], label=describe_size(size), color=colour)
        for size, colour in reversed(colours.items())
    ]
    grey: Any = {"color": "0.3", "markersize": 3.5}
    handles += [
        Line2D([], [], label="true", marker="o", **grey),
        Line2D(
            [],
            [],
            label="predicted",
            linestyle="--",
            marker="s",
            markerfacecolor="white",
            **grey,
        ),
        Line2D([], [], label="onset predicted", **LIMIT),
        Patch(facecolor=WITHIN["color"], label="within the claim"),
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        title="training examples",
        fontsize=8,
        title_fontsize=8,
    )
