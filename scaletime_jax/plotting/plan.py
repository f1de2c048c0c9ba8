"""What a budget buys: loss along it, and where it lies among sizes and times."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.laws.planner import Option
from scaletime_jax.plotting.settings import title_of
from scaletime_jax.plotting.style import (
    SETTINGS,
    WIDTH,
    shades,
    use_log_axis,
    write_amount,
)
from scaletime_jax.studies.plan import DrawnPlan

BEST = "#b3470b"


def plot_plan(plan: DrawnPlan) -> dict[str, Figure]:
    """Draws the study's plan; its caption says what is drawn."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_frontier(left, plan)
        _draw_map(right, plan)
        title = f"{title_of(plan.setting)}: {plan.budget}"
        figure.suptitle(title, fontsize=9)
    return {"": figure}


def _columns(options: list[Option]) -> np.ndarray:
    return np.array(options, float).T


def _draw_frontier(axis, plan: DrawnPlan) -> None:
    sizes = plan.measured[0]
    size, _, _, loss, low, high = _columns(plan.frontier)
    use_log_axis(axis.xaxis, 5)
    use_log_axis(axis.yaxis)
    axis.xaxis.set_major_formatter(write_amount)
    axis.plot(size, loss, color=BEST)
    axis.fill_between(size, low, high, color=BEST, alpha=0.18, linewidth=0)
    best = plan.best
    axis.plot([best.num_params], [best.loss], "o", color=BEST, markersize=7)
    axis.set_xlim(size.min(), size.max())
    for first, last in ((size.min(), sizes.min()), (sizes.max(), size.max())):
        if last > first:
            axis.axvspan(first, last, color="0.93", zorder=0, linewidth=0)
    transform = axis.get_xaxis_transform()
    axis.plot(plan.as_good, [0, 0], color=BEST, linewidth=5, transform=transform)
    axis.set_xlabel("number of parameters")
    axis.set_ylabel("predicted test loss")


def _draw_map(axis, plan: DrawnPlan) -> None:
    sizes, epochs, loss = plan.sizes, plan.epochs, plan.loss
    use_log_axis(axis.xaxis, 5)
    use_log_axis(axis.yaxis)
    for each in (axis.xaxis, axis.yaxis):
        each.set_major_formatter(write_amount)
    known = loss[np.isfinite(loss)]
    if known.size and known.max() > known.min():
        levels = np.geomspace(known.min(), known.max(), 13)[1:-1]
        colours = list(shades(range(len(levels))).values())[::-1]
        lines = axis.contour(sizes, epochs, loss, levels=levels, colors=colours)
        axis.clabel(lines, fmt="%.2g", fontsize=7)
    axis.plot(*plan.measured, ".", color="0.6", markersize=2.5, zorder=0)
    size, epoch, *_ = _columns(plan.frontier)
    axis.plot(size, epoch, "--", color="0.2", linewidth=1.2)
    axis.plot([plan.best.num_params], [plan.best.epoch], "o", color=BEST, markersize=7)
    axis.set_xlim(sizes.min(), sizes.max())
    axis.set_ylim(epochs.min(), epochs.max())
    axis.set_xlabel("number of parameters")
    axis.set_ylabel(plan.time)
