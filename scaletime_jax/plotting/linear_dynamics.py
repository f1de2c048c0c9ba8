"""Figure 4 of [BF24], and double descent over data and over size x time."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from scaletime_jax.plotting.style import SETTINGS, shades, use_log_axis
from scaletime_jax.studies.linear_dynamics import DataCurve, Trajectory
from scaletime_jax.studies.size_time import SizeTimeCurve

# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = ("0.2", "#e69f00", "#0072b2", "#cc79a7")
MARKERS = ("o", "s", "^", "D")


def plot_linear_dynamics(
    trajectories: Sequence[Trajectory],
    data_curves: Sequence[DataCurve],
    size_time_curves: Sequence[SizeTimeCurve],
) -> dict[str, Figure]:
    """Draws the study's four panels; its caption says what is drawn."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(8.2, 6.4), layout="constrained")
        (over_time, paths), (over_data, over_both) = figure.subplots(2, 2)
        _draw_trajectories(over_time, paths, trajectories)
        _draw_data(over_data, data_curves)
        _draw_size_time(over_both, size_time_curves)
        for axis, letter in zip(figure.axes, "abcd", strict=True):
            axis.text(-0.14, 1.02, letter, transform=axis.transAxes, fontweight="bold")
    return {"": figure}


def _draw_trajectories(over_time, paths, trajectories: Sequence[Trajectory]) -> None:
    for each, colour in zip(trajectories, COLOURS, strict=True):
        clean = each.name == "no noise"  # its path lies on others'
        style = {"linestyle": "--" if clean else "-", "zorder": 3 if clean else 2}
        over_time.plot(each.times, each.error, color=colour, label=each.name, **style)
        paths.plot(*each.path.T, color=colour, **style)
        paths.plot(*each.path[-1], "o", color=colour, markersize=4)
    teacher = trajectories[0].teacher
    paths.plot(0, 0, "o", color="black", markerfacecolor="white", markersize=5)
    paths.plot(*teacher, "*", color="black", markersize=10, zorder=0)
    paths.annotate("start", (0, 0), (6, -4), textcoords="offset points", va="top")
    paths.annotate("teacher", teacher, (-6, 6), textcoords="offset points", ha="right")
    paths.set_xlabel(r"fast parameter $\theta_1$")
    paths.set_ylabel(r"slow parameter $\theta_2$")
    paths.margins(0.1)
    use_log_axis(over_time.xaxis)
    over_time.set_ylim(bottom=0)
    over_time.set_xlabel("time, in units of the fast mode's")
    over_time.set_ylabel(r"error $\|\theta(t) - w\|^2$")
    over_time.legend(fontsize=7.5)


def _draw_data(axis, curves: Sequence[DataCurve]) -> None:
    colours = shades(range(len(curves)))
    for number, each in enumerate(curves):
        label = "∞" if np.isinf(each.time) else f"{each.time:g}"
        axis.plot(
            each.train_sizes,
            each.median,
            "o-",
            color=colours[number],
            markersize=3,
            label=label,
        )
        axis.fill_between(
            each.train_sizes,
            each.low,
            each.high,
            color=colours[number],
            alpha=0.25,
            linewidth=0,
        )
    use_log_axis(axis.xaxis)
    use_log_axis(axis.yaxis)
    axis.set_xlabel("training points $n$")
    axis.set_ylabel("expected squared error")
    axis.legend(title="time", fontsize=7.5)


def _draw_size_time(axis, curves: Sequence[SizeTimeCurve]) -> None:
    progress = np.concatenate([each.progress for each in curves])
    limit = np.concatenate([each.limit for each in curves])
    order = np.argsort(progress)
    axis.plot(progress[order], limit[order], color="black", label="limit", zorder=5)
    for number, each in enumerate(curves):
        along = {"t": "p", "p": "t"}[each.fixed]
        axis.errorbar(
            each.progress,
            each.mean,
            yerr=each.sem,
            fmt=MARKERS[number % len(MARKERS)],
            color=COLOURS[number % len(COLOURS)],
            markersize=4,
            markerfacecolor="none",
            linewidth=0.8,
            label=f"along ${along}$, ${each.fixed}$ = {each.value:,g}",
        )
    use_log_axis(axis.xaxis)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("size x time $p\\,t$")
    axis.set_ylabel("error of the random subspace model")
    axis.legend(fontsize=7.5)
