"""The linear half of Figure S6 of [B21]: data and features exchanged."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.style import (
    SETTINGS,
    annotate_corner,
    make_panels,
    use_decades,
    use_loss_axis,
)
from scaletime_jax.studies.duality import DualCurves

COLOURS = ("#d55e00", "#0072b2")  # small ridge, tuned ridge


def plot_duality(
    panels: Sequence[tuple[int, Sequence[DualCurves]]],
) -> Figure:
    """Draws loss over data and over features, each with the other fixed.

    Filled circles are over data, open squares over features, means over draws with one
    s.e.m.; lines are theory, one for both, which knows the spectrum alone. Where they
    are as many as the fixed number, dotted, the small ridge leaves the peak of double
    descent, whose mean is ruled by few draws.
    """
    with matplotlib.rc_context(SETTINGS):
        columns = min(2, len(panels))
        rows = -(-len(panels) // columns)
        size = 3.7 * columns, 2.9 * rows + 0.5
        figure = Figure(figsize=size, layout="constrained")
        axes = make_panels(figure, len(panels), columns)
        for axis, (pool_size, curves) in zip(axes, panels, strict=True):
            for each, colour in zip(curves, COLOURS, strict=True):
                _draw(axis, each, colour)
            axis.axvline(curves[0].fixed, color="0.7", linestyle=":", linewidth=0.9)
            axis.set_xscale("log")
            axis.set_yscale("log")
            use_decades(axis.xaxis)
            use_loss_axis(axis.yaxis)
            words = f"pooled by {pool_size}\nother fixed at {curves[0].fixed}"
            annotate_corner(axis, words)
        figure.supxlabel("number of training points $D$, or of features $P$")
        figure.supylabel("test loss $L(D, P)$")
        figure.legend(
            handles=_handles(panels[0][1]), loc="outside upper center", ncols=4
        )
    return figure


def _draw(axis, curves: DualCurves, colour) -> None:
    for losses, marker, face in (
        (curves.over_data, "o", colour),
        (curves.over_features, "s", "none"),
    ):
        draws = losses.shape[1]
        sem = losses.std(axis=1, ddof=1) / np.sqrt(draws) if draws > 1 else None
        axis.errorbar(
            curves.sizes,
            losses.mean(axis=1),
            yerr=sem,
            fmt=marker,
            color=colour,
            markerfacecolor=face,
            markersize=4 if marker == "o" else 6.5,
            linewidth=0.8,
        )
    axis.plot(curves.sizes, curves.theory, color=colour, linewidth=1.1, zorder=0)


def _handles(curves: Sequence[DualCurves]) -> list:
    line = matplotlib.lines.Line2D
    plain: Any = {"linestyle": "", "color": "0.3"}
    ridges = [
        f"ridge {each.ridge:g}" if each.ridge is not None else "tuned ridge"
        for each in curves
    ]
    return [
        *(
            line([], [], color=colour, label=label)
            for colour, label in zip(COLOURS, ridges, strict=True)
        ),
        line([], [], marker="o", markersize=4, label="over data", **plain),
        line(
            [],
            [],
            marker="s",
            markersize=6.5,
            markerfacecolor="none",
            label="over features",
            **plain,
        ),
    ]
