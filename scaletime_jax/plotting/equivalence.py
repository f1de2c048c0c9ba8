"""Learning curves laid over each other, and the exponent at which they fit best."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaletime_jax.laws.collapse import CLAIMED, PairKappas
from scaletime_jax.laws.threshold_scan import ThresholdScan
from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import describe_loss, draw_settings, title_of
from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    shades,
    use_log_axis,
    write_amount,
)
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.estimates import describe_estimate
from scaletime_jax.studies.equivalence import EXPONENTS, MOST_LEFT, Collapse
from scaletime_jax.words import short

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
    made: Sequence[Collapse], scans: Sequence[ThresholdScan], time: str = "epochs"
) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn.

    Args:
        made: of all settings.
        scans: of all settings.
        time: the unit of training time, in the plural.
    """

    def draw_one(mine: Sequence[Collapse]) -> Figure:
        title = title_of(mine[0].fields)
        of_setting = [scan for scan in scans if title_of(scan.fields) == title]
        return _draw_setting(title, mine, of_setting, time)

    return draw_settings(made, draw_one, lambda: _draw_all(made))


def _draw_setting(
    title: str, made: Sequence[Collapse], scans: Sequence[ThresholdScan], time: str
) -> Figure:
    last = made[-1]
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 5.8), layout="constrained")
        before, after, exponents, scan, pairs, words = figure.subplots(2, 3).flat
        _draw_curves(before, last.curves, 0.0)
        _draw_curves(after, last.curves, last.kappa.value or 0.0)
        _draw_exponents(exponents, made)
        _draw_scans(scan, scans)
        _draw_pairs(pairs, last.pairs)
        before.set_xlabel(time)
        before.set_ylabel(describe_loss(last.fields["loss"]))
        after.set_xlabel(time + r" $\times$ relative size$^\kappa$")
        exponents.set_xlabel("training examples")
        pairs.set_xlabel("number of parameters")
        scan.set_xlabel("share removed" if _are_shares(scans) else "test loss")
        words.set_axis_off()
        words.text(0, 1, _describe(last), va="top", fontsize=8)
        words.legend(handles=_handles(last), loc="lower left", fontsize=7.5)
        figure.suptitle(title, fontsize=9)
    return figure


def _say_not_measured(axis) -> None:
    """Says why a panel is empty."""
    words: Any = {"ha": "center", "fontsize": 8, "transform": axis.transAxes}
    axis.text(0.5, 0.75, "not measured", **words)


def _draw_all(made: Sequence[Collapse]) -> Figure:
    """Draws the exponent of each train size, and what one function leaves."""
    exponents, left = [], []
    for each in made:
        at = title_of(each.fields), each.fields["train_size"]
        exponents.append(Mark(*at, each.kappa))
        left.append(Mark(*at, each.error_in_spreads))
    kappa = "exponent of size in time"
    panels = [
        Panel(kappa, r"$\kappa$", exponents, EXPONENTS, SHOWN),
        Panel(
            "what one function leaves",
            "error / spread of seeds",
            left,
            (None, MOST_LEFT),
            (0.03, 30.0),
            True,
        ),
    ]
    return draw_overview(panels, "training examples")


def _draw_curves(axis, curves: LearningCurves, kappa: float) -> None:
    use_log_axis(axis.xaxis, 5)
    axis.xaxis.set_major_formatter(write_amount)
    use_log_axis(axis.yaxis)
    colours = shades([int(size) for size in curves.num_params])
    for size, mean, sem in zip(curves.num_params, curves.mean, curves.sem, strict=True):
        x = curves.epoch * (size / curves.num_params[0]) ** kappa
        axis.plot(x, np.exp(mean), color=colours[int(size)], linewidth=1.2)
        band = np.exp(mean - sem), np.exp(mean + sem)
        axis.fill_between(x, *band, color=colours[int(size)], alpha=0.2, linewidth=0)


