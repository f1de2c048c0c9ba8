"""Figures 6 and 9 of [BF24]: test error with and without label noise."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import (
    describe_loss,
    draw_curve,
    draw_settings,
    title_of,
)
from scaletime_jax.plotting.style import (
    LIMIT,
    SETTINGS,
    WIDTH,
    annotate_corner,
    use_log_axis,
)
from scaletime_jax.studies.label_noise import AXES, PERSISTENT, PERSISTS, NoiseStudy

# Blue and vermilion of the palette by Okabe and Ito.
CLEAN, NOISY = "#0072B2", "#D55E00"
SHOWN = -0.5, 2.0  # shares beyond stand at the ends
X_LABELS = {
    "epoch": "epochs",
    "effective_size": "effective size $p$",
    "train_size": "training examples $n$",
}


def plot_label_noise(studies: Sequence[NoiseStudy]) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(
        studies, lambda mine: _draw_setting(mine[0]), lambda: _draw_all(studies)
    )


def _draw_setting(study: NoiseStudy) -> Figure:
    effects = {effect.axis: effect for effect in study.effects}
    names = [name for name in AXES if name in effects]
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axis, name in zip(axes, names, strict=True):
            _draw_panel(axis, effects[name], study)
            axis.set_xlabel(X_LABELS[name])
        axes[0].set_ylabel(describe_loss(study.fields["loss"]))
        handles = [
            Line2D([], [], label="true labels", color=CLEAN, marker="o", markersize=3),
            Line2D([], [], label="label noise", color=NOISY, marker="s", markersize=3),
            Line2D([], [], label="half the largest added error", **LIMIT),
        ]
        title = title_of({**study.fields, "label_noise": None})
        figure.suptitle(title, fontsize=9)
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _draw_all(studies: Sequence[NoiseStudy]) -> Figure:
    """Draws how much of the added error is left at the far end, and its peaks."""
    panels = []
    for name in PERSISTS:
        marks = [
            Mark(title_of(study.fields), None, effect.persistence)
            for study in studies
            for effect in study.effects
            if effect.axis == name
        ]
        words = "added error " + ("over time" if name == "epoch" else "over size")
        panels.append(Panel(words, "end / maximum", marks, (PERSISTENT, None), SHOWN))
    peaks = [
        Mark(title_of(study.fields), peak.width, peak.height)
        for study in studies
        for peak in study.peaks
    ]
    panels.append(
        Panel("added error over data", "height of the peak", peaks, (0.0, None))
    )
    return draw_overview(panels, "width $s$")


def _draw_panel(axis, effect, study: NoiseStudy) -> None:
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis)
    dots = effect.axis != "epoch"
    for curve, colour, marker in (
        (effect.clean, CLEAN, "o"),
        (effect.noisy, NOISY, "s"),
    ):
        draw_curve(axis, curve, colour, marker=marker if dots else "", markersize=3)
    if effect.axis in PERSISTS:
        clean, noisy = effect.clean.mean, effect.noisy.mean
        half = clean + PERSISTENT * np.nanmax(noisy - clean)
        axis.plot(effect.clean.x, half, **LIMIT)
    fixed = {
        "epoch": f"$s$ = {study.width}, $n$ = {study.train_size:,}",
        "effective_size": f"$n$ = {study.train_size:,}",
        "train_size": f"$s$ = {study.width}",
    }
    annotate_corner(axis, fixed[effect.axis])
