"""What all figures share: text, ticks and colours."""

import pathlib
from collections.abc import Sequence
from typing import Any

import matplotlib
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
GUIDE: Any = {"color": "0.75", "linewidth": 0.8, "linestyle": "--", "zorder": 0}


def shades(values: Sequence[int]) -> dict[int, tuple]:
    """Returns a red for each value, darker for larger ones; readable in grey."""
    ordered = sorted(set(values))
    colours = matplotlib.colormaps["Reds"]
    step = 0.6 / max(1, len(ordered) - 1)
    return {v: colours(0.38 + step * i) for i, v in enumerate(ordered)}


def use_log_axis(axis, subs=(1, 2, 5)) -> None:
    """Gives a logarithmic axis ticks at `subs`, written as plain numbers."""
    axis.set_major_locator(ticker.LogLocator(subs=subs))
    axis.set_minor_locator(ticker.LogLocator(subs=range(1, 10)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def save_figure(figure: Figure, path: pathlib.Path) -> None:
    """Writes `path`.png and `path`.svg."""
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(path.with_suffix(".png"))
        figure.savefig(path.with_suffix(".svg"))
