"""How far laws are off on what they have not seen."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.laws.backtest import BASELINE, DIRECTIONS, Score
from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import draw_settings, title_of
from scaletime_jax.plotting.style import LIMIT, SETTINGS, WIDTH, use_log_axis
from scaletime_jax.stats.estimates import Estimate

TITLES = {
    "num_params": "larger networks from smaller ones",
    "epoch": "longer training from shorter",
}
OURS = ("scale-time", "scale-time, fitted", "unified law")
COLOURS: Any = {True: "#b3470b", False: "#3c5a78"}
SHOWN = 0.05, 20.0  # ratios beyond stand at the ends
WHOLE = 0.995  # of the points, by rounding


def plot_backtest(scores: Sequence[Score]) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(scores, _draw_setting, lambda: _draw_all(scores))


def _draw_setting(scores: Sequence[Score]) -> Figure:
    names = _laws(scores)[::-1]
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for axis, direction in zip(axes, DIRECTIONS, strict=True):
            members = [each for each in scores if each.direction == direction]
            _draw_panel(axis, members, names)
            axis.set_title(TITLES[direction], fontsize=9)
            axis.set_xlabel("mean |log(predicted / true)| of held-out test loss")
        figure.suptitle(title_of(scores[0].fields), fontsize=9)
        _draw_legend(figure)
    return figure


def _laws(scores: Sequence[Score]) -> list[str]:
    return list(dict.fromkeys(each.predictor for each in scores))


def _draw_all(scores: Sequence[Score]) -> Figure:
    """Draws each law's error over that of predicting no change: median and settings."""
    panels = []
    for direction in DIRECTIONS:
        mine = [each for each in scores if each.direction == direction]
        no_change = {
            title_of(each.fields): each.error.value
            for each in mine
            if each.predictor == BASELINE
        }
        marks = []
        for law in _laws(scores):
            ratios = [
                each.error.value / base
                for each in mine
                if each.predictor == law
                and each.error.value
                and each.reached > 0
                and (base := no_change.get(title_of(each.fields)))
            ]
            marks += [Mark(law, None, Estimate(r, None), hollow=True) for r in ratios]
            middle = float(np.median(ratios)) if ratios else None
            marks.append(Mark(law, None, Estimate(middle, None)))
        label = "error / error of predicting no change"
        panels.append(Panel(TITLES[direction], label, marks, (None, 1.0), SHOWN, True))
    return draw_overview(
        panels,
        "",
        "one setting",
        "better than no change",
        filled="median over settings",
    )


def _draw_panel(axis, members: Sequence[Score], names: list[str]) -> None:
    axis.set_ylim(-0.7, len(names) - 0.3)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    known: Sequence[Score] = [each for each in members if each.error.value]
    if not known:
        axis.set_xticks([])
        axis.set_xticks([], minor=True)
        words = {"ha": "center", "fontsize": 8, "transform": axis.transAxes}
        axis.text(0.5, 0.5, "no law can be compared on these runs", **words)
        return
    least = min(float(each.error.value or 1) for each in known)
    use_log_axis(axis.xaxis, 5)
    for each in known:
        if each.reached == 0:  # what stands in would be drawn
            continue
        value, place = float(each.error.value or 0), names.index(each.predictor)
        colour = COLOURS[each.predictor in OURS]
        low, high = each.error.interval or (value, value)
        axis.plot([max(low, least / 3), high], [place, place], color=colour)
        whole = each.reached > WHOLE
        look: Any = {"color": colour, "markerfacecolor": colour if whole else "white"}
        axis.plot([value], [place], "o", markersize=5, **look)
        if each.predictor == BASELINE:
            axis.axvline(value, **LIMIT)
    for each in known:
        at = 1.01, names.index(each.predictor)
        words = {"fontsize": 7, "va": "center", "transform": axis.get_yaxis_transform()}
        covered = "\N{EN DASH}" if each.covered is None else f"{each.covered:.0%}"
        axis.text(*at, covered, **words)


def _draw_legend(figure) -> None:
    grey: Any = {"linestyle": "", "marker": "o", "markersize": 5}
    handles = [
        Line2D([], [], label="size and time one product", color=COLOURS[True], **grey),
        Line2D([], [], label="other laws", color=COLOURS[False], **grey),
        Line2D(
            [],
            [],
            label="reaches a part",
            color="0.4",
            markerfacecolor="white",
            **grey,
        ),
        Line2D([], [], label="no change", **LIMIT),
        Line2D([], [], label="%: in its 95% intervals", linestyle=""),
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=7.5
    )
