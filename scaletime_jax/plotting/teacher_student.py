"""Figures 2, S2 and S4 of [B21]: students of random teachers."""

from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

from scaletime_jax.plotting.style import (
    SETTINGS,
    WIDTH,
    annotate_corner,
    shades,
    use_log_axis,
)
from scaletime_jax.plotting.taught import (
    dots,
    draw_equal,
    draw_log_means,
    legend_above,
)
from scaletime_jax.studies.teacher_student import OVER_DATA, Line, Scaling
from scaletime_jax.studies.teacher_student import WITHIN as SHARES

APART = 0.15  # of points of one dimension, beside each other
LABELS = {
    OVER_DATA: ("number of training examples $D$", r"4 / $\alpha_D$"),
    "num_params": ("number of parameters $P$", r"4 / $\alpha_P$"),
}


def plot_teacher_student(
    made: Sequence[Scaling], lines: Sequence[Line]
) -> dict[str, Figure]:
    """Draws a row for each axis; the study's caption says what is drawn."""
    axes_of = list(dict.fromkeys(each.axis for each in made))
    colours = shades([each.dimension for each in made])
    with matplotlib.rc_context(SETTINGS):
        size = WIDTH, 0.5 + 3.0 * len(axes_of)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(axes_of), 2, squeeze=False)
        for (left, right), axis in zip(panels, axes_of, strict=True):
            mine = [each for each in made if each.axis == axis]
            for each in mine:
                how = each.exponent.value, colours[each.dimension]
                draw_log_means(left, each.sizes, each.losses, each.used, *how)
            left.set_xlabel(LABELS[axis][0])
            left.set_ylabel("least test MSE")
            use_log_axis(left.xaxis, 6)
            use_log_axis(left.yaxis)
            _draw_ratios(right, mine, colours)
            right.set_ylabel(LABELS[axis][1])
            for line in lines:
                if line.axis == axis:
                    annotate_corner(right, _words(line), "bottom")
        legend_above(figure, dots(colours), "dimension of the inputs")
    return {"": figure}


def _draw_ratios(axis, mine: Sequence[Scaling], colours: dict) -> None:
    dimensions = [each.dimension for each in mine]
    draw_equal(axis, dimensions, SHARES)
    for number, each in enumerate(mine):
        value, interval, _ = each.ratio
        if value is None:
            continue
        before = dimensions[:number].count(each.dimension)
        middle = (dimensions.count(each.dimension) - 1) / 2
        place = each.dimension + APART * (before - middle)
        colour = colours[each.dimension]
        if interval is not None:
            axis.vlines(place, *interval, color=colour, lw=1.2)
        axis.plot(place, value, marker="o", ms=4.5, color=colour)


def _words(line: Line) -> str:
    words = []
    for name, (value, interval, _) in (
        ("slope", line.slope),
        ("intercept", line.intercept),
    ):
        spread = f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""
        words.append(f"{name} {value:.2f}{spread}")
    return "\n".join(words)
