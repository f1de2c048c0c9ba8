"""Figures of the benchmarks: under which roof, and how time grows."""

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.figure import Figure

from scaletime_jax.plotting.settings import write_name
from scaletime_jax.plotting.style import GUIDE, SETTINGS, use_log_axis

COLOURS = {
    "mlp": "#b2182b",
    "cnn": "#2166ac",
    "pooled_cnn": "#1b7837",
    "wrn10": "#762a83",
    "transformer": "#e08214",
}
FILLED = {"sgd": True, "adam": False}


def plot_roofline(record: dict) -> Figure:
    """Draws flops a second against flops a byte, under the machine's two roofs.

    Args:
        record: with `roofs` (flops and bytes a second) and `rows` as `engine.py`
            writes them. Labels are widths.
    """
    rows, roofs = record["rows"], record["roofs"]
    intensity = [row["flops_a_step"] / row["bytes_a_step"] for row in rows]
    low, high = min(intensity) / 2, max(intensity) * 2
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(5.2, 3.8), layout="constrained")
        axis = figure.subplots()
        x = np.geomspace(low, high, 200)
        roof = np.minimum(roofs["flops"], x * roofs["bytes"]) / 1e9
        axis.plot(x, roof, color="0.3", linewidth=1.2)
        axis.plot(x, 0.6 * roof, **GUIDE)
        axis.text(x[-1], roof[-1] * 1.08, "measured roofs", ha="right", va="bottom")
        axis.text(x[-1], roof[-1] * 0.57, "60%", ha="right", va="top", color="0.5")
        for key in dict.fromkeys((r["architecture"], r["optimizer"]) for r in rows):
            members = [
                (x, row)
                for x, row in zip(intensity, rows, strict=True)
                if (row["architecture"], row["optimizer"]) == key
            ]
            _draw_series(axis, key, members)
        use_log_axis(axis.xaxis)
        use_log_axis(axis.yaxis)
        axis.set_xlabel("floating-point operations a byte that has to move")
        axis.set_ylabel("GFLOP/s")
        axis.legend(loc="lower right", title="label: width")
    return figure


def _draw_series(axis, key: tuple[str, str], members: list) -> None:
    colour = COLOURS[key[0]]
    x = [value for value, _ in members]
    y = [row["flops_a_second"] / 1e9 for _, row in members]
    axis.plot(
        x,
        y,
        "o",
        color=colour,
        markerfacecolor=colour if FILLED[key[1]] else "white",
        markersize=5,
        label=", ".join(map(write_name, key)),
    )
    # right and left by turns, the last below: widths of one network stand close
    places = [((5, 0), "left", "center"), ((-5, 0), "right", "center")] * len(members)
    places = [*places[: len(members) - 1], ((0, -4), "center", "top")]
    for value, speed, (_, row), place in zip(x, y, members, places, strict=True):
        offset, horizontal, vertical = place
        axis.annotate(
            str(row["width"]),
            (value, speed),
            xytext=offset,
            textcoords="offset points",
            ha=horizontal,
            va=vertical,
            fontsize=7,
            color=colour,
        )


def plot_growth(record: dict) -> Figure:
    """Draws microseconds a seed-step against seeds and against width.

    Args:
        record: with `seeds` and `widths`, rows as `growth.py` writes them.
    """
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_growth(left, record["seeds"], "seeds", "width")
        _draw_growth(right, record["widths"], "width", None)
        left.set_xlabel("seeds trained together")
        right.set_xlabel("width")
        left.set_ylabel("microseconds a seed-step")
    return figure


def _draw_growth(axis, rows: list[dict], across: str, apart: str | None) -> None:
    keys = list(dict.fromkeys((r["architecture"], apart and r[apart]) for r in rows))
    for architecture, value in keys:
        members = [
            row
            for row in rows
            if row["architecture"] == architecture
            and (apart is None or row[apart] == value)
        ]
        x = [row[across] for row in members]
        y = [row["microseconds"]["median"] for row in members]
        label = write_name(architecture) + (f" {apart} {value}" if apart else "")
        colour = COLOURS[architecture]
        style = "--" if apart and value != keys[0][1] else "-"
        axis.plot(x, y, f"o{style}", color=colour, markersize=3.5, label=label)
        low, high = zip(*(row["microseconds"]["range"] for row in members), strict=True)
        axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        if apart is None:  # the arithmetic alone, through the last point
            work = np.array([row["flops_a_step"] for row in members])
            axis.plot(x, y[-1] * work / work[-1], **GUIDE)
    use_log_axis(axis.xaxis)
    use_log_axis(axis.yaxis)
    axis.xaxis.set_major_locator(ticker.FixedLocator([row[across] for row in rows]))
    axis.xaxis.set_minor_locator(ticker.NullLocator())
    axis.legend(fontsize=7, handlelength=3.5)
