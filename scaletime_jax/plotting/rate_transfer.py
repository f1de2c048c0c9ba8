"""Transfer of the learning rate over widths, with muP and without."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from scaletime_jax.plotting.overview import Mark, Panel, draw_overview
from scaletime_jax.plotting.settings import describe_loss, draw_settings, title_of
from scaletime_jax.plotting.style import (
    SETTINGS,
    WIDTH,
    WITHIN,
    shades,
    use_log_axis,
)
from scaletime_jax.plotting.taught import dots, legend_above
from scaletime_jax.studies.rate_transfer import WITHIN as LIMITS
from scaletime_jax.studies.rate_transfer import Transfer

TITLES = {"standard": "standard parameterisation", "mup": "muP"}


def plot_rate_transfer(made: Sequence[Transfer]) -> dict[str, Figure]:
    """Draws a figure a setting, after one of all; captions say what is drawn."""
    return draw_settings(made, _draw_setting, lambda: _draw_all(made))


def _draw_setting(made: Sequence[Transfer]) -> Figure:
    colours = shades([width.width for each in made for width in each.widths])
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        *left, last = figure.subplots(1, len(made) + 1)
        ordered = sorted(made, key=lambda each: each.parameterisation, reverse=True)
        for axis, each in zip(left, ordered, strict=True):
            _draw_losses(axis, each, colours)
            axis.set_title(TITLES[each.parameterisation])
            axis.sharey(left[0])
        loss = describe_loss(made[0].fields.get("loss"))
        left[0].set_ylabel(f"{loss} at the end")
        for each in ordered:
            _draw_best(last, each, colours)
        use_log_axis(last.xaxis, 6)
        use_log_axis(last.yaxis)
        last.set_xlabel("width")
        last.set_ylabel("best learning rate")
        legend_above(figure, dots(colours), "width")
    return figure


def _draw_losses(axis, each: Transfer, colours: dict) -> None:
    below = blended_transform_factory(axis.transData, axis.transAxes)
    for width in each.widths:
        logs, colour = np.log(width.losses), colours[width.width]
        mean, seeds = logs.mean(axis=1), logs.shape[1]
        error = logs.std(axis=1, ddof=1) / np.sqrt(seeds) if seeds > 1 else 0 * mean
        axis.vlines(
            width.rates, np.exp(mean - error), np.exp(mean + error), color=colour, lw=1
        )
        axis.plot(width.rates, np.exp(mean), color=colour, marker="o", ms=3, lw=1.2)
        if width.best.value is not None:
            place = 2.0**width.best.value
            axis.plot(place, 0.03, marker="^", ms=5, color=colour, transform=below)
    use_log_axis(axis.xaxis, 5)
    use_log_axis(axis.yaxis)
    axis.set_xlabel("learning rate")


def _draw_best(axis, each: Transfer, colours: dict) -> None:
    known = [width for width in each.widths if width.best.value is not None]
    if not known:
        return
    is_mup = each.parameterisation == "mup"
    sizes = [width.width for width in known]
    places = [2.0 ** (width.best.value or 0.0) for width in known]
    axis.plot(sizes, places, color="0.6", lw=1, ls="-" if is_mup else "--", zorder=1)
    for width, place in zip(known, places, strict=True):
        colour = colours[width.width]
        if width.best.interval is not None:
            low, high = 2.0 ** np.array(width.best.interval)
            axis.vlines(width.width, low, high, color=colour, lw=1.2)
        face = colour if is_mup else "white"
        look = {"marker": "o" if is_mup else "s", "markerfacecolor": face, "ms": 5}
        axis.plot(width.width, place, color=colour, linestyle="", **look)
    if is_mup:
        axis.axhspan(places[0] / 2, places[0] * 2, **WITHIN)


def _draw_all(made: Sequence[Transfer]) -> Figure:
    panels = []
    for name in dict.fromkeys(each.parameterisation for each in made):
        mine = [each for each in made if each.parameterisation == name]
        marks = [
            Mark(title_of(each.fields), each.fields["train_size"], each.drift)
            for each in mine
        ]
        label = "log2(widest / narrowest)"
        panels.append(Panel(TITLES[name], label, marks, LIMITS[name]))
    return draw_overview(panels, "training examples")
