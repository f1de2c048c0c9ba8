"""Figure 5 of [B21]: exponents over data with fewer classes and with noisy inputs."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import draw_settings, title_of
from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    shades,
    use_log_axis,
)
from scaletime_jax.plotting.taught import draw_log_means
from scaletime_jax.studies.data_distribution import CLASSES, Altered
from scaletime_jax.studies.data_distribution import WITHIN as LIMITS

MARKERS = {"test_loss": "o", "test_error": "s"}
LABELS = {"classes": "number of classes", "noise": "standard deviation of the noise"}
APART = 0.12  # of the two numbers of one level


def plot_data_distribution(made: Sequence[Altered]) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(made, _draw_setting, lambda: _draw_all(made))


def _draw_setting(made: Sequence[Altered]) -> Figure:
    kinds = list(dict.fromkeys(each.kind for each in made))
    with matplotlib.rc_context(SETTINGS):
        size = WIDTH, 0.3 + 2.9 * len(kinds)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(kinds), 2, squeeze=False)
        for (left, right), kind in zip(panels, kinds, strict=True):
            mine = [each for each in made if each.kind == kind]
            _draw_values(left, mine)
            _draw_changes(right, mine)
        figure.suptitle(title_of(made[0].fields), fontsize=9)
    return figure


def _draw_values(axis, mine: Sequence[Altered]) -> None:
    levels = list(dict.fromkeys(each.level for each in mine))
    ranks = shades(list(range(len(levels))))
    for each in mine:
        found, colour = each.scaling, ranks[levels.index(each.level)]
        every = np.ones(len(found.sizes), bool)
        how = found.whole.value, colour, MARKERS[found.number[1]]
        draw_log_means(axis, found.sizes, found.values, every, *how)
    use_log_axis(axis.xaxis, 5)
    use_log_axis(axis.yaxis)
    axis.set_xlabel("number of training examples $D$")
    axis.set_ylabel("best test loss, and test error")
    line = matplotlib.lines.Line2D
    handles = [
        line([], [], color=ranks[k], marker="o", ms=4, label=_level(mine[0].kind, each))
        for k, each in enumerate(levels)
    ]
    look: Any = {"color": "0.3", "linestyle": "", "ms": 4}
    handles += [
        line([], [], marker="o", label="loss", **look),
        line([], [], marker="s", label="error", **look),
    ]
    axis.legend(handles=handles, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))


def _level(kind: str, level: float | None) -> str:
    if level is None:
        return "all classes"
    return f"{level:g} classes" if kind == CLASSES else f"noise {level:g}"


def _draw_changes(axis, mine: Sequence[Altered]) -> None:
    altered = [each for each in mine if each.level]
    levels = sorted({float(each.level or 0) for each in altered})
    numbers = list(dict.fromkeys(each.scaling.number for each in altered))
    low, high = LIMITS[mine[0].kind]
    for each in altered:
        value, interval, _ = each.change
        if value is None:
            continue
        beside = numbers.index(each.scaling.number) - (len(numbers) - 1) / 2
        place = levels.index(float(each.level or 0)) + APART * beside
        colour = "0.2" if each.scaling.number[1] == "test_loss" else "#d55e00"
        if interval is not None:
            axis.vlines(place, *interval, color=colour, lw=1.2)
        marker = MARKERS[each.scaling.number[1]]
        axis.plot(place, value, marker=marker, ms=4.5, color=colour, linestyle="")
    ends = axis.get_ylim()
    bottom = ends[0] if low is None else low
    axis.axhspan(bottom, ends[1] if high is None else high, **WITHIN)
    axis.axhline(0, **LIMIT)
    axis.set_ylim(min(ends[0], bottom), max(ends[1], high or 0.02))
    axis.set_xticks(range(len(levels)), [f"{each:g}" for each in levels])
    axis.set_xlim(-0.5, len(levels) - 0.5)
    axis.set_xlabel(LABELS[mine[0].kind])
    axis.set_ylabel(r"change of the exponent $\alpha_D$")


def _draw_all(made: Sequence[Altered]) -> Figure:
    panels = []
    for kind in dict.fromkeys(each.kind for each in made):
        marks = [
            Mark(title_of(each.fields), each.level, each.change)
            for each in made
            if each.kind == kind
            and each.level
            and each.scaling.number[1] == "test_loss"
        ]
        label = r"change of $\alpha_D$ of the best test loss"
        panels.append(Panel(LABELS[kind], label, marks, LIMITS[kind]))
    return draw_overview(panels, "classes, or noise")
