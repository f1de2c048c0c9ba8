"""Figures 3, 4 and the first columns of S8 of [B21]."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.kernels import (
    COLOURS,
    MARKERS,
    draw_kernels,
    leave_room,
    put_letters,
    standard_errors,
)
from scaletime_jax.plotting.style import (
    GUIDE,
    SETTINGS,
    WIDTH,
    use_log_axis,
)
from scaletime_jax.studies.feature_pool import SpectrumCurve
from scaletime_jax.studies.four_regimes import Panel, Regimes
from scaletime_jax.studies.kernel_targets import KernelCurves
from scaletime_jax.studies.planted_spectra import Planted

TITLES = (
    "variance-limited over data",
    "variance-limited over features",
    "resolution-limited over data",
    "resolution-limited over features",
)


def plot_random_features(
    pools: Sequence[tuple[int, SpectrumCurve, Regimes]],
    planted: Sequence[Planted],
    kernels: Sequence[KernelCurves],
    fixed: int,
) -> dict[str, Figure]:
    """Draws the regimes, and infinitely wide networks; the caption says what."""
    return {
        "four regimes": _draw_regimes(pools, planted, fixed),
        "infinitely wide networks": _draw_wide(kernels),
    }


def _draw_regimes(
    pools: Sequence[tuple[int, SpectrumCurve, Regimes]],
    planted: Sequence[Planted],
    fixed: int,
) -> Figure:
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
        axes = figure.subplots(2, 3)
        panels = (axes[0, 0], axes[0, 1], axes[1, 0], axes[1, 1])
        for number, axis in enumerate(panels):
            for which, (size, _, regimes) in enumerate(pools):
                _draw_panel(axis, regimes[number], which, size)
            _finish_panel(axis, pools[0][2][number], number, fixed)
        _draw_exponents(axes[0, 2], pools, planted)
        _draw_spectra(axes[1, 2], pools)
        put_letters(axes.flat, "abcdef")
    return figure


def _draw_wide(kernels: Sequence[KernelCurves]) -> Figure:
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
        axes = figure.subplots(1, 3)
        draw_kernels(axes, kernels)
        put_letters(axes, "ghi")
    return figure


def _draw_panel(axis, panel: Panel, which: int, size: int) -> None:
    colour, value = COLOURS[which % len(COLOURS)], panel.law.exponent.value
    told = "" if value is None else f": {value:.3f}"
    axis.errorbar(
        panel.draws,
        panel.losses.mean(axis=1),
        yerr=standard_errors(panel.losses),
        fmt=MARKERS[which % len(MARKERS)],
        color=colour,
        markersize=4,
        markerfacecolor="white",
        linewidth=0.8,
        zorder=3,
        label=f"pooled by {size}{told}",
    )
    axis.plot(panel.draws, panel.theory, color=colour, linewidth=1.1)


def _finish_panel(axis, panel: Panel, number: int, fixed: int) -> None:
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis, 5)
    axis.set_title(TITLES[number], fontsize=9)
    names = {"data": ("D", "P", "training points"), "features": ("P", "D", "features")}
    mine, other, words = names[panel.over]
    if number < 2:
        over = mine if panel.over == "features" else r"D / (1 - D/N)"
        axis.set_xlabel(f"{words} ${over}$, at ${other}={fixed}$")
        axis.set_ylabel(rf"$L(D, P) - L({other})$")
    else:
        axis.set_xlabel(f"{words} ${mine}$")
        axis.set_ylabel(f"test loss $L({mine})$")
    leave_room(axis, 0.35 if number > 1 else 0)
    axis.legend(fontsize=7, title="exponent", title_fontsize=7, loc="lower left")


def _draw_exponents(axis, pools, planted: Sequence[Planted]) -> None:
    most = 0.2
    for each in planted:
        for law, marker in ((each.data_law, "o"), (each.features_law, "s")):
            if law.exponent.value is None:
                continue
            axis.plot(
                each.exponent,
                law.exponent.value,
                marker,
                color="0.35",
                markersize=5,
                markerfacecolor="none",
            )
            most = max(most, law.exponent.value)
    for which, (_, spectrum, regimes) in enumerate(pools):
        at = spectrum.exponent
        if at.value is None:
            continue
        reach = np.abs(np.array([at.interval]).T - at.value)
        for panel, marker in (
            (regimes.resolution_data, "o"),
            (regimes.resolution_features, "s"),
        ):
            style: Any = {"color": COLOURS[which % len(COLOURS)], "markersize": 5}
            value = panel.law.exponent.value
            if value is None:
                continue
            axis.errorbar(at.value, value, xerr=reach, fmt=marker, lw=0.8, **style)
            most = max(most, value, at.interval[1])
    span = np.array([0, most * 1.08])
    axis.plot(span, span, **GUIDE)
    axis.set_xlim(*span)
    axis.set_ylim(*span)
    axis.set_xlabel(r"spectrum's exponent $\alpha_K$")
    axis.set_ylabel(r"loss exponents $\alpha_D$, $\alpha_P$")
    axis.set_title("exponents of loss and spectrum", fontsize=9)
    line = matplotlib.lines.Line2D
    plain: Any = {"linestyle": "", "color": "0.35", "markersize": 5}
    handles = [
        line([], [], marker="o", markerfacecolor="none", label="over data", **plain),
        line([], [], marker="s", markerfacecolor="none", label="features", **plain),
        line([], [], label=r"$\alpha_D = \alpha_P = \alpha_K$", **GUIDE),
    ]
    title: Any = {"title": "grey: planted spectra", "title_fontsize": 7.5}
    axis.legend(handles=handles, fontsize=7, loc="lower right", **title)


def _draw_spectra(axis, pools) -> None:
    for which, (size, spectrum, _) in enumerate(pools):
        colour, at = COLOURS[which % len(COLOURS)], spectrum.exponent
        modes, values = spectrum.modes, spectrum.eigenvalues
        label = f"pooled by {size}"
        if at.value is not None:
            first, last = spectrum.fitted
            label += rf": {at.value:.2f} [{at.interval[0]:.2f}, {at.interval[1]:.2f}]"
            middle = np.sqrt(first * last)
            span = np.array([first, last])
            level, end = _on_log_axes([middle, last], modes, values)
            line = level * (span / middle) ** -(1 + at.value)
            axis.plot(span, line, color="black", linewidth=0.8, zorder=3)
            axis.plot(last, end, "x", color=colour, markersize=7)
        axis.plot(modes, values, color=colour, linewidth=1.6, alpha=0.8, label=label)
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis, 5)
    axis.set_xlabel("mode $i$")
    axis.set_ylabel(r"eigenvalue $\lambda_i$ of $\mathcal{C}$")
    axis.set_title("spectra", fontsize=9)
    axis.legend(fontsize=7, title=r"$\alpha_K$ [range]", title_fontsize=7)


def _on_log_axes(x, modes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns a curve's height at x, on the straight lines that are drawn."""
    return np.exp(np.interp(np.log(x), np.log(modes), np.log(values)))
