"""Learning curves laid over each other, and the exponent at which they fit best."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.laws.collapse import CLAIMED, PairKappas
from scaletime_jax.laws.threshold_scan import ThresholdScan
from scaletime_jax.plotting.settings import THRESHOLD, label_row
from scaletime_jax.plotting.style import (
    SETTINGS,
    shades,
    use_log_axis,
    use_loss_axis,
)
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.studies.equivalence import Collapse

MARKERS: dict[str, Any] = {
    "equivalent": {"marker": "o", "markersize": 6, "color": "#1a6fa8"},
    "trade-off, other exponent": {"marker": "s", "markersize": 5, "color": "#7a4fa3"},
    "no collapse": {"marker": "X", "markersize": 6, "color": "#b3470b"},
    "undecided": {"marker": "o", "markersize": 5, "color": "0.5", "mfc": "white"},
}
# Beyond these an exponent says little.
SHOWN = (-0.4, 1.6)
MOST_SCANS = 3


def plot_equivalence(
    made: Sequence[Collapse], scans: Sequence[ThresholdScan]
) -> Figure:
    """Draws curves and exponents, a row a setting; the caption says what is drawn."""
    rows: dict[tuple, list[Collapse]] = {}
    for each in made:
        rows.setdefault(_setting(each.fields), []).append(each)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(13.2, 2.5 * len(rows) + 0.9), layout="constrained")
        axes = figure.subplots(len(rows), 5, squeeze=False)
        for line, (setting, members) in zip(axes, rows.items(), strict=True):
            mine = [scan for scan in scans if _setting(scan.fields) == setting]
            last = members[-1]
            _draw_curves(line[0], last.curves, 0.0)
            _draw_curves(line[1], last.curves, last.kappa.value or 0.0)
            _describe(line[1], last)
            _draw_exponents(line[2], members)
            _draw_pairs(line[3], last.pairs)
            _draw_scans(line[4], mine)
            line[1].sharey(line[0])
            label_row(line[0], last.fields)
        labels = (
            "epochs",
            r"epochs $\times$ relative size$^\kappa$",
            "training examples",
            "parameters",
            "share removed" if _are_shares(scans) else "test loss",
        )
        for axis, label in zip(axes[-1], labels, strict=True):
            axis.set_xlabel(label)
        _draw_legend(figure)
    return figure


def _setting(fields: dict) -> tuple:
    return tuple(v for k, v in fields.items() if k != "train_size")


def _draw_curves(axis, curves: LearningCurves, kappa: float) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    colours = shades([int(size) for size in curves.num_params])
    for size, mean, sem in zip(curves.num_params, curves.mean, curves.sem, strict=True):
        x = curves.epoch * (size / curves.num_params[0]) ** kappa
        axis.plot(x, np.exp(mean), color=colours[int(size)], linewidth=1.2)
        band = np.exp(mean - sem), np.exp(mean + sem)
        axis.fill_between(x, *band, color=colours[int(size)], alpha=0.2, linewidth=0)
    axis.xaxis.set_major_locator(matplotlib.ticker.LogLocator(numticks=6))
    axis.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    use_loss_axis(axis.yaxis)


def _describe(axis, last: Collapse) -> None:
    words = "no exponent"
    if last.kappa.value is not None:
        words = rf"$\kappa$ = {last.kappa.value:.2f}"
        if last.kappa.interval is not None:
            words += " [{:.2f}, {:.2f}]".format(*last.kappa.interval)
    if last.fields["train_size"] is not None:
        words = f"n = {last.fields['train_size']:,}: {words}"
    words += f"\n{last.verdict}"
    if last.error is not None and last.error_in_spreads.value is not None:
        ratio = last.error_in_spreads
        words += f"; error {last.error:.3f}, {ratio.value:.1f} spreads"
        if ratio.interval is not None:
            words += " [{:.1f}, {:.1f}]".format(*ratio.interval)
    axis.set_title(words, fontsize=7.5)


def _draw_exponents(axis, members: Sequence[Collapse]) -> None:
    axis.axhline(CLAIMED, **THRESHOLD)
    for place, each in enumerate(members):
        value, interval = each.kappa.value, each.kappa.interval
        if value is None:
            continue
        look = MARKERS[each.verdict]
        low, high = interval or (value, value)
        axis.plot([place, place], np.clip([low, high], *SHOWN), color=look["color"])
        axis.plot([place], np.clip([value], *SHOWN), linestyle="", **look)
    sizes = [each.fields["train_size"] for each in members]
    axis.set_xticks(range(len(sizes)), [_short(size) for size in sizes], fontsize=8)
    axis.set_xlim(-0.5, len(sizes) - 0.5)
    axis.set_ylim(*SHOWN)
    axis.set_ylabel(r"exponent $\kappa$")


def _draw_pairs(axis, pairs: PairKappas | None) -> None:
    axis.axhline(CLAIMED, **THRESHOLD)
    axis.set_ylim(*SHOWN)
    axis.set_ylabel(r"$\kappa$ of two sizes")
    if pairs is None or not np.isfinite(pairs.values).any():
        axis.set_xticks([])
    else:
        axis.set_xscale("log")
        # also where a single pair is known
        axis.set_xlim(pairs.num_params[0] / 1.3, pairs.num_params[-1] * 1.3)
        axis.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(lambda size, _: _short(size))
        axis.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
        axis.plot(pairs.num_params, pairs.values, "o-", color="0.3", markersize=3.5)
        if pairs.intervals is not None:
            ends = np.clip(pairs.intervals.T, *SHOWN)
            axis.vlines(pairs.num_params, *ends, color="0.3", linewidth=1)


def _short(size: int | float | None) -> str:
    if size is None:
        return "not given"
    return f"{size / 1000:g}k" if size >= 1000 else f"{size:g}"


def _are_shares(scans: Sequence[ThresholdScan]) -> bool:
    return any(scan.shares is not None for scan in scans)


def _draw_scans(axis, scans: Sequence[ThresholdScan]) -> None:
    axis.axhline(CLAIMED, **THRESHOLD)
    places = np.linspace(0, len(scans) - 1, min(MOST_SCANS, len(scans)))
    shown = [scans[round(place)] for place in places]
    colours = shades([scan.fields["train_size"] for scan in shown])
    for scan in shown:
        known = [k for k, kappa in enumerate(scan.kappa) if kappa.value is not None]
        x = np.array(scan.shares or scan.thresholds)[known]
        found = [scan.kappa[k] for k in known]
        value = np.array([kappa.value for kappa in found])
        ends = np.array([kappa.interval or (np.nan, np.nan) for kappa in found])
        size = scan.fields["train_size"]
        axis.plot(x, value, ".-", color=colours[size], label=_short(size), linewidth=1)
        if len(found):
            axis.fill_between(x, *ends.T, color=colours[size], alpha=0.15, linewidth=0)
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    if _are_shares(scans):
        axis.set_xlim(0.008, 1)
        use_log_axis(axis.xaxis, (1, 3))
    else:
        axis.set_xlim(high, low)  # training goes to the right
        use_log_axis(axis.xaxis, (1, 2, 3, 5, 7) if high < 6 * low else (1, 2, 5))
        if high < 1.5 * low:
            axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
            axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.set_ylim(*SHOWN)
    axis.set_ylabel(r"exponent $\kappa$")
    if any(scan.fields["train_size"] is not None for scan in shown):
        axis.legend(title="examples", fontsize=7, title_fontsize=7)


def _draw_legend(figure) -> None:
    handles = [
        Line2D([], [], label=verdict, linestyle="", **look)
        for verdict, look in MARKERS.items()
    ]
    handles.append(Line2D([], [], label=r"$\kappa$ = 1/3", **THRESHOLD))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
