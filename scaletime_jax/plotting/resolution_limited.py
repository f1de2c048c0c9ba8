"""Figures 1, 2, S1 and S3 of [B21]: image classifiers over data and model size."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.settings import title_of
from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    annotate_corner,
    use_log_axis,
)
from scaletime_jax.plotting.taught import draw_log_means
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.resolution_limited import WITHIN as SHARES
from scaletime_jax.studies.scalings import (
    BEST_LOSS,
    NUMBERS,
    OVER_DATA,
    Scaling,
)

# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "0.3")
MARKERS = {"test_loss": "o", "test_error": "s"}
LABELS = {
    OVER_DATA: ("number of training examples $D$", r"\alpha_D"),
    "num_params": ("number of parameters $P$", r"\alpha_P"),
}
HALF_ROW = 56  # letters of an entry of the legend
APART = 0.14  # of intervals of one number, beside each other


def plot_resolution_limited(
    made: Sequence[Scaling], dimensions: Mapping[str, Mapping[str, Estimate]]
) -> dict[str, Figure]:
    """Draws a row for each axis; the study's caption says what is drawn."""
    axes_of = list(dict.fromkeys(each.axis for each in made))
    titles = list(dict.fromkeys(_title(each) for each in made))
    colours = {t: COLOURS[k % len(COLOURS)] for k, t in enumerate(titles)}
    with matplotlib.rc_context(SETTINGS):
        size = WIDTH, 0.6 + 2.9 * len(axes_of)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(axes_of), 3, squeeze=False)
        for (left, middle, right), axis in zip(panels, axes_of, strict=True):
            mine = [each for each in made if each.axis == axis]
            _draw_values(left, mine, colours)
            _draw_exponents(middle, mine, colours)
            _draw_dimensions(right, mine, dimensions, colours)
            left.set_xlabel(LABELS[axis][0])
            middle.set_ylabel(f"exponent ${LABELS[axis][1]}$")
            right.set_ylabel(f"4 / ${LABELS[axis][1]}$ of the best test loss")
        handles = [
            Line2D([], [], color=colours[title], marker="o", ms=4, label=title)
            for title in titles
        ]
        columns = 2 if max(map(len, titles)) <= HALF_ROW else 1
        where: Any = {"loc": "outside upper center", "ncols": columns}
        figure.legend(handles=handles, fontsize=8, **where)
    return {"": figure}


def _title(each: Scaling) -> str:
    fixed = {"width": "width", "train_size": "training examples"}
    words = [
        f"{each.fields[name]:,g} {noun}" if noun.endswith("s") else f"{noun} {value:g}"
        for name, noun in fixed.items()
        if (value := each.fields.get(name)) is not None
    ]
    return ", ".join([title_of(each.fields), *words])


def _draw_values(axis, mine: Sequence[Scaling], colours: Mapping[str, str]) -> None:
    for each in mine:
        if each.number[0] == "best":
            how = each.exponent.value, colours[_title(each)], MARKERS[each.number[1]]
            draw_log_means(axis, each.sizes, each.values, each.used, *how)
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis)
    axis.set_ylabel("best test loss, and test error")
    look: Any = {"color": "0.3", "linestyle": "", "ms": 4}
    kinds = [
        Line2D([], [], marker=MARKERS[name], label=label, **look)
        for name, label in (("test_loss", "loss"), ("test_error", "error"))
    ]
    axis.legend(handles=kinds, fontsize=7, loc="lower left")
    low, high = axis.get_ylim()
    axis.set_ylim(low * (low / high) ** 0.2, high)  # room for the legend


def _draw_exponents(axis, mine: Sequence[Scaling], colours: Mapping[str, str]) -> None:
    titles = list(dict.fromkeys(_title(each) for each in mine))
    for each in mine:
        value, interval, _ = each.whole
        if value is None:
            continue
        beside = titles.index(_title(each)) - (len(titles) - 1) / 2
        place = NUMBERS.index(each.number) + APART * beside
        colour = colours[_title(each)]
        if interval is not None:
            axis.vlines(place, *interval, color=colour, lw=1.2)
        marker = MARKERS[each.number[1]]
        axis.plot(place, value, marker=marker, ms=4, color=colour, linestyle="")
    words = [f"{when}\n{column.partition('_')[2]}" for when, column in NUMBERS]
    axis.set_xticks(range(len(NUMBERS)), words)
    axis.set_xlim(-0.5, len(NUMBERS) - 0.5)
    axis.axhline(0, **LIMIT)


def _draw_dimensions(
    axis,
    mine: Sequence[Scaling],
    dimensions: Mapping[str, Mapping[str, Estimate]],
    colours: Mapping[str, str],
) -> None:
    """Draws four over the exponent against each measured dimension.

    An exponent that seeds do not tell from 0 has no finite interval of its inverse.
    """
    reach = 1.0
    for each in mine:
        value, interval, _ = each.inverse
        if each.number != BEST_LOSS or value is None:
            continue
        if interval is not None and interval[0] <= 0:
            continue
        colour = colours[_title(each)]
        for place, found in dimensions.get(each.fields["dataset"], {}).items():
            if found.value is None:
                continue
            face = colour if place == "images" else "white"
            look: Any = {"marker": "o", "ms": 4.5, "markerfacecolor": face}
            if interval is not None:
                axis.vlines(found.value, *interval, color=colour, lw=1.2)
            if found.interval is not None:
                axis.hlines(value, *found.interval, color=colour, lw=1.2)
            axis.plot(found.value, value, color=colour, linestyle="", **look)
            reach = max(reach, found.value, value, *(interval or ()))
    if reach == 1.0:
        annotate_corner(axis, "no exponent above 0, or\nno dimension measured")
    ends = np.array([0, 1.1 * reach])
    axis.fill_between(ends, SHARES[0] * ends, SHARES[1] * ends, **WITHIN)
    axis.plot(ends, ends, **LIMIT)
    axis.set_xlim(*ends)
    axis.set_ylim(*ends)
    axis.set_xlabel("measured dimension $d$")
