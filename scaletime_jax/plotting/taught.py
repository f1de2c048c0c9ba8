"""What figures of students of teachers share: losses over size, a legend above."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.style import LIMIT, WITHIN
from scaletime_jax.stats.log_means import log_error, log_mean


def draw_log_means(
    axis,
    sizes: np.ndarray,
    losses: np.ndarray,
    used: np.ndarray,
    exponent: float | None,
    colour,
    marker: str = "o",
) -> None:
    """Draws means over seeds of the logarithm, with one standard error, and the fit.

    Args:
        axis: with logarithmic x and y.
        sizes: [sizes].
        losses: [sizes, seeds].
        used: [sizes] whether a size is fitted; others are open.
        exponent: of the fitted line; None without a line.
        colour: of all.
        marker: of the points.
    """
    mean, error = np.exp(log_mean(losses)), log_error(losses)
    axis.vlines(sizes, mean * np.exp(-error), mean * np.exp(error), color=colour, lw=1)
    for shown, face in ((used, colour), (~used, "white")):
        look: Any = {"color": colour, "markerfacecolor": face, "ms": 4}
        axis.plot(sizes[shown], mean[shown], linestyle="", marker=marker, **look)
    if exponent is not None:
        fitted = sizes[used]
        centre, level = (
            np.exp(np.log(values).mean()) for values in (fitted, mean[used])
        )
        line = level * (fitted / centre) ** -exponent
        axis.plot(fitted, line, color=colour, lw=1.2)


def draw_equal(axis, dimensions: Sequence[int], within: tuple[float, float]) -> None:
    """Draws the line of numbers equal to the dimension, and the band of a claim.

    Args:
        axis: whose x is the dimension.
        dimensions: the ticks.
        within: limits of number / dimension.
    """
    ends = np.array([min(dimensions) - 0.5, max(dimensions) + 0.5])
    axis.fill_between(ends, within[0] * ends, within[1] * ends, **WITHIN)
    axis.plot(ends, ends, **LIMIT)
    axis.set_xticks(sorted(set(dimensions)))
    axis.set_xlim(*ends)
    axis.set_xlabel("dimension of the inputs $d$")


def dots(colours: Mapping[int, Any]) -> list[Line2D]:
    """Returns the entries of a legend: a number for each colour."""
    return [
        Line2D([], [], color=colour, marker="o", ms=4, label=f"{value:,}")
        for value, colour in colours.items()
    ]


def legend_above(figure: Figure, handles: Sequence[Line2D], title: str) -> None:
    """Draws one row of entries above all panels."""
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=len(handles),
        title=title,
        fontsize=8,
        title_fontsize=8,
    )
