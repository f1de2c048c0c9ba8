"""Figure 2 of [B21], left: what students of random teachers learn."""

from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from scaletime_jax.plotting.style import SETTINGS, WIDTH, shades, use_log_axis
from scaletime_jax.plotting.taught import (
    dots,
    draw_equal,
    draw_log_means,
    legend_above,
)
from scaletime_jax.studies.student_functions import WITHIN as SHARES
from scaletime_jax.studies.taught_students import KINDS, Hidden, Other, Segment

MARKERS = {"nearest": "s", "linear": "o"}


def plot_student_functions(
    segment: Segment, hidden: Sequence[Hidden], others: Sequence[Other]
) -> dict[str, Figure]:
    """Draws a figure for each question; the study's caption says what is drawn."""
    return {
        "": _draw_segment(segment),
        "other students": _draw_others(others),
        "dimensions": _draw_dimensions(hidden),
    }


def _draw_segment(segment: Segment) -> Figure:
    colours = shades(segment.sizes.tolist())
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for size, student in zip(segment.sizes.tolist(), segment.students, strict=True):
            upper.plot(segment.positions, student, color=colours[size], lw=1.3)
            lower.plot(
                segment.positions,
                student - segment.teacher,
                color=colours[size],
                lw=1.3,
            )
        black: Any = {"color": "black", "lw": 1.6, "linestyle": "--"}
        upper.plot(segment.positions, segment.teacher, **black)
        lower.axhline(0, **black)
        ends = segment.teacher[[0, -1]]
        upper.plot([0, 1], ends, "o", color="black", ms=5, clip_on=False)
        lower.plot([0, 1], [0, 0], "o", color="black", ms=5, clip_on=False)
        upper.set_ylabel("output")
        lower.set_ylabel("student - teacher")
        lower.set_xlabel("position between two training examples")
        handles = [matplotlib.lines.Line2D([], [], label="teacher", **black)]
        handles += [
            matplotlib.lines.Line2D([], [], color=colour, label=f"{size:,}")
            for size, colour in colours.items()
        ]
        legend_above(
            figure,
            handles,
            f"training examples of the student, d = {segment.dimension}",
        )
    return figure


def _draw_others(others: Sequence[Other]) -> Figure:
    colours = shades([each.dimension for each in others])
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
        panels = figure.subplots(1, 3)
        for axis, (kind, about) in zip(panels, KINDS.items(), strict=False):
            for each in others:
                if each.kind == kind:
                    alpha = about.power / each.ratio.value if each.ratio.value else None
                    how = alpha, colours[each.dimension], MARKERS[kind]
                    draw_log_means(axis, each.sizes, each.losses, each.used, *how)
            use_log_axis(axis.xaxis, 4)
            use_log_axis(axis.yaxis)
            axis.set_xlabel("training examples $D$")
            axis.set_title(about.words, fontsize=9)
        panels[0].set_ylabel("test MSE")
        _draw_ratios(panels[2], others, colours)
        legend_above(figure, dots(colours), "dimension of the inputs")
    return figure


def _draw_ratios(axis, others: Sequence[Other], colours: dict) -> None:
    """Draws k / alpha of both kinds over the dimension."""
    dimensions = [each.dimension for each in others]
    draw_equal(axis, dimensions, SHARES)
    for each in others:
        value, interval, _ = each.ratio
        if value is None:
            continue
        place = each.dimension + (0.1 if each.kind == "linear" else -0.1)
        colour = colours[each.dimension]
        if interval is not None:
            axis.vlines(place, *interval, color=colour, lw=1.2)
        axis.plot(place, value, marker=MARKERS[each.kind], color=colour, ms=4.5)
    # an exponent that is hardly known must not flatten the others
    axis.set_ylim(0, 1.4 * max(dimensions))
    axis.set_title("2 / $\\alpha$ (squares), 4 / $\\alpha$ (circles)", fontsize=9)


def _draw_dimensions(hidden: Sequence[Hidden]) -> Figure:
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH / 2, 3.4), layout="constrained")
        axis = figure.subplots()
        draw_equal(axis, [each.dimension for each in hidden], SHARES)
        for number, (name, colour, marker) in enumerate(
            (("inputs", "0.35", "s"), ("last hidden layer", "tab:blue", "o"))
        ):
            for each in hidden:
                value, interval, _ = each.hidden if number else each.inputs
                place = each.dimension + (0.1 if number else -0.1)
                if value is None:
                    continue
                if interval is not None:
                    axis.vlines(place, *interval, color=colour, lw=1.2)
                axis.plot(place, value, marker=marker, ms=4.5, color=colour)
            axis.plot(
                [], [], marker=marker, ms=4.5, linestyle="", color=colour, label=name
            )
        axis.set_ylabel("measured dimension")
        axis.legend(fontsize=8, loc="upper left")
    return figure
