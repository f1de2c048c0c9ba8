"""Figure 1 of [B21], variance: losses of networks above their limits."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import describe_loss, draw_settings, title_of
from scaletime_jax.plotting.style import (
    GUIDE,
    LIMIT,
    SETTINGS,
    WIDTH,
    WITHIN,
    shades,
    use_log_axis,
)
from scaletime_jax.plotting.taught import dots, legend_above
from scaletime_jax.stats.local_exponents import local_exponents
from scaletime_jax.studies.excess_losses import WIDE, Excess
from scaletime_jax.studies.variance_limited import WITHIN as LIMITS

SYMBOLS = {"train_size": "$L(D) - L(N)$", "width": r"$|L(w) - L_\mathrm{lin}(w)|$"}
AXES = {
    "train_size": "independent examples, 1 / (1/$D$ - 1/$N$)",
    "width": "width $w$",
}
QUESTIONS = {
    "train_size": "finite data add a variance",
    "width": "finite width changes the loss",
}


def plot_variance_limited(made: Sequence[Excess]) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(made, _draw_setting, lambda: _draw_all(made))


def _draw_setting(made: Sequence[Excess]) -> Figure:
    colours = shades([each.step for each in made])
    over = made[0].over
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
        left, right = figure.subplots(1, 2)
        for each in made:
            _draw_excess(left, each, colours[each.step])
        use_log_axis(left.xaxis, 6)
        use_log_axis(left.yaxis)
        left.set_xlabel(AXES[over])
        loss = describe_loss(made[0].fields.get("loss"))
        left.set_ylabel(f"{loss}, {SYMBOLS[over]}")
        right.axhspan(*LIMITS[over], **WITHIN)
        right.axhline(1, **LIMIT)
        right.set_ylabel(f"exponent of {SYMBOLS[over]}")
        draw_right = _draw_exponents if over == "train_size" else _draw_local
        draw_right(right, made, colours)
        legend_above(figure, dots(colours), "training steps")
    return figure


def _draw_excess(axis, each: Excess, colour) -> None:
    excess = each.excess
    seeds = excess.shape[1]
    if seeds == 0:
        return
    mean = excess.mean(axis=1)
    error = excess.std(axis=1, ddof=1) / np.sqrt(seeds) if seeds > 1 else 0 * mean
    positive = mean > 0  # on a logarithmic axis
    low = np.maximum(mean - error, mean / 10)
    axis.vlines(
        each.draws[positive],
        low[positive],
        (mean + error)[positive],
        color=colour,
        lw=1,
    )
    for shown, face in ((each.fitted, colour), (~each.fitted, "white")):
        shown = shown & positive
        look: Any = {"marker": "o", "ms": 4, "linestyle": "", "markerfacecolor": face}
        axis.plot(each.draws[shown], mean[shown], color=colour, **look)
    if each.note:
        return
    law, draws = each.regime.law, each.draws[each.fitted]
    if law.coefficient is not None and law.exponent.value is not None:
        line = law.coefficient * draws**-law.exponent.value
        axis.plot(draws, line, color=colour, lw=1.2)
    axis.plot(draws, mean[each.fitted][0] * draws[0] / draws, **GUIDE)


def _draw_exponents(axis, made: Sequence[Excess], colours: dict) -> None:
    """Draws the exponent of each number of steps."""
    for place, each in enumerate(made):
        value, interval, _ = each.regime.law.exponent
        if each.note or value is None:
            continue
        colour = colours[each.step]
        if interval is not None:
            axis.vlines(place, *interval, color=colour, lw=1.2)
        axis.plot(place, value, marker="o", ms=4.5, color=colour)
    axis.set_xticks(range(len(made)), [f"{each.step:,}" for each in made])
    axis.set_xlim(-0.5, len(made) - 0.5)
    axis.set_xlabel("training steps")


def _draw_local(axis, made: Sequence[Excess], colours: dict) -> None:
    """Draws the exponents between neighbouring widths, and where the fit begins."""
    for place, each in enumerate(made):
        positive = np.flatnonzero(each.excess.mean(axis=1) > 0)
        if len(positive) < 2 or each.excess.shape[1] < 2:
            continue
        found = local_exponents(each.sizes[positive], each.excess[positive])
        colour = colours[each.step]
        at = found.sizes * 1.03 ** (place - (len(made) - 1) / 2)
        axis.plot(at, -found.values, marker="o", ms=4, lw=1, color=colour)
        assert found.intervals is not None  # there are two initialisations or more
        axis.vlines(at, *-found.intervals.T, color=colour, lw=1)
    axis.axvline(WIDE * made[0].whole, **LIMIT)
    axis.set_xlim(made[0].sizes[0] / 1.3, made[0].sizes[-1] * 1.3)
    use_log_axis(axis.xaxis, 6)
    axis.set_xlabel(AXES["width"])


def _draw_all(made: Sequence[Excess]) -> Figure:
    panels = []
    for over in dict.fromkeys(each.over for each in made):
        marks = [
            Mark(title_of(each.fields), each.step, each.regime.law.exponent)
            for each in made
            if each.over == over and not each.note
        ]
        label = f"exponent of {SYMBOLS[over]}"
        panels.append(Panel(QUESTIONS[over], label, marks, LIMITS[over]))
    return draw_overview(panels, "training steps")
