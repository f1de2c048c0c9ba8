"""How far laws are off on what they have not seen."""

from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.laws.backtest import BASELINE, DIRECTIONS, Score
from scaletime_jax.plotting.settings import THRESHOLD, describe_setting
from scaletime_jax.plotting.style import SETTINGS, shades, use_log_axis

TITLES = {
    "num_params": "larger networks from smaller ones",
    "epoch": "longer training from shorter",
}
OURS = ("scale-time", "scale-time, fitted", "unified law")
COLOURS: Any = {True: shades([0, 1])[1], False: "#3c5a78"}
WHOLE = 0.995  # of the points, by rounding


def plot_backtest(scores: Sequence[Score]) -> Figure:
    """Draws the study's scores; its caption says what is drawn."""
    settings = list(dict.fromkeys(tuple(each.fields.items()) for each in scores))
    names = list(dict.fromkeys(each.predictor for each in scores))[::-1]
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(10, 2.5 * len(settings) + 0.9), layout="constrained")
        axes = figure.subplots(len(settings), 2, sharey=True, squeeze=False)
        for line, setting in zip(axes, settings, strict=True):
            for axis, direction in zip(line, DIRECTIONS, strict=True):
                members = [
                    each
                    for each in scores
                    if tuple(each.fields.items()) == setting
                    and each.direction == direction
                ]
                _draw_panel(axis, members, names)
            line[0].set_ylabel(describe_setting(dict(setting)))
        for axis, direction in zip(axes[0], DIRECTIONS, strict=True):
            axis.set_title(TITLES[direction], fontsize=10)
        for axis in axes[-1]:
            axis.set_xlabel("mean |log(predicted / true)| of held-out test loss")
        _draw_legend(figure)
    return figure


def _draw_panel(axis, members: Sequence[Score], names: list[str]) -> None:
    axis.set_xscale("log")
    axis.set_ylim(-0.7, len(names) - 0.3)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    known: Sequence[Score] = [each for each in members if each.error.value]
    if not known:
        axis.set_xticks([])
        axis.set_xticks([], minor=True)
        words = {"ha": "center", "fontsize": 8, "transform": axis.transAxes}
        axis.text(0.5, 0.5, "too little was learned by then to predict", **words)
        return
    least = min(float(each.error.value or 1) for each in known)
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
            axis.axvline(value, **THRESHOLD)
    for each in known:
        at = 1.01, names.index(each.predictor)
        words = {"fontsize": 7, "va": "center", "transform": axis.get_yaxis_transform()}
        covered = "\N{EN DASH}" if each.covered is None else f"{each.covered:.0%}"
        axis.text(*at, covered, **words)
    low, high = axis.get_xlim()
    use_log_axis(axis.xaxis, (1, 1.5, 2, 3, 5, 7) if high < 10 * low else (1, 2, 5))


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
        Line2D([], [], label="no change", **THRESHOLD),
        Line2D([], [], label="%: in its 95% intervals", linestyle=""),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
