"""Figures 6 and 9 of [BF24]: test error with and without label noise."""

from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.settings import draw_curve, label_row
from scaletime_jax.plotting.style import (
    SETTINGS,
    annotate_corner,
    use_log_axis,
    use_loss_axis,
)
from scaletime_jax.studies.label_noise import AXES, NoiseStudy

# Blue and vermilion of the palette by Okabe and Ito.
CLEAN, NOISY = "#0072B2", "#D55E00"
X_LABELS = {
    "epoch": "epochs",
    "effective_size": "effective size $p$",
    "train_size": "training examples $n$",
}


def plot_label_noise(studies: Sequence[NoiseStudy]) -> Figure:
    """Draws the study's curves, a row a setting; its caption says what is drawn."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(8.6, 2.5 * len(studies) + 0.9), layout="constrained")
        axes = figure.subplots(len(studies), 3, sharey="row", squeeze=False)
        for line, study in zip(axes, studies, strict=True):
            effects = {effect.axis: effect for effect in study.effects}
            for axis, name in zip(line, AXES, strict=True):
                if name in effects:
                    _draw_panel(axis, effects[name], study)
                else:
                    axis.set_axis_off()
            use_loss_axis(line[0].yaxis)  # shared by the row
            drawn = [axis for axis in line if axis.axison]
            label_row(drawn[0], study.fields)
        for axis, name in zip(axes[-1], AXES, strict=True):
            axis.set_xlabel(X_LABELS[name])
        handles = [
            Line2D([], [], label="true labels", color=CLEAN, marker="o", markersize=3),
            Line2D([], [], label="label noise", color=NOISY, marker="s", markersize=3),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def _draw_panel(axis, effect, study: NoiseStudy) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    subs = (1, 2, 3, 5, 7) if effect.axis == "effective_size" else (1,)
    use_log_axis(axis.xaxis, subs)
    dots = effect.axis != "epoch"
    for curve, colour, marker in (
        (effect.clean, CLEAN, "o"),
        (effect.noisy, NOISY, "s"),
    ):
        draw_curve(axis, curve, colour, marker=marker if dots else "", markersize=3)
    fixed = {
        "epoch": f"$s$ = {study.width}, $n$ = {study.train_size:,}",
        "effective_size": f"$n$ = {study.train_size:,}",
        "train_size": f"$s$ = {study.width}",
    }
    annotate_corner(axis, fixed[effect.axis])
