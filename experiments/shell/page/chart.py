"""A quantity against the budget as a small drawing, with a mark that a slider moves."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from scaletime_jax.words import short
from shell.page.html import Html, element

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 30, 30


class Series(NamedTuple):
    """A quantity at each budget; NaN where there is none.

    Attributes:
        title: of the drawing.
        value: [budgets], above 0.
        low: [budgets] lower end of its range.
        high: [budgets] upper end.
        measured: [budgets] best measured, drawn as dots; NaN where nothing is.
    """

    title: str
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    measured: np.ndarray


def make_chart(series: Series, budgets: Sequence[str], start: int) -> Html:
    """Returns the drawing: range, line, dots and the mark at the budget `start`.

    Args:
        series: what is drawn, on a logarithmic axis.
        budgets: in words; they are evenly spaced.
        start: index of the budget that is marked.
    """
    x = np.linspace(LEFT, WIDTH - RIGHT, len(budgets))
    drawn = np.concatenate([*series[1:]])
    ends = np.nanmin(drawn), np.nanmax(drawn)
    low, high = np.log(ends) + np.array([-0.02, 0.02])

    def place(values) -> np.ndarray:
        share = (np.log(values) - low) / (high - low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    value = place(series.value)
    parts = [element("text", series.title, x=0, y=14)]
    for tick in np.geomspace(*ends, 4):
        y = round(float(place(tick)), 1)
        parts.append(_line("grid", LEFT, y, WIDTH - RIGHT, y))
        parts.append(_text(short(tick, 1e4), LEFT - 8, y + 4, "end"))
    for k, anchor in ((0, "start"), (start, "middle"), (len(x) - 1, "end")):
        parts.append(_text(budgets[k], x[k], HEIGHT - 6, anchor))
    for known, members in groupby(range(len(x)), lambda k: bool(np.isfinite(value[k]))):
        if known:
            at = list(members)
            upper, lower = place(series.high[at]), place(series.low[at])
            outline = [*_points(x[at], upper), *_points(x[at], lower)[::-1]]
            parts.append(element("polygon", points=" ".join(outline), class_="range"))
            line = " ".join(_points(x[at], value[at]))
            parts.append(element("polyline", points=line, class_="line"))
    for point in _points(x, place(series.measured)):
        if not point.endswith(","):
            across, down = point.split(",")
            parts.append(element("rect", x=across, y=down, class_="measured"))
    points = _points(x, value)
    across, down = points[start].split(",")
    mark = f"translate({across} {down or 0})"
    parts += [
        _line("mark", 0, TOP, 0, HEIGHT - BOTTOM, transform=f"translate({across} 0)"),
        element("circle", r=6, class_="mark", transform=mark),
    ]
    return element(
        "svg",
        *parts,
        class_="chart",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{series.title}, against the budget; the table has the numbers.",
        data_points=" ".join(points),
    )


def _points(x: np.ndarray, y: np.ndarray) -> list[str]:
    """Returns each point as "x,y", or "x," where there is no y."""
    return [
        f"{across:.1f},{down:.1f}" if np.isfinite(down) else f"{across:.1f},"
        for across, down in zip(x, y, strict=True)
    ]


def _line(kind: str, x1, y1, x2, y2, **more: str) -> Html:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind, **more)


def _text(words: str, x: float, y: float, anchor: str) -> Html:
    return element(
        "text", words, x=round(float(x), 1), y=round(float(y), 1), text_anchor=anchor
    )
