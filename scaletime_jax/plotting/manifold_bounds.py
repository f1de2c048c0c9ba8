"""Theorems 1 and 2 of [B21] on known manifolds, with the manifolds' dimensions."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scaletime_jax.plotting.style import (
    GUIDE,
    SETTINGS,
    WIDTH,
    WITHIN,
    shades,
    use_log_axis,
)
from scaletime_jax.studies.manifold_bounds import Fitted
from scaletime_jax.studies.manifold_dimensions import CLAIMED, CLOSE, Measured
from scaletime_jax.studies.manifold_losses import (
    DISTANCE,
    LINEAR,
    NEAREST,
    STEPS,
    Distances,
)

MARKERS = {"cube": "o", "sphere": "s", "torus": "^"}
# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = {"cube": "#0072b2", "sphere": "#d55e00", "torus": "#009e73"}
# Quantities of panel e, with the exponent times d and a colour.
EXPONENTS = {
    LINEAR: (4, "linear pieces", "#0072b2"),
    NEAREST: (2, "nearest neighbour", "#d55e00"),
    DISTANCE: (1, "distance", "0.2"),
    STEPS: (None, "control: jumps", "#cc79a7"),
}
LOOKS = {
    "ratios": ("-", "full"),
    "likelihood": (":", "none"),
    "extrapolated": ("", "x"),
}


def plot_manifold_bounds(
    fitted: Sequence[Fitted],
    theory: Sequence[Distances],
    dimensions: Sequence[Measured],
) -> dict[str, Figure]:
    """Draws the study's six panels; its caption says what is drawn."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 5.9), layout="constrained")
        axes = figure.subplots(2, 3)
        colours = shades(sorted({each.curve.dim for each in fitted}))
        for axis, manifold in zip(axes[0], MARKERS, strict=True):
            _draw_losses(axis, fitted, manifold, colours)
        axes[0, 0].set_ylabel("test loss $(f - F)^2 / 2$")
        _draw_distances(axes[1, 0], fitted, theory, colours)
        _draw_exponents(axes[1, 1], fitted)
        _draw_dimensions(axes[1, 2], dimensions)
        for axis, letter in zip(axes.flat, "abcdef", strict=True):
            axis.text(-0.2, 1.03, letter, transform=axis.transAxes, fontweight="bold")
    return {"": figure}


def _draw_losses(axis, fitted: Sequence[Fitted], manifold: str, colours) -> None:
    for each in fitted:
        curve, law = each
        if curve.manifold != manifold or curve.quantity not in (NEAREST, LINEAR):
            continue
        colour = colours[curve.dim]
        mean, sem = curve.values.T
        axis.errorbar(
            curve.sizes,
            mean,
            yerr=sem,
            fmt=MARKERS[manifold],
            color=colour,
            markersize=4,
            markerfacecolor=colour if curve.quantity == NEAREST else "white",
            linewidth=0.8,
        )
        exponent = law.exponent.value
        if law.coefficient is not None and exponent is not None:
            ends = np.array(law.sizes)
            law_values = law.coefficient * ends**-exponent
            axis.plot(ends, law_values, color=colour, linewidth=1, zorder=0)
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis, 5)
    axis.set_title(manifold, fontsize=9)
    axis.set_xlabel("training points $D$")
    line = matplotlib.lines.Line2D
    handles = [line([], [], color=c, label=f"$d = {d}$") for d, c in colours.items()]
    axis.set_ylim(bottom=axis.get_ylim()[0] / 50)  # room for a legend
    if manifold == "cube":
        axis.legend(handles=handles, fontsize=7, loc="lower left", handlelength=1.2)
    if manifold == "sphere":
        plain: Any = {"linestyle": "", "color": "0.3", "marker": MARKERS[manifold]}
        plain["markersize"] = 4
        kinds = [
            line([], [], label="nearest neighbour", **plain),
            line([], [], label="linear pieces", markerfacecolor="white", **plain),
        ]
        axis.legend(handles=kinds, fontsize=7, loc="lower left", handlelength=1.2)


