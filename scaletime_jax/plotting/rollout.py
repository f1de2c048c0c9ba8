"""How the errors of laws grow with the distance from the data."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.laws.backtest import BASELINE, DIRECTIONS
from scaletime_jax.laws.rollout import Chosen, Rung
from scaletime_jax.plotting.backtest import COLOURS, OURS, TITLES
from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import draw_settings, title_of
from scaletime_jax.plotting.style import LIMIT, SETTINGS, WIDTH, use_log_axis
from scaletime_jax.studies.rollout import at_distances

LABEL = "mean |log(predicted / true)| of test loss"
NAMES = {"num_params": "size", "epoch": "time"}
SHOWN = 1e-4, 1.0  # errors beyond lie outside


def plot_rollout(rungs: Sequence[Rung], chosen: Sequence[Chosen]) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(
        rungs, lambda mine: _draw_setting(mine, chosen), lambda: _draw_all(chosen)
    )


def _draw_setting(rungs: Sequence[Rung], chosen: Sequence[Chosen]) -> Figure:
    title = title_of(rungs[0].fields)
    mine = {
        each.law.direction: each
        for each in chosen
        if title_of(each.law.fields) == title
    }
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for axis, direction in zip(axes, DIRECTIONS, strict=True):
            members = [each for each in rungs if each.direction == direction]
            _draw_panel(axis, members, mine.get(direction))
            law = mine[direction].law.predictor if direction in mine else None
            choice = f"chosen: {law}" if law else "too few rungs to choose a law"
            axis.set_title(f"{TITLES[direction]}\n{choice}", fontsize=9)
            name = NAMES[direction]
            axis.set_xlabel(f"{name} predicted / largest {name} fitted")
        axes[0].set_ylabel(LABEL)
        figure.suptitle(title, fontsize=9)
        _draw_legend(figure)
    return figure


def _draw_panel(axis, rungs: Sequence[Rung], chosen: Chosen | None) -> None:
    use_log_axis(axis.xaxis, 5)
    use_log_axis(axis.yaxis, 5)
    least = 1.0
    for law in dict.fromkeys(rung.predictor for rung in rungs):
        mine = [rung for rung in rungs if rung.predictor == law]
        distances, errors = at_distances(mine)
        if not len(errors):
            continue
        least = min(least, errors.min())
        if law == BASELINE:
            axis.plot(distances, errors, **(LIMIT | {"zorder": 3}))
            continue
        best = chosen is not None and chosen.law.predictor == law
        look: Any = {"linewidth": 2.4, "zorder": 4} if best else {"linewidth": 0.8}
        look |= {"alpha": 1.0 if best else 0.6}
        colour = COLOURS[law in OURS]
        axis.plot(distances, errors, "o-", markersize=3, color=colour, **look)
    if chosen is not None:
        top = chosen.law
        star: Any = {"color": COLOURS[top.predictor in OURS], "zorder": 5}
        axis.plot([top.distance], [top.errors[0]], "*", markersize=11, **star)
        least = min(least, float(top.errors[0]))
    axis.set_ylim(max(SHOWN[0], least / 2), SHOWN[1])


def _draw_legend(figure) -> None:
    star: Any = {"marker": "*", "linestyle": "", "markersize": 10}
    handles = [
        Line2D([], [], color=COLOURS[True], label="size and time one product"),
        Line2D([], [], color=COLOURS[False], label="other laws"),
        Line2D([], [], color="0.3", linewidth=2.4, label="chosen on lower rungs"),
        Line2D([], [], color="0.3", label="on the top rung", **star),
        Line2D([], [], label="no change", **LIMIT),
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=7.5
    )


def _draw_all(chosen: Sequence[Chosen]) -> Figure:
    """Draws the errors on the top rungs, of chosen laws and of no change."""
    panels = []
    for direction in DIRECTIONS:
        marks = []
        for each in (one for one in chosen if one.law.direction == direction):
            row = title_of(each.law.fields)
            marks += [
                Mark(row, None, each.law.error),
                Mark(row, None, each.unchanged.error, hollow=True),
            ]
        errors = [mark.estimate.value or np.nan for mark in marks]
        low = np.nanmin(errors) / 2 if errors else SHOWN[0]
        shown = float(max(SHOWN[0], low)), SHOWN[1]
        panels.append(Panel(TITLES[direction], LABEL, marks, (None, None), shown, True))
    return draw_overview(panels, "", "no change", filled="chosen on lower rungs")
