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
    use_log_axis,
)
from scaletime_jax.studies.duality import DualCurves, Panel

SMALL, TUNED = "#d55e00", "#0072b2"  # ridges


def plot_duality(panels: Sequence[Panel]) -> dict[str, Figure]:
    """Draws the study's panels; its caption says what is drawn."""
    with matplotlib.rc_context(SETTINGS):
        columns = min(2, len(panels))
        rows = -(-len(panels) // columns)
        size = 3.7 * columns, 2.9 * rows + 0.5
        figure = Figure(figsize=size, layout="constrained")
        axes = make_panels(figure, len(panels), columns)
        for axis, panel in zip(axes, panels, strict=True):
            fixed = panel.small.fixed
            _draw(axis, panel.small, SMALL)
            _draw(axis, panel.tuned, TUNED)
            axis.axvline(fixed, color="0.7", linestyle=":", linewidth=0.9)
            use_log_axis(axis.xaxis, 5)
            use_log_axis(axis.yaxis)
            words = f"pooled by {panel.pool_size}\nother fixed at {fixed}"
            annotate_corner(axis, words)
        figure.supxlabel("number of training points $D$, or of features $P$")
        figure.supylabel("test loss $L(D, P)$")
        handles = _handles(panels[0].small.ridge)
        figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return {"": figure}


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


def _handles(small_ridge: float | None) -> list:
    line = matplotlib.lines.Line2D
    plain: Any = {"linestyle": "", "color": "0.3"}
    return [
        line([], [], color=SMALL, label=f"ridge {small_ridge:g}"),
        line([], [], color=TUNED, label="tuned ridge"),
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