def _draw_distances(axis, fitted, theory: Sequence[Distances], colours) -> None:
    measured = [each.curve for each in fitted if each.curve.quantity == DISTANCE]
    for curve, each in zip(measured, theory, strict=True):
        colour = colours[curve.dim]
        mean, sem = curve.values.T
        axis.errorbar(
            curve.sizes,
            mean / each.large,
            yerr=sem / each.large,
            fmt=MARKERS[curve.manifold],
            color=colour,
            markersize=4,
            markerfacecolor="none",
            linewidth=0.8,
        )
        axis.plot(each.sizes, each.exact / each.large, color=colour, lw=1, zorder=0)
    axis.axhline(1, **GUIDE)
    use_log_axis(axis.xaxis, 4)
    axis.set_xlabel("training points $D$")
    axis.set_ylabel("mean distance / large-$D$ theory")
    axis.set_title("distance to the nearest point", fontsize=9)
    line = matplotlib.lines.Line2D
    plain: Any = {"linestyle": "", "color": "0.3", "markerfacecolor": "none"}
    handles = [
        line([], [], marker=marker, markersize=4, label=name, **plain)
        for name, marker in MARKERS.items()
    ]
    axis.legend(handles=handles, fontsize=7, loc="upper right", handlelength=1.2)


def _draw_exponents(axis, fitted: Sequence[Fitted]) -> None:
    line = matplotlib.lines.Line2D
    handles = []
    for quantity, (multiple, words, colour) in EXPONENTS.items():
        if multiple is not None:
            axis.axhline(multiple, **GUIDE)
        handles.append(line([], [], color=colour, lw=4, label=words))
        for curve, law in fitted:
            value = law.exponent.value
            if curve.quantity != quantity or value is None:
                continue
            d, place = curve.dim, list(MARKERS).index(curve.manifold) - 1.25
            place += 0.5 * (quantity == STEPS)  # beside the distance
            low, high = law.exponent.interval or (value, value)
            axis.errorbar(
                d + 0.16 * place,
                d * value,
                yerr=d * np.array([[value - low], [high - value]]),
                fmt=MARKERS[curve.manifold],
                color=colour,
                markersize=4,
                markerfacecolor="white",
                linewidth=0.9,
            )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylim(0, 5.9)
    axis.set_yticks([0, 1, 2, 4])
    axis.set_xlabel("dimension $d$")
    axis.set_ylabel("exponent times $d$")
    axis.set_title("exponents", fontsize=9)
    axis.legend(
        handles=handles,
        fontsize=7,
        loc="upper right",
        ncols=2,
        handlelength=0.7,
        columnspacing=0.8,
        handletextpad=0.5,
    )


def _draw_dimensions(axis, dimensions: Sequence[Measured]) -> None:
    most = max(int(each.dims[-1]) for each in dimensions)
    axis.fill_between([0.5, CLAIMED + 0.5], 1 - CLOSE, 1 + CLOSE, **WITHIN)
    axis.axhline(1, **GUIDE)
    for each in dimensions:
        dash, face = LOOKS[each.method]
        colour = COLOURS[each.manifold]
        values = np.array([ratio.value for ratio in each.ratios])
        if face == "x":
            axis.plot(each.dims, values, "x", color=colour, markersize=5)
            continue
        axis.plot(
            each.dims,
            values,
            dash,
            marker=MARKERS[each.manifold],
            color=colour,
            markersize=4,
            markerfacecolor=colour if face == "full" else "white",
            linewidth=1,
        )
    axis.set_xlim(0.5, most + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("true dimension $d$")
    axis.set_ylabel("estimate / $d$")
    axis.set_title("dimension from the points", fontsize=9)
    line = matplotlib.lines.Line2D
    plain: Any = {"color": "0.3", "markersize": 4}
    handles = [
        line([], [], marker="o", label="ratios", **plain),
        line(
            [],
            [],
            marker="o",
            ls=":",
            markerfacecolor="white",
            label="likelihood",
            **plain,
        ),
        line([], [], marker="x", ls="", label="extrapolated", **plain),
    ]
    kinds = [
        line([], [], marker=MARKERS[name], color=colour, ls="", ms=4, label=name)
        for name, colour in COLOURS.items()
    ]
    methods = axis.legend(handles=handles, fontsize=7, loc="lower left")
    axis.add_artist(methods)
    axis.legend(handles=kinds, fontsize=7, loc="upper left")
