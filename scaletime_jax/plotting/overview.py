"""One number of many settings beside each other: a row a setting, with its limits."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    shades,
    use_log_axis,
)
from scaletime_jax.stats.claims import Limits
from scaletime_jax.stats.estimates import Estimate

MOST_SHADES = 8  # in the legend
LONGEST = 45  # label of a row, beyond which what all rows share is the title
# Markers of numbers, filled and hollow; the filled ones lie above.
LOOKS: dict[bool, Any] = {
    False: {"marker": "o", "markersize": 3.8, "zorder": 4},
    True: {"marker": "s", "markersize": 3.2, "markerfacecolor": "white", "zorder": 3},
}


class Mark(NamedTuple):
    """One number.

    Attributes:
        row: what it is of, the label of a row.
        shade: how much data or how large a size; None where that is not known.
        estimate: the number with its interval.
        hollow: drawn as an open square, the number of a comparison.
    """

    row: str
    shade: float | None
    estimate: Estimate
    hollow: bool = False


class Panel(NamedTuple):
    """One quantity of all settings.

    Attributes:
        title: what the quantity says.
        label: the quantity, with its unit.
        marks: its numbers.
        within: the limits between which a claim holds; None without a claim.
        shown: the range of the axis; numbers beyond stand at its ends. None for all.
        is_log: whether the axis is logarithmic.
    """

    title: str
    label: str
    marks: Sequence[Mark]
    within: Limits | None = None
    shown: tuple[float, float] | None = None
    is_log: bool = False


def draw_overview(
    panels: Sequence[Panel],
    shade: str,
    hollow: str = "",
    within: str = "the claim holds",
    filled: str = "",
) -> Figure:
    """Draws the panels side by side; rows and colours are common.

    Args:
        panels: at most three.
        shade: what the colours are of, in words.
        hollow: what open squares are, in words.
        within: what is true between the limits, in words.
        filled: what filled circles without a colour are, in words.
    """
    marks = [mark for panel in panels for mark in panel.marks]
    rows = list(dict.fromkeys(mark.row for mark in marks))
    known = [mark.shade for mark in marks if mark.shade is not None]
    colours = {None: (0.3, 0.3, 0.3, 1.0), **shades(known)}
    depth = max((_stacked(panel, row) for panel in panels for row in rows), default=1)
    step = min(0.25, 0.8 / max(depth, 1))  # of marks in a row, rows being one apart
    height = 1.5 + len(rows) * max(0.36, 0.065 * depth + 0.1)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            _draw_panel(axis, panel, rows, colours, step)
        title, labels = _shorten(rows)
        axes[0].set_yticks(range(len(rows)), labels, fontsize=8)
        if title:
            figure.suptitle(title, fontsize=9)
        axes[0].set_ylim(max(len(rows), 1) - 0.5, -0.5)
        handles = _handles(colours, {False: filled, True: hollow}, within, panels)
        columns = len(handles) if len(handles) < 7 else -(-len(handles) // 2)
        figure.legend(
            handles=handles,
            loc="outside lower center" if title else "outside upper center",
            ncols=columns,
            title=shade if known else None,
            fontsize=8,
            title_fontsize=8,
        )
    return figure


def _shorten(rows: Sequence[str]) -> tuple[str, list[str]]:
    """Returns what long labels begin and end with in common, and the rest of each."""
    parts = [row.split(", ") for row in rows]
    if len(rows) < 2 or max(map(len, rows)) <= LONGEST:
        return "", list(rows)
    first: list[str] = []
    while all(len(each) > 1 and each[0] == parts[0][0] for each in parts):
        first.append(parts[0][0])
        parts = [each[1:] for each in parts]
    last: list[str] = []
    while all(len(each) > 1 and each[-1] == parts[0][-1] for each in parts):
        last.insert(0, parts[0][-1])
        parts = [each[:-1] for each in parts]
    return ", ".join(first + last), [", ".join(each) for each in parts]


def _stacked(panel: Panel, row: str) -> int:
    """Returns how many intervals a row has, which must not lie on each other."""
    spread = [mark for mark in panel.marks if mark.estimate.interval is not None]
    return sum(mark.row == row for mark in spread)


def _draw_panel(
    axis, panel: Panel, rows: list[str], colours: dict, step: float
) -> None:
    if panel.is_log:
        use_log_axis(axis.xaxis, 5)
    if panel.title:
        axis.set_title(panel.title, fontsize=9)
    axis.set_xlabel(panel.label)
    low, high = panel.shown or (-np.inf, np.inf)
    for place, row in enumerate(rows):
        mine = [mark for mark in panel.marks if mark.row == row]
        mine.sort(key=lambda mark: (mark.shade or 0, mark.hollow))
        apart = step if _stacked(panel, row) else 0.0
        levels = place + apart * (np.arange(len(mine)) - (len(mine) - 1) / 2)
        for mark, level in zip(mine, levels, strict=True):
            _draw_mark(axis, mark, level, (low, high), colours[mark.shade])
    for edge in np.arange(len(rows) - 1) + 0.5:
        axis.axhline(edge, color="0.9", linewidth=0.6, zorder=0)
    axis.tick_params(axis="y", length=0)
    if panel.shown:
        axis.set_xlim(*panel.shown)
    _draw_limits(axis, panel.within)


def _draw_mark(axis, mark: Mark, level: float, shown, colour) -> None:
    value, interval = mark.estimate.value, mark.estimate.interval
    if value is None:
        return
    if mark.hollow and mark.shade is None:
        colour = "0.6"
    if interval is not None:
        axis.plot(np.clip(interval, *shown), [level, level], color=colour, linewidth=1)
    look = {**LOOKS[mark.hollow], "color": colour}
    axis.plot([np.clip(value, *shown)], [level], linestyle="", **look)


def _draw_limits(axis, within: Limits | None) -> None:
    """Draws what a claim holds within as a band, to the end of the axis if open."""
    if within is None:
        return
    reach = axis.get_xlim()
    low, high = within
    least = reach[0] if low is None else low
    most = reach[1] if high is None else high
    axis.axvspan(least, most, **WITHIN)
    for limit in (low, high):
        if limit is not None:
            axis.axvline(limit, **LIMIT)
    axis.set_xlim(min(reach[0], least), max(reach[1], most))


def _handles(
    colours: dict, words: dict[bool, str], within: str, panels: Sequence[Panel]
) -> list:
    known = [value for value in colours if value is not None]
    places = np.linspace(0, len(known) - 1, min(MOST_SHADES, len(known)))
    handles: list[Any] = [
        Line2D([], [], color=colours[value], label=f"{value:,g}", **LOOKS[False])
        for value in (known[round(place)] for place in places)
    ]
    for hollow, label in words.items():
        if label:
            look: Any = {**LOOKS[hollow], "color": "0.4", "linestyle": ""}
            handles.append(Line2D([], [], label=label, **look))
    if any(panel.within for panel in panels):
        handles.append(Patch(facecolor=WITHIN["color"], label=within))
    return handles