def _describe(last: Collapse) -> str:
    """Returns what was found at the largest train size, a line a statement."""
    lines = [last.verdict]
    if last.fields["train_size"] is not None:
        lines.insert(0, f"{short(last.fields['train_size'])} training examples:")
    lines.append(rf"$\kappa$ {describe_estimate(last.kappa)}")
    if last.error is not None and last.error_in_spreads.value is not None:
        lines.append(f"one function leaves {last.error:.3f}")
        lines.append("in units of the seeds' spread:")
        lines.append(describe_estimate(last.error_in_spreads))
    return "\n".join(lines)


def _draw_exponents(axis, members: Sequence[Collapse]) -> None:
    axis.axhline(CLAIMED, **LIMIT)
    axis.axhspan(*EXPONENTS, **WITHIN)
    for place, each in enumerate(members):
        value, interval = each.kappa.value, each.kappa.interval
        if value is None:
            continue
        look = MARKERS[each.verdict]
        low, high = interval or (value, value)
        axis.plot([place, place], np.clip([low, high], *SHOWN), color=look["color"])
        axis.plot([place], np.clip([value], *SHOWN), linestyle="", **look)
    if all(each.kappa.value is None for each in members):
        _say_not_measured(axis)
    sizes = [each.fields["train_size"] for each in members]
    axis.set_xticks(range(len(sizes)), [_short(size) for size in sizes], fontsize=8)
    axis.set_xlim(-0.5, len(sizes) - 0.5)
    axis.set_ylim(*SHOWN)
    axis.set_ylabel(r"exponent $\kappa$")


def _draw_pairs(axis, pairs: PairKappas | None) -> None:
    axis.axhline(CLAIMED, **LIMIT)
    axis.axhspan(*EXPONENTS, **WITHIN)
    axis.set_ylim(*SHOWN)
    axis.set_ylabel(r"$\kappa$ of two sizes")
    if pairs is None or not np.isfinite(pairs.values).any():
        axis.set_xticks([])
        _say_not_measured(axis)
    else:
        use_log_axis(axis.xaxis, 4)
        # also where a single pair is known
        axis.set_xlim(pairs.num_params[0] / 1.3, pairs.num_params[-1] * 1.3)
        axis.xaxis.set_major_formatter(lambda size, _: _short(size))
        axis.plot(pairs.num_params, pairs.values, "o-", color="0.3", markersize=3.5)
        if pairs.intervals is not None:
            ends = np.clip(pairs.intervals.T, *SHOWN)
            axis.vlines(pairs.num_params, *ends, color="0.3", linewidth=1)


def _short(size: int | float | None) -> str:
    return "not given" if size is None else short(size, 1e3)


def _are_shares(scans: Sequence[ThresholdScan]) -> bool:
    return any(scan.shares is not None for scan in scans)


def _draw_scans(axis, scans: Sequence[ThresholdScan]) -> None:
    axis.axhline(CLAIMED, **LIMIT)
    axis.axhspan(*EXPONENTS, **WITHIN)
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
    use_log_axis(axis.xaxis, 5)
    if all(kappa.value is None for scan in scans for kappa in scan.kappa):
        _say_not_measured(axis)
    if _are_shares(scans):
        axis.set_xlim(0.008, 1)
    else:
        axis.invert_xaxis()  # training goes to the right
    axis.set_ylim(*SHOWN)
    axis.set_ylabel(r"exponent $\kappa$")
    if any(scan.fields["train_size"] is not None for scan in shown):
        axis.legend(title="examples", fontsize=7, title_fontsize=7)


def _handles(last: Collapse) -> list[Any]:
    sizes = shades([int(size) for size in last.curves.num_params])
    ends = dict.fromkeys((min(sizes), max(sizes)))
    handles: list[Any] = [
        Line2D([], [], label=f"{_short(size)} parameters", color=sizes[size])
        for size in ends
    ]
    handles += [
        Line2D([], [], label=verdict, linestyle="", **look)
        for verdict, look in MARKERS.items()
    ]
    band = rf"$\kappa$ = 1/3 $\pm$ {EXPONENTS[1] - CLAIMED:.2f}"
    return [*handles, Patch(facecolor=WITHIN["color"], label=band)]
