"""Figures 3, 4 and the first columns of S8 of [B21]."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.style import (
    GUIDE,
    SETTINGS,
    use_decades,
    use_log_axis,
    use_loss_axis,
)
from scaletime_jax.studies.feature_pool import Spectrum
from scaletime_jax.studies.four_regimes import Panel, Regimes
from scaletime_jax.studies.kernel_targets import KernelStudy
from scaletime_jax.studies.planted_spectra import Planted

# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "0.3")
MARKERS = ("o", "s", "^", "D", "v", "P")
TITLES = (
    "variance-limited over data",
    "variance-limited over features",
    "resolution-limited over data",
    "resolution-limited over features",
)


def plot_random_features(
    pools: Sequence[tuple[int, Spectrum, Regimes]],
    planted: Sequence[Planted],
    kernels: Sequence[KernelStudy],
    fixed: int,
) -> Figure:
    """Draws the four regimes, exponents against the spectrum's, and kinds of targets.

    a, b, d, e: points are means over draws with one s.e.m., lines are theory, which
    knows the limit alone (a, b) or the spectrum alone (d, e). c: exponents of the loss
    against the spectrum's; bars are the range of slopes found within the modes fitted,
    so they say how far a spectrum is from a power law. f: spectra; black where alpha_K
    was fitted, crosses where the finite pool begins to bend them. g to i: kernels of
    infinitely wide networks; filled and solid for teachers, open and dashed for real
    labels; lines in g are theory.
    """
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(10.6, 9.2), layout="constrained")
        axes = figure.subplots(3, 3)
        panels = (axes[0, 0], axes[0, 1], axes[1, 0], axes[1, 1])
        for number, axis in enumerate(panels):
            for which, (size, _, regimes) in enumerate(pools):
                _draw_panel(axis, regimes[number], which, size)
            _finish_panel(axis, pools[0][2][number], number, fixed)
        _draw_exponents(axes[0, 2], pools, planted)
        _draw_spectra(axes[1, 2], pools)
        _draw_kernels(axes[2], kernels)
        for axis, letter in zip(axes.flat, "abcdefghi", strict=True):
            axis.text(-0.16, 1.03, letter, transform=axis.transAxes, fontweight="bold")
    return figure


def _sem(losses: np.ndarray) -> np.ndarray:
    draws = losses.shape[1]
    return (
        losses.std(axis=1, ddof=1) / np.sqrt(draws) if draws > 1 else losses[:, 0] * 0
    )


def _draw_panel(axis, panel: Panel, which: int, size: int) -> None:
    colour, value = COLOURS[which % len(COLOURS)], panel.law.exponent.value
    told = "" if value is None else f": {value:.3f}"
    axis.errorbar(
        panel.draws,
        panel.losses.mean(axis=1),
        yerr=_sem(panel.losses),
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
    axis.set_xscale("log")
    axis.set_yscale("log")
    use_loss_axis(axis.xaxis)
    use_loss_axis(axis.yaxis)
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
    axis.legend(fontsize=7.5, title="exponent", title_fontsize=7.5, loc="lower left")


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
    axis.legend(handles=handles, fontsize=7.5, loc="lower right", **title)


def _draw_spectra(axis, pools) -> None:
    for which, (size, spectrum, _) in enumerate(pools):
        colour, values = COLOURS[which % len(COLOURS)], spectrum.eigenvalues
        values = values[values > 1e-12 * values[0]]
        modes, at = np.arange(1, len(values) + 1), spectrum.exponent
        label = f"pooled by {size}"
        if at.value is not None:
            first, last = spectrum.modes
            label += rf": {at.value:.2f} [{at.interval[0]:.2f}, {at.interval[1]:.2f}]"
            middle = np.sqrt(first * last)
            level = np.interp(np.log(middle), np.log(modes), np.log(values))
            span = np.array([first, last])
            line = np.exp(level) * (span / middle) ** -(1 + at.value)
            axis.plot(span, line, color="black", linewidth=0.8, zorder=3)
            axis.plot(last, values[last - 1], "x", color=colour, markersize=7)
        axis.plot(modes, values, color=colour, linewidth=1.6, alpha=0.8, label=label)
    axis.set_xscale("log")
    axis.set_yscale("log")
    use_decades(axis.xaxis)
    use_decades(axis.yaxis)
    axis.set_xlabel("mode $i$")
    axis.set_ylabel(r"eigenvalue $\lambda_i$ of $\mathcal{C}$")
    axis.set_title("spectra", fontsize=9)
    axis.legend(fontsize=7, title=r"$\alpha_K$ [range]", title_fontsize=7)


def _draw_kernels(axes, kernels: Sequence[KernelStudy]) -> None:
    over_data, tails, moments = axes
    for which, study in enumerate(kernels):
        colour, marker = COLOURS[which + 1], MARKERS[which]
        both = (study.teacher, colour, "-"), (study.labels, "white", "--")
        for targets, face, dash in both:
            value = targets.law.exponent.value
            over_data.errorbar(
                study.sizes,
                targets.losses.mean(axis=1),
                yerr=_sem(targets.losses),
                fmt=marker,
                color=colour,
                markerfacecolor=face,
                markersize=4,
                linewidth=0.8,
                label="none" if value is None else f"{value:.2f}",
            )
            over_data.plot(study.sizes, targets.theory, dash, color=colour, lw=1)
        beyond = 1 - np.cumsum(study.eigenvalues)
        modes = np.arange(1, len(beyond) + 1)
        shown = beyond > 1e-4
        tails.plot(modes[shown], beyond[shown], color=colour, label=study.name)
        for targets, dash in ((study.teacher, "-"), (study.labels, "--")):
            x, y = _smooth(targets.moments)
            moments.plot(x, y, dash, color=colour)
    for axis in (over_data, tails, moments):
        axis.set_xscale("log")
        axis.set_yscale("log")
        use_decades(axis.xaxis)
    use_loss_axis(over_data.xaxis)
    use_log_axis(over_data.yaxis, subs=(1, 2, 5))
    # centred labels hardly have the first, all but constant mode
    moments.set_ylim(bottom=0.1)
    use_loss_axis(tails.yaxis)
    use_decades(moments.yaxis)
    over_data.set_xlabel("training points $D$")
    over_data.set_ylabel("test loss, targets of variance 1")
    over_data.set_title("filled teachers, open real labels", fontsize=9)
    over_data.legend(ncols=3, fontsize=7, title="exponents", title_fontsize=7)
    tails.set_xlabel("mode $i$")
    tails.set_ylabel(r"share of $\mathrm{Tr}\,\mathcal{C}$ beyond mode $i$")
    tails.set_title("spectra of infinitely wide networks", fontsize=9)
    tails.legend(fontsize=7.5)
    moments.set_xlabel("mode $i$")
    moments.set_ylabel(r"target coefficient $\bar w_i^2$")
    moments.set_title("solid teachers, dashed real labels", fontsize=9)


def _smooth(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns means over bins of equal width in log mode."""
    modes = np.arange(1, len(values) + 1)
    bins = (np.log(modes) / np.log(1.4)).astype(int)
    each = [bins == number for number in np.unique(bins)]
    x = np.array([np.exp(np.log(modes[inside]).mean()) for inside in each])
    return x, np.array([values[inside].mean() for inside in each])
