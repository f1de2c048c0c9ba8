"""Figures 3, 10 and 11 of [BF24]: predicted and true error over size and time."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.settings import (
    THRESHOLD,
    describe_loss,
    describe_size,
    draw_curve,
    label_row,
)
from scaletime_jax.plotting.style import (
    SETTINGS,
    shades,
    use_log_axis,
    use_loss_axis,
)
from scaletime_jax.studies.predicted_losses import Extrapolation

COLUMNS = (
    ("size", "test_loss"),
    ("size", "train_loss"),
    ("time", "test_loss"),
    ("time", "train_loss"),
)
X_LABELS = {
    "size": "effective size $p$",
    "time": "epochs",
}
MOST_CURVES = 4


def plot_extrapolate(made: Sequence[Extrapolation]) -> Figure:
    """Draws the study's curves, a row a setting; its caption says what is drawn."""
    rows: dict[tuple, list[Extrapolation]] = {}
    for each in made:
        setting = tuple(v for k, v in each.fields.items() if k != "train_size")
        rows.setdefault(setting, []).append(each)
    colours = shades([each.fields["train_size"] for each in made])
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(10.4, 2.5 * len(rows) + 0.9), layout="constrained")
        axes = figure.subplots(len(rows), 4, sharey="row", squeeze=False)
        shown: set[int | None] = set()
        for line, members in zip(axes, rows.values(), strict=True):
            sizes = _spread([each.fields["train_size"] for each in members])
            shown |= sizes
            members = [m for m in members if m.fields["train_size"] in sizes]
            for axis, column in zip(line, COLUMNS, strict=True):
                _draw_panel(axis, column, members, colours)
                if column[1] == "test_loss":
                    axis.axhline(members[0].threshold, **THRESHOLD)
            use_loss_axis(line[0].yaxis)  # shared by the row
            label_row(line[0], members[0].fields)
        for axis, (direction, _) in zip(axes[-1], COLUMNS, strict=True):
            axis.set_xlabel(X_LABELS[direction])
        _draw_legend(figure, {s: c for s, c in colours.items() if s in shown})
    return figure


def _spread(sizes: Sequence[int | None]) -> set[int | None]:
    """Returns at most MOST_CURVES of the sizes, the ends among them."""
    ordered = sorted(set(sizes), key=lambda size: size or 0)
    places = np.linspace(0, len(ordered) - 1, min(MOST_CURVES, len(ordered)))
    return {ordered[round(place)] for place in places}


def _draw_panel(axis, column, members: Sequence[Extrapolation], colours) -> None:
    direction, loss = column
    axis.set_xscale("log")
    axis.set_yscale("log")
    for each in members:
        if (each.direction, each.loss) != column:
            continue
        colour = colours[each.fields["train_size"]]
        draw_curve(axis, each.truth, colour, marker="o" if direction == "size" else "")
        draw_curve(
            axis,
            each.predicted,
            colour,
            linestyle="--",
            marker="s",
            markerfacecolor="white",
        )
    low, high = axis.get_xlim()
    use_log_axis(axis.xaxis, subs=_ticks(high / low))
    axis.set_ylabel(describe_loss(members[0].fields["loss"], loss.split("_")[0]))


def _ticks(ratio: float) -> tuple[int, ...]:
    """Returns the multiples of a power of ten that a small panel has room for."""
    if ratio < 10:
        return 1, 2, 3, 5, 7
    return (1, 2, 5) if ratio < 30 else (1, 3) if ratio < 300 else (1,)


def _draw_legend(figure, colours: dict) -> None:
    handles = [
        Line2D([], [], label=describe_size(size), color=colour)
        for size, colour in sorted(colours.items(), reverse=True)
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
        Line2D([], [], label="threshold", **THRESHOLD),
    ]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(6, len(handles)),
        title="training examples",
    )
