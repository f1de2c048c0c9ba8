"""The scale of the tangent kernel at the start over size, and its slopes."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.style import GUIDE, SETTINGS, WIDTH, use_log_axis
from scaletime_jax.stats.log_means import log_error, log_mean
from scaletime_jax.studies.kernel_scale import Case

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
MARKS = ("o", "s", "^", "D", "v")
PANELS = {
    "square": "mean squared derivative",
    "top": "top eigenvalue, centred",
    "dimension": "effective directions",
}
NAMED = {0.5: "1/2", 1 / 3: "1/3", 0.0: "0"}  # slopes


def plot_kernel_scale(cases: Sequence[Case]) -> dict[str, Figure]:
    """Draws the study's cases; its caption says what is drawn."""
    inits = [*dict.fromkeys(case.init for case in cases)]
    networks = [*dict.fromkeys(case.architecture for case in cases)]
    colours = {each: COLOURS[k % len(COLOURS)] for k, each in enumerate(inits)}
    marks = {each: MARKS[k % len(MARKS)] for k, each in enumerate(networks)}
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
        axes = figure.subplots(2, 3, sharex="col")
        for column, (name, title) in enumerate(PANELS.items()):
            values, slopes = axes[:, column]
            for case in cases:
                look = {
                    "color": colours[case.init],
                    "marker": marks[case.architecture],
                    "markersize": 4,
                    "linewidth": 0.9,
                    "markerfacecolor": "white"
                    if networks.index(case.architecture)
                    else colours[case.init],
                }
                _draw_values(values, case, name, look)
                _draw_slopes(slopes, case, name, look)
            use_log_axis(values.xaxis, 5)
            use_log_axis(values.yaxis)
            values.set_title(f"{'abc'[column]}   {title}", loc="left", fontsize=9)
            slopes.set_title(f"{'def'[column]}   slopes", loc="left", fontsize=9)
            for slope, word in NAMED.items():
                slopes.axhline(slope, **GUIDE)
                slopes.annotate(
                    word,
                    (1, slope),
                    xycoords=("axes fraction", "data"),
                    fontsize=7,
                    color="0.4",
                    ha="right",
                    va="bottom",
                )
            slopes.set_ylim(-0.95, 1.15)
        figure.supxlabel("number of parameters")
        handles = [
            Line2D([], [], color=colour, linewidth=2, label=name)
            for name, colour in colours.items()
        ] + [
            Line2D(
                [],
                [],
                color="0.3",
                marker=mark,
                linestyle="",
                markersize=4.5,
                markerfacecolor="white" if networks.index(name) else "0.3",
                label=name,
            )
            for name, mark in marks.items()
        ]
        if any(case.theory is not None for case in cases):
            handles.append(Line2D([], [], color="0.3", linewidth=0.9, label="theory"))
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return {"": figure}


def _draw_values(axis, case: Case, name: str, look: dict) -> None:
    values = getattr(case, name)
    mean, error = log_mean(values), log_error(values)
    bars = np.exp(mean) - np.exp(mean - error), np.exp(mean + error) - np.exp(mean)
    style = {**look, "linestyle": ""}
    axis.errorbar(case.num_params, np.exp(mean), yerr=bars, **style)
    if name == "square" and case.theory is not None:
        theory = case.theory
        axis.plot(theory.num_params, theory.square, color=look["color"], linewidth=0.9)


def _draw_slopes(axis, case: Case, name: str, look: dict) -> None:
    found = case.slopes(name)
    reach = None
    if found.intervals is not None:
        reach = np.abs(found.intervals.T - found.values)
    axis.errorbar(found.sizes, found.values, yerr=reach, **{**look, "linestyle": ""})
    if name == "square" and case.theory is not None:
        logs, squares = np.log(case.theory.num_params), np.log(case.theory.square)
        between = np.exp((logs[1:] + logs[:-1]) / 2)
        slopes = np.diff(squares) / np.diff(logs)
        axis.plot(between, slopes, color=look["color"], linewidth=0.9)
