"""Figure S5 of [B21]: the exponent over data by depth and width."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import draw_settings, title_of
from scaletime_jax.plotting.style import SETTINGS, WIDTH, shades, use_log_axis
from scaletime_jax.plotting.taught import draw_log_means
from scaletime_jax.studies.aspect_ratio import WITHIN as LIMITS
from scaletime_jax.studies.aspect_ratio import Change, Shape

MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)))
APART = 0.03  # of the exponents of one width or depth, as a share of the axis
ROOM = 0.22  # of an axis, for a legend above
TITLES = {
    "depth": "least to greatest depth",
    "width": "least to greatest width",
    "largest widths": "the two largest widths",
}


def plot_aspect_ratio(
    shapes: Sequence[Shape], changes: Sequence[Change]
) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(shapes, _draw_setting, lambda: _draw_all(changes))


def _draw_setting(shapes: Sequence[Shape]) -> Figure:
    widths = sorted({each.width for each in shapes})
    depths = sorted({each.depth for each in shapes})
    colours = shades(widths), shades(depths, "plasma")
    marks = {depth: MARKERS[k % len(MARKERS)] for k, depth in enumerate(depths)}
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _draw_losses(left, shapes, colours[0], marks)
        for axis, along, other, chosen in (
            (middle, "width", "depth", colours[1]),
            (right, "depth", "width", colours[0]),
        ):
            _draw_exponents(axis, shapes, along, other, chosen, marks)
        figure.suptitle(title_of(shapes[0].fields), fontsize=9)
    return figure


def _draw_losses(axis, shapes: Sequence[Shape], colours: dict, marks: dict) -> None:
    dashes = dict(zip(marks, DASHES * len(marks), strict=False))
    for each in shapes:
        found, colour = each.scaling, colours[each.width]
        every = np.ones(len(found.sizes), bool)
        draw_log_means(
            axis, found.sizes, found.values, every, None, colour, marks[each.depth]
        )
        fitted = np.log(found.values).mean(axis=1).mean()
        centre = np.log(found.sizes).mean()
        line = np.exp(fitted - found.whole.value * (np.log(found.sizes) - centre))
        axis.plot(found.sizes, line, color=colour, ls=dashes[each.depth], lw=1.1)
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis)
    axis.set_xlabel("number of training examples $D$")
    axis.set_ylabel("best test loss")


def _draw_exponents(
    axis, shapes: Sequence[Shape], along: str, other: str, colours: dict, marks: dict
) -> None:
    """Draws the exponents over depth or width, a line for each of the other one."""
    places = sorted({getattr(each, along) for each in shapes})
    groups = sorted({getattr(each, other) for each in shapes})
    for number, group in enumerate(groups):
        mine = [each for each in shapes if getattr(each, other) == group]
        mine.sort(key=lambda each: getattr(each, along))
        shift = APART * len(places) * (number - (len(groups) - 1) / 2)
        x = [places.index(getattr(each, along)) + shift for each in mine]
        values = [each.scaling.whole.value for each in mine]
        axis.plot(x, values, color=colours[group], lw=1)
        for at, each in zip(x, mine, strict=True):
            interval = each.scaling.whole.interval
            if interval is not None:
                axis.vlines(at, *interval, color=colours[group], lw=1.2)
            look: Any = {"marker": marks[each.depth], "ms": 4.5}
            axis.plot(at, each.scaling.whole.value, color=colours[group], **look)
    handles = [
        Line2D(
            [],
            [],
            color=colours[group],
            marker=marks.get(group, "") if other == "depth" else "",
            ms=4,
            label=f"{group:g}",
        )
        for group in groups
    ]
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + ROOM * (high - low))
    axis.legend(
        handles=handles,
        title=other,
        fontsize=7,
        title_fontsize=7,
        loc="upper center",
        ncols=min(len(handles), 4),
    )
    axis.set_xticks(range(len(places)), [f"{each:g}" for each in places])
    axis.set_xlim(-0.5, len(places) - 0.5)
    axis.set_xlabel("width $s$" if along == "width" else "depth")
    axis.set_ylabel(r"exponent $\alpha_D$ of the best test loss")


def _draw_all(changes: Sequence[Change]) -> Figure:
    panels = []
    for kind in dict.fromkeys(each.kind for each in changes):
        marks = [
            Mark(
                title_of({**each.fields, "width": None}),
                each.fields.get("width") or each.fields.get("depth"),
                each.estimate,
            )
            for each in changes
            if each.kind == kind
        ]
        panels.append(Panel(TITLES[kind], r"change of $\alpha_D$", marks, LIMITS[kind]))
    return draw_overview(panels, "the width or depth that both share")
