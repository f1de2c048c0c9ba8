"""What all figures share: text, ticks and colours."""

import io
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.figure import Figure
from PIL import Image

from scaletime_jax.words import short

SETTINGS: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.labelsize": 10,
    "savefig.dpi": 200,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "scaletime_jax",  # the same figure is the same file
}
GUIDES_PER_DECADE = 3
GUIDE: Any = {"color": "0.75", "linewidth": 0.8, "linestyle": "--", "zorder": 0}
# What a claim holds within, and a claim's single limit.
WITHIN: Any = {"color": "0.91", "linewidth": 0, "zorder": 0}
LIMIT: Any = {"color": "0.45", "linewidth": 0.9, "linestyle": ":", "zorder": 1}
# Inches of the widest figure: the width of a page of text, where 7 points are 7 points.
WIDTH = 8.4
# Multiples of a power of ten at which an axis may have ticks, the sparsest first.
MULTIPLES = (
    (1, 3),
    (1, 2, 5),
    (1, 2, 3, 5, 7),
    (1, 2, 3, 4, 5, 6, 7, 8, 9),
)
FEWEST_TICKS = 3


def shades(values: Sequence, name: str = "viridis") -> dict[Any, tuple]:
    """Returns a colour for each value, darker for larger ones; readable in grey.

    The colours are in the order of the values. A value that is not known comes first.

    Args:
        values: numbers, or None.
        name: of a colour map that runs evenly from dark to light.
    """
    ordered = sorted(set(values), key=lambda value: value or 0)
    places = [0.3] if len(ordered) == 1 else np.linspace(0.8, 0.0, len(ordered))
    colours = matplotlib.colormaps[name]
    return {v: colours(place) for v, place in zip(ordered, places, strict=True)}


class LogTicks(ticker.Locator):
    """At least three ticks on a logarithmic axis, whatever its range.

    The ticks are powers of ten, of which a range of many decades skips some. Where
    fewer than three are in view, the ticks are the sparsest of `MULTIPLES` with three,
    and in a range too short for multiples round numbers.

    Args:
        most: ticks that the axis has room for, where there is a choice.
    """

    def __init__(self, most: int = 6):
        self.most = most

    def __call__(self) -> list[float]:
        """Returns the ticks of the axis as the axis is now."""
        assert self.axis is not None  # matplotlib sets it
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Returns the ticks between two positive numbers."""
        low, high = sorted((vmin, vmax))
        if not 0 < low < high < np.inf:
            return []
        low, high = low * (1 - 1e-9), high * (1 + 1e-9)
        # each choice is made only where those before it have too few ticks
        for choice in self._choices(low, high):
            in_view = [float(tick) for tick in choice if low <= tick <= high]
            if len(in_view) >= FEWEST_TICKS:
                return in_view
        raise AssertionError(f"no ticks between {low} and {high}")

    def _choices(self, low: float, high: float) -> Iterator[Iterable[float]]:
        first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
        widest = max(1, -(-(last - first) // self.most))
        for step in range(widest, 0, -1):
            yield 10.0 ** np.arange(first, last + 1, step)
        every = 10.0 ** np.arange(first, last + 1)
        for each in MULTIPLES:
            yield np.outer(every, each).ravel()
        for count in range(2, 20):
            even = ticker.MaxNLocator(count, steps=[1, 2, 2.5, 5, 10])
            yield even.tick_values(low, high)


def use_log_axis(axis, most: int = 6) -> None:
    """Makes an x or y axis logarithmic, with at least three ticks that are labelled.

    Args:
        axis: `axes.xaxis` or `axes.yaxis`.
        most: ticks that the axis has room for.
    """
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    axis.set_major_locator(LogTicks(most))
    axis.set_minor_locator(ticker.LogLocator(subs=range(1, 10)))
    axis.set_major_formatter(ticker.FuncFormatter(write_tick))
    axis.set_minor_formatter(ticker.NullFormatter())


def write_tick(value: float, _=None) -> str:
    """Returns a number as a tick has it: 20,000 and 0.003, beyond them 10^-4."""
    if value > 0 and not 9e-4 < value < 1e6:
        power = int(np.floor(np.log10(value) + 1e-9))
        multiple = f"{value / 10.0**power:.3g}"
        factor = "" if multiple == "1" else rf"{multiple}\times"
        return f"${factor}10^{{{power}}}$"
    return f"{value:,.6g}"


def write_amount(value: float, _=None) -> str:
    """Returns a number of parameters or tokens as a tick has it: 20,000 and 1.3B."""
    return short(value) if value >= 1e6 else write_tick(value)


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


def annotate_corner(axis, text: str, side: str = "top") -> None:
    """Writes what a panel shows into its right corner, at the 'top' or 'bottom'."""
    axis.annotate(
        text,
        xy=(1, 1 if side == "top" else 0),
        xycoords="axes fraction",
        xytext=(0, 0 if side == "top" else 4),  # above the line of the x axis
        textcoords="offset points",
        ha="right",
        va=side,
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
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(content, format=kind, metadata=metadata)
    return fewer_colours(content.getvalue()) if kind == "png" else content.getvalue()


def fewer_colours(png: bytes) -> bytes:
    """Returns a PNG of 256 colours: the same to the eye, in a third of the bytes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image = image.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue()


def save_figure(figure: Figure, path: pathlib.Path) -> None:
    """Writes `path`.png and `path`.svg."""
    for kind in ("png", "svg"):
        path.with_suffix(f".{kind}").write_bytes(render(figure, kind))
