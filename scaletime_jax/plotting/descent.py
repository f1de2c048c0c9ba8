"""Exponents that single steps have beside the exponent of training time."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.laws.collapse import CLAIMED
from scaletime_jax.plotting.settings import write_name
from scaletime_jax.plotting.style import GUIDE, LIMIT, SETTINGS, WIDTH, use_log_axis
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.descent import Measured

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
SHOWN = (-1.0, 2.0)  # exponents beyond stand at the ends
PANELS = {
    "start": "centred kernel, start",
    "top": "centred kernel, equal loss",
    "descent": "descent of a step",
    "reach": "reach of a step",
}
NAMED = {
    "others": "other settings",
    "start": "kernel, start",
    "top": "kernel",
    "gradient": "gradient",
    "descent": "descent",
    "reach": "reach",
}


def plot_descent(
    made: Sequence[Measured], gains: Mapping[str, Estimate]
) -> dict[str, Figure]:
    """Draws the study's pairs of sizes; its caption says what is drawn."""
    kinds = [*dict.fromkeys(map(_kind, made))]
    names = [*dict.fromkeys(optimizer for optimizer, _ in kinds)]
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    looks: dict[tuple[str, bool], Any] = {
        (optimizer, mup): {
            "color": colours[optimizer],
            "markerfacecolor": "white" if mup else colours[optimizer],
            "marker": "o",
            "markersize": 3.5,
            "linestyle": "",
            "linewidth": 0.6,
        }
        for optimizer, mup in kinds
    }
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
        axes = figure.subplots(2, 3)
        panels = zip("abcd", axes.flat, PANELS.items(), strict=False)
        for letter, axis, (name, title) in panels:
            for each in made:
                _draw_pairs(axis, each, each.predicted[name], looks[_kind(each)])
            axis.plot(SHOWN, SHOWN, color="0.5", linewidth=0.8, zorder=0)
            axis.set_xlim(*SHOWN)
            axis.set_xlabel("exponent")
            axis.set_title(f"{letter}   {title}", loc="left", fontsize=9)
        ratios, bars = axes[1, 1:]
        for each in made:
            _draw_pairs(ratios, each, each.directions_each, looks[_kind(each)])
        ratios.set_xscale("log")
        use_log_axis(ratios.xaxis, 4)
        ratios.set_xlabel("directions / parameters")
        ratios.set_title("e   effective directions", loc="left", fontsize=9)
        for axis in axes.flat[:5]:
            axis.set_ylim(*SHOWN)
            axis.axhline(CLAIMED, **LIMIT)
        for axis in axes[:, 0]:
            axis.set_ylabel(r"$\kappa$")
        _draw_gains(bars, gains)
        handles = [
            Line2D(
                [],
                [],
                label=write_name(name) + (", muP" if mup else ""),
                **looks[name, mup],
            )
            for name, mup in kinds
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return {"": figure}


def _kind(each: Measured) -> tuple[str, bool]:
    """Returns the optimizer, and whether the parameterisation is muP."""
    fields = each.cell.collapse.fields
    return str(fields["optimizer"]), fields.get("parameterisation") == "mup"


def _draw_pairs(axis, each: Measured, across: np.ndarray, look: dict) -> None:
    if np.array_equal(across, each.directions_each):
        shown = across
    else:
        shown = np.clip(across, *SHOWN)
    axis.errorbar(shown, np.clip(each.kappa, *SHOWN), yerr=each.error, **look)


def _draw_gains(axis, gains: Mapping[str, Estimate]) -> None:
    names = [name for name in NAMED if name in gains]
    for place, name in enumerate(names):
        found = gains[name]
        if found.value is None:
            continue
        low, high = found.interval or (found.value, found.value)
        axis.plot([low, high], [place, place], color="0.2", linewidth=1)
        axis.plot(found.value, place, "o", color="0.2", markersize=4)
    axis.axvline(0, **GUIDE)
    axis.set_yticks(range(len(names)), [NAMED[name] for name in names], fontsize=7.5)
    axis.invert_yaxis()
    axis.set_xlabel(r"distance from $\kappa$, less that of 1/3")
    axis.set_title("f   worse than 1/3, if above 0", loc="left", fontsize=9)
