"""Figure 1 of [B21], variance: the loss of narrow networks above its limit."""

from collections.abc import Sequence

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
from scaletime_jax.stats.exponents import variance_sizes
from scaletime_jax.studies.variance_limited import WITHIN as LIMITS
from scaletime_jax.studies.variance_limited import Excess

EXPONENT = "exponent of $L(D) - L(N)$"


def plot_variance_limited(made: Sequence[Excess]) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(made, _draw_setting, lambda: _draw_all(made))


def _draw_setting(made: Sequence[Excess]) -> Figure:
    colours = shades([each.step for each in made])
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
        left, right = figure.subplots(1, 2)
        for each in made:
            _draw_excess(left, each, colours[each.step])
        use_log_axis(left.xaxis, 6)
        use_log_axis(left.yaxis)
        left.set_xlabel("independent examples, 1 / (1/$D$ - 1/$N$)")
        loss = describe_loss(made[0].fields.get("loss"))
        left.set_ylabel(f"{loss}, $L(D) - L(N)$")
        _draw_exponents(right, made, colours)
        handles = [
            matplotlib.lines.Line2D(
                [], [], color=colour, marker="o", ms=4, label=f"{step:,}"
            )
            for step, colour in colours.items()
        ]
        figure.legend(
            handles=handles,
            loc="outside upper center",
            ncols=len(handles),
            title="training steps",
            fontsize=8,
            title_fontsize=8,
        )
    return figure


def _draw_excess(axis, each: Excess, colour) -> None:
    excess = each.excess
    seeds = excess.shape[1]
    if seeds == 0:
        return
    mean = excess.mean(axis=1)
    error = excess.std(axis=1, ddof=1) / np.sqrt(seeds) if seeds > 1 else 0 * mean
    draws = variance_sizes(each.sizes, each.pool)
    shown = mean > 0  # on a logarithmic axis
    low = np.maximum(mean - error, mean / 10)
    axis.vlines(draws[shown], low[shown], (mean + error)[shown], color=colour, lw=1)
    axis.plot(draws[shown], mean[shown], marker="o", ms=4, linestyle="", color=colour)
    if each.note or not shown.all():
        return
    law = each.regime.law
    if law.coefficient is not None and law.exponent.value is not None:
        line = law.coefficient * draws**-law.exponent.value
        axis.plot(draws, line, color=colour, lw=1.2)
    axis.plot(draws, mean[0] * draws[0] / draws, **GUIDE)


def _draw_exponents(axis, made: Sequence[Excess], colours: dict) -> None:
    axis.axhspan(*LIMITS, **WITHIN)
    axis.axhline(1, **LIMIT)
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
    axis.set_ylabel(EXPONENT)


def _draw_all(made: Sequence[Excess]) -> Figure:
    marks = [
        Mark(title_of(each.fields), each.step, each.regime.law.exponent)
        for each in made
        if not each.note
    ]
    panel = Panel("finite data add a variance", EXPONENT, marks, LIMITS)
    return draw_overview([panel], "training steps")
