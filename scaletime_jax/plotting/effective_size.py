"""Appendix B of [BF24]: how many examples networks fit, against their parameters."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.exponents import exponent_marks
from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import describe_setting, draw_settings, title_of
from scaletime_jax.plotting.style import (
    GUIDE,
    SETTINGS,
    annotate_corner,
    make_panels,
    shades,
    use_log_axis,
)
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.effective_size import RESOLUTION, CapacityStudy

MARKERS = {"exact": "o", "above": "^", "below": "v"}
LABELS = {
    "exact": "one seed",
    "above": "at least\n(fits all tried)",
    "below": "at most\n(fits none tried)",
}
COLOUR = shades([0, 1])[1]
GUIDES_PER_DECADE = 3
SHOWN = -1.0, 2.5  # exponents beyond stand at the ends


def plot_effective_size(studies: Sequence[CapacityStudy]) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(
        studies, lambda mine: _draw_setting(mine), lambda: _draw_all(studies)
    )


def _draw_setting(studies: Sequence[CapacityStudy]) -> Figure:
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(2.9 * len(studies) + 1.8, 3.2), layout="constrained")
        axes = make_panels(figure, len(studies))
        for axis, study in zip(axes, studies, strict=True):
            _draw_panel(axis, study)
        _draw_guides(axes)
        figure.supxlabel("number of parameters")
        figure.supylabel("examples fitted")
        figure.legend(
            handles=_handles(studies), loc="outside right upper", fontsize=7.5
        )
    return figure


def _draw_all(studies: Sequence[CapacityStudy]) -> Figure:
    """Draws the local exponents of capacity in parameters."""
    marks = []
    for each in studies:
        title = title_of(each.fields)
        marks += exponent_marks(title, each.exponents) or [
            Mark(title, None, Estimate(None, None))
        ]
    within = 1 / 3 - RESOLUTION, 1 / 3 + RESOLUTION
    label = "local exponent of examples fitted in parameters"
    panels = [Panel("", label, marks, within, SHOWN)]
    return draw_overview(panels, "parameters")


def _draw_panel(axis, study: CapacityStudy) -> None:
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis)
    for network in study.networks:
        spread = np.linspace(0.95, 1.05, max(2, len(network.seeds)))
        for seed, shift in zip(network.seeds.values(), spread, strict=False):
            axis.plot(
                network.num_params * shift,
                seed.train_size,
                MARKERS[seed.bound],
                color=COLOUR,
                markersize=4,
                markerfacecolor=COLOUR if seed.bound == "exact" else "white",
            )
    axis.plot(*study.line, color=COLOUR, linewidth=1.4)
    annotate_corner(axis, describe_setting(study.fields))


def _draw_guides(axes) -> None:
    """Draws lines of exponent 1/3 across the panels' common limits."""
    x, y = np.array(axes[0].get_xlim()), np.array(axes[0].get_ylim())
    y = y * np.array([1.0, 2.0])  # room for the annotation
    first, last = np.log10([y[0] / np.cbrt(x[1]), y[1] / np.cbrt(x[0])])
    count = int(np.ceil((last - first) * GUIDES_PER_DECADE))
    for axis in axes:
        for factor in np.logspace(first, last, count + 1):
            axis.plot(x, factor * np.cbrt(x), **GUIDE)
        axis.set_xlim(*x)
        axis.set_ylim(*y)


def _handles(studies: Sequence[CapacityStudy]) -> list[Line2D]:
    networks = [network for study in studies for network in study.networks]
    bounds = {seed.bound for n in networks for seed in n.seeds.values()}
    handles = [
        Line2D(
            [],
            [],
            label=LABELS[bound],
            linestyle="",
            marker=MARKERS[bound],
            color=COLOUR,
            markerfacecolor=COLOUR if bound == "exact" else "white",
        )
        for bound in MARKERS
        if bound in bounds
    ]
    if any(study.line.size for study in studies):
        handles.append(Line2D([], [], label="least squares", color=COLOUR))
    return [*handles, Line2D([], [], label="exponent 1/3", **GUIDE)]
