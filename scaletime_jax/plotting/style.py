"""What all figures share: text, ticks and colours."""

import io
import pathlib
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.figure import Figure

SETTINGS: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.labelsize": 10,
    "savefig.dpi": 200,
    "svg.fonttype": "none",  # text stays text
}
GUIDES_PER_DECADE = 3
GUIDE: Any = {"color": "0.75", "linewidth": 0.8, "linestyle": "--", "zorder": 0}


def shades(values: Sequence[int | None]) -> dict[int | None, tuple]:
    """Returns a red for each value, darker for larger ones; readable in grey.

    The colours are in the order of the values. A value that is not known comes first.
    """
    ordered = sorted(set(values), key=lambda value: value or 0)
    colours = matplotlib.colormaps["Reds"]
    step = 0.6 / max(1, len(ordered) - 1)
    return {v: colours(0.38 + step * i) for i, v in enumerate(ordered)}


def use_log_axis(axis, subs=(1, 2, 5)) -> None:
    """Gives a logarithmic axis ticks at `subs`, written as plain numbers."""
    axis.set_major_locator(ticker.LogLocator(subs=subs))
    axis.set_minor_locator(ticker.LogLocator(subs=range(1, 10)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def use_loss_axis(axis) -> None:
    """Gives the logarithmic axis of drawn curves as many ticks as it has room for."""
    low, high = axis.get_view_interval()
    if high > 100 * low:
        use_decades(axis)
    else:
        use_log_axis(axis, subs=range(1, 10) if high < 6 * low else (1, 2, 3, 5))


def use_decades(axis) -> None:
    """Gives a logarithmic axis of many decades ticks at some powers of ten."""
    axis.set_major_locator(ticker.LogLocator(numticks=6))
    axis.set_major_formatter(ticker.LogFormatterSciNotation())
    axis.set_minor_locator(ticker.NullLocator())


def make_panels(figure: Figure, count: int, columns: int = 3) -> list:
    """Returns so many panels with common axes, row by row, and no more."""
    columns = min(columns, count)
    rows = -(-count // columns)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for unused in axes.flat[count:]:
        unused.set_axis_off()
    for axis in axes.flat[max(0, count - columns) : count]:
        axis.tick_params(labelbottom=True)  # also where no panel is below
    return list(axes.flat[:count])


def annotate_corner(axis, text: str) -> None:
    """Writes what a panel shows into its upper right corner."""
    axis.annotate(
        text,
        xy=(1, 1),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )


def draw_exchange(axis, x: np.ndarray, y: np.ndarray) -> None:
    """Limits log axes to x and y, each (low, high), and draws lines of constant x y."""
    first, last = np.log10([x[0] * y[0], x[1] * y[1]])
    count = int(np.ceil((last - first) * GUIDES_PER_DECADE))
    for product in np.logspace(first, last, count + 1):
        axis.plot(x, product / x, **GUIDE)
    axis.set_xlim(*x)
    axis.set_ylim(*y)


def render(figure: Figure, kind: str) -> bytes:
    """Returns a figure as the content of a file, 'png' or 'svg'."""
    content = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(content, format=kind)
    return content.getvalue()


def save_figure(figure: Figure, path: pathlib.Path) -> None:
    """Writes `path`.png and `path`.svg."""
    for kind in ("png", "svg"):
        path.with_suffix(f".{kind}").write_bytes(render(figure, kind))
