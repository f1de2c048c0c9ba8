"""The map of exponents: protocols in rows, networks in columns."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaletime_jax.laws.collapse import CLAIMED
from scaletime_jax.plotting.equivalence import MARKERS
from scaletime_jax.plotting.settings import write_name
from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    make_panels,
    shades,
    use_log_axis,
    write_amount,
)
from scaletime_jax.studies.cells import Cell
from scaletime_jax.studies.equivalence import EXPONENTS

# Beyond these an exponent says little; marks beyond stand at the ends.
SHOWN = (-0.5, 1.5)
LETTERS = 112  # of a head that fit into all columns together
STEP = 0.15  # inches from mark to mark
GAP = 0.17  # inches from row to row, besides
ROOM = 0.97  # share of a column for its axis
PAIRS = "neighbouring sizes"
PREDICTED: Any = (
    {"color": "black", "linestyle": "--", "linewidth": 1.5, "zorder": 5},
    {"color": "black", "linestyle": ":", "linewidth": 1.8, "zorder": 5},
)
WORDS: Any = {"fontsize": 7, "va": "center", "color": "0.35"}
NEIGHBOURS: Any = {"color": "0.55", "linewidth": 0.6, "zorder": 2}


def plot_where_it_holds(
    cells: Sequence[Cell], usual: Mapping[str, Mapping[str, Any]]
) -> dict[str, Figure]:
    """Draws the map, and the exponents of neighbouring sizes over size.

    Args:
        cells: of all settings, and of the control.
        usual: what most settings of a column share.
    """
    return {"the map": _draw_map(cells, usual), PAIRS: _draw_neighbours(cells)}


def write_protocol(cell: Cell) -> str:
    """Returns the protocol as a figure has it, such as 'SGD, batch size 8'."""
    words = [
        write_name(value)
        if isinstance(value, str)
        else f"{name.replace('_', ' ')} {value:g}"
        for name, value in cell.protocol.items()
        if value is not None
    ]
    return ", ".join([*words, *(["one pass"] if cell.one_pass else [])])


def _columns(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    columns: dict[str, list[Cell]] = {}
    for cell in cells:
        columns.setdefault(cell.column, []).append(cell)
    return columns


def _draw_map(cells: Sequence[Cell], usual: Mapping[str, Mapping[str, Any]]) -> Figure:
    columns = _columns(cells)
    rows = list(dict.fromkeys(map(write_protocol, cells)))
    # marks of a cell are below each other; a row has the height of its fullest cell
    depth = {
        row: max(
            sum(write_protocol(cell) == row for cell in members)
            for members in columns.values()
        )
        for row in rows
    }
    edges = np.cumsum([0.0, *(STEP * depth[row] + GAP for row in rows)])
    middle = dict(zip(rows, (edges[:-1] + edges[1:]) / 2, strict=True))
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, edges[-1] + 1.7), layout="constrained")
        axis = figure.subplots()  # one for all columns, which share its rows
        for place, (column, members) in enumerate(columns.items()):
            axis.axvspan(*_at(np.array(EXPONENTS), place), **WITHIN)
            axis.axvline(_at(CLAIMED, place), **LIMIT)
            for row in rows:
                mine = [cell for cell in members if write_protocol(cell) == row]
                _draw_cell(axis, place, middle[row], mine)
            head = _head(members[0], usual.get(column, {}))
            room = LETTERS // len(columns)
            head = "\n".join(textwrap.fill(line, room) for line in head.split("\n"))
            at: Any = {"ha": "center", "va": "bottom", "fontsize": 7}
            axis.text(place + ROOM / 2, -GAP / 2, head, **at)
        axis.hlines(edges[1:-1], 0, len(columns), color="0.9", linewidth=0.6, zorder=0)
        axis.vlines(range(1, len(columns)), 0, edges[-1], color="0.8", linewidth=0.6)
        ticks = [_at(value, k) for k in range(len(columns)) for value in (0, 1 / 3, 1)]
        axis.set_xticks(ticks, ["0", "1/3", "1"] * len(columns), fontsize=7.5)
        axis.set_xlim(0, len(columns))
        axis.set_yticks(list(middle.values()), rows, fontsize=8)
        axis.tick_params(axis="y", length=0)
        axis.set_ylim(edges[-1], 0)
        axis.set_xlabel(r"exponent $\kappa$ of size in training time", fontsize=9)
        figure.legend(
            handles=_handles(), loc="outside upper center", ncols=3, fontsize=8
        )
    return figure


def _at(kappa, place: int):
    """Returns where an exponent stands on the x axis, in the column of this place."""
    low, high = SHOWN
    return place + ROOM * (np.clip(kappa, low, high) - low) / (high - low)


def _draw_cell(axis, column: int, middle: float, members: Sequence[Cell]) -> None:
    """Draws marks below each other, each with the learning rate in front of it."""
    ordered = sorted(members, key=lambda c: c.collapse.fields.get("learning_rate") or 0)
    for place, cell in enumerate(ordered):
        y = middle + STEP * (place - (len(ordered) - 1) / 2)
        rate = cell.collapse.fields.get("learning_rate")
        if rate is not None:
            axis.text(column + 0.02, y, f"{rate:g}".replace("0.", "."), **WORDS)
        value, interval = cell.collapse.kappa.value, cell.collapse.kappa.interval
        pairs = cell.collapse.pairs
        if pairs is not None:
            known = pairs.values[np.isfinite(pairs.values)]
            heights = y + STEP * np.linspace(0.35, -0.35, len(known))
            axis.plot(_at(known, column), heights, **NEIGHBOURS)
        if value is None:
            axis.text(_at(CLAIMED, column), y, "none", **WORDS, ha="center")
            continue
        look = MARKERS[cell.collapse.verdict]
        ends = _at(np.array(interval or (value, value)), column)
        axis.plot(ends, [y, y], color=look["color"], linewidth=1.4, zorder=3)
        axis.plot([_at(value, column)], [y], linestyle="", zorder=4, **look)


def _head(cell: Cell, usual: Mapping[str, Any]) -> str:
    lines = [write_name(cell.network)]
    if cell.dataset is not None:
        lines.append(write_name(cell.dataset))
    loss, init = usual.get("loss"), usual.get("init")
    if loss and init:
        lines.append(f"{write_name(loss)}, {init}")
    if usual.get("batch_size"):
        lines.append(f"batch {usual['batch_size']:g}")
    return "\n".join(lines)


def _handles() -> list[Any]:
    handles: list[Any] = [
        Line2D([], [], label=verdict, linestyle="", **look)
        for verdict, look in MARKERS.items()
    ]
    line = Line2D([], [], label="neighbouring sizes, the largest on top", **NEIGHBOURS)
    band = rf"$\kappa$ = 1/3 $\pm$ {EXPONENTS[1] - CLAIMED:.2f}"
    return [*handles, line, Patch(facecolor=WITHIN["color"], label=band)]


def _draw_neighbours(cells: Sequence[Cell]) -> Figure:
    """Draws the exponents of neighbouring sizes, a panel a network."""
    columns = _columns(cells)
    rows = list(dict.fromkeys(map(write_protocol, cells)))
    colours = shades(range(len(rows)), "turbo")
    with matplotlib.rc_context(SETTINGS):
        height = 0.9 + 2.2 * -(-len(columns) // 3) + 0.16 * -(-len(rows) // 3)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        for axis, members in zip(
            make_panels(figure, len(columns)), columns.values(), strict=True
        ):
            axis.axhspan(*EXPONENTS, **WITHIN)
            axis.axhline(CLAIMED, **LIMIT)
            for cell in members:
                _draw_pairs(axis, cell, colours[rows.index(write_protocol(cell))])
            _draw_predicted(axis, members)
            use_log_axis(axis.xaxis, 4)
            axis.xaxis.set_major_formatter(write_amount)
            axis.set_ylim(*SHOWN)
            axis.set_title(_head(members[0], {}).replace("\n", ", "), fontsize=8)
        handles = [
            Line2D([], [], color=colours[place], label=row)
            for place, row in enumerate(rows)
        ]
        if any(cell.predicted is not None for cell in cells):
            handles += [
                Line2D([], [], label=f"kernel at the start, {name}", **look)
                for name, look in zip(_inits(cells), PREDICTED, strict=False)
            ]
        figure.legend(
            handles=handles, loc="outside upper center", ncols=3, fontsize=7.5
        )
        figure.supxlabel("number of parameters", fontsize=9)
        figure.supylabel(r"$\kappa$ between neighbouring sizes", fontsize=9)
    return figure


def _inits(cells: Sequence[Cell]) -> list[str]:
    """Returns the initialisations whose kernels were measured."""
    known = [cell for cell in cells if cell.predicted is not None]
    return sorted({cell.collapse.fields["init"] for cell in known}, reverse=True)


def _draw_predicted(axis, members: Sequence[Cell]) -> None:
    """Draws the slopes of the kernels, once for each initialisation."""
    for name, look in zip(_inits(members), PREDICTED, strict=False):
        cell = next(
            cell
            for cell in members
            if cell.predicted is not None and cell.collapse.fields["init"] == name
        )
        assert cell.predicted is not None
        axis.plot(cell.predicted.sizes, np.clip(cell.predicted.values, *SHOWN), **look)


def _draw_pairs(axis, cell: Cell, colour) -> None:
    pairs = cell.collapse.pairs
    if pairs is None:
        return
    values = np.clip(pairs.values, *SHOWN)
    axis.plot(pairs.num_params, values, ".-", color=colour, linewidth=0.9, markersize=4)
    if pairs.intervals is not None:
        ends = np.clip(pairs.intervals.T, *SHOWN)
        axis.vlines(pairs.num_params, *ends, color=colour, linewidth=0.7, alpha=0.6)
