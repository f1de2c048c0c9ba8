"""Figures 2, S2 and S4 of [B21]: students of random teachers."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    annotate_corner,
    shades,
    use_log_axis,
)
from scaletime_jax.studies.teacher_student import OVER_DATA, Line, Scaling
from scaletime_jax.studies.teacher_student import WITHIN as SHARES

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
                _draw_losses(left, each, colours[each.dimension])
            left.set_xlabel(LABELS[axis][0])
            left.set_ylabel("least test MSE")
            use_log_axis(left.xaxis, 6)
            use_log_axis(left.yaxis)
            _draw_ratios(right, mine, colours)
            right.set_ylabel(LABELS[axis][1])
            for line in lines:
                if line.axis == axis:
                    annotate_corner(right, _words(line))
        handles = [
            matplotlib.lines.Line2D(
                [], [], color=colour, marker="o", ms=4, label=f"{d}"
            )
            for d, colour in colours.items()
        ]
        figure.legend(
            handles=handles,
            loc="outside upper center",
            ncols=len(handles),
            title="dimension of the inputs",
            fontsize=8,
            title_fontsize=8,
        )
    return {"": figure}


def _draw_losses(axis, each: Scaling, colour) -> None:
    logs = np.log(each.losses)
    mean = np.exp(logs.mean(axis=1))
    seeds = logs.shape[1]
    error = logs.std(axis=1, ddof=1) / np.sqrt(seeds) if seeds > 1 else 0 * mean
    axis.vlines(
        each.sizes, mean * np.exp(-error), mean * np.exp(error), color=colour, lw=1
    )
    for shown, face in ((each.used, colour), (~each.used, "white")):
        look = {"color": colour, "markerfacecolor": face, "ms": 4, "marker": "o"}
        axis.plot(each.sizes[shown], mean[shown], linestyle="", **look)
    if each.exponent.value is not None:
        sizes = each.sizes[each.used]
        centre = np.exp(np.log(sizes).mean())
        level = np.exp(np.log(mean[each.used]).mean())
        axis.plot(
            sizes,
            level * (sizes / centre) ** -each.exponent.value,
            color=colour,
            lw=1.2,
        )


def _draw_ratios(axis, mine: Sequence[Scaling], colours: dict) -> None:
    dimensions = [each.dimension for each in mine]
    ends = np.array([min(dimensions) - 0.5, max(dimensions) + 0.5])
    axis.fill_between(ends, SHARES[0] * ends, SHARES[1] * ends, **WITHIN)
    axis.plot(ends, ends, **LIMIT)
    for each in mine:
        value, interval, _ = each.ratio
        if value is None:
            continue
        colour = colours[each.dimension]
        if interval is not None:
            axis.vlines(each.dimension, *interval, color=colour, lw=1.2)
        axis.plot(each.dimension, value, marker="o", ms=4.5, color=colour)
    axis.set_xticks(sorted(set(dimensions)))
    axis.set_xlim(*ends)
    axis.set_xlabel("dimension of the inputs $d$")


def _words(line: Line) -> str:
    words = []
    for name, (value, interval, _) in (
        ("slope", line.slope),
        ("intercept", line.intercept),
    ):
        spread = f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""
        words.append(f"{name} {value:.2f}{spread}")
    return "\n".join(words)
