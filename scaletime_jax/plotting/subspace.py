"""How far the random subspace model is from its limit, beside the bounds of it."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from scaletime_jax.plotting.style import SETTINGS, WIDTH, use_log_axis
from scaletime_jax.studies.subspace import Comparison
from scaletime_jax.studies.subspace_bounds import GAUSSIAN, KNOWN, THEOREM1

MAPS = (THEOREM1, KNOWN, GAUSSIAN)
LABELS = {
    THEOREM1: "Theorem 1",
    KNOWN: "our bound, G known",
    GAUSSIAN: "our bound, a priori",
}
HATCH, ARRIVED_GREY = "////", "0.88"
LARGEST_RATIO = 1e4  # of the colour scale; Theorem 1 goes far beyond


def plot_subspace(comparisons: Sequence[Comparison]) -> dict[str, Figure]:
    """Draws a figure for each loss; the study's caption says what is drawn."""
    return {each.problem: _draw_problem(each) for each in comparisons}


def _draw_problem(comparison: Comparison) -> Figure:
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, 6.0), layout="constrained")
        axes = figure.subplots(2, 2)
        curve, *maps = axes.flat
        _draw_slice(curve, comparison)
        curve.set_ylabel("distance")
        for axis, name in zip(maps, MAPS, strict=True):
            image = _draw_map(axis, comparison, name)
            axis.set_title(LABELS[name], fontsize=9)
            axis.set_ylabel("time $t$")
            axis.set_xlabel("number of parameters $p$")
        label = "bound / observed distance"
        figure.colorbar(image, ax=axes[:, -1], extend="max", label=label, aspect=30)
        handles = [
            *curve.get_lines(),
            Patch(
                facecolor="white",
                edgecolor="0.3",
                hatch=HATCH,
                label="Theorem 1 above the distance travelled",
            ),
            Patch(facecolor=ARRIVED_GREY, label="both flows have arrived"),
        ]
        figure.suptitle(comparison.problem, fontsize=9)
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _draw_slice(axis, comparison: Comparison) -> None:
    middle = len(comparison.sizes) // 2
    here = comparison.under_way[middle]
    time = comparison.times[here]

    def line(values, label, **style):
        axis.plot(time, values[middle][here], label=label, **style)

    line(comparison.travelled, "distance travelled", color="0.6", linestyle="--")
    line(comparison.observed, "observed (95% quantile)", color="black", linewidth=1.8)
    line(comparison.bounds[THEOREM1], LABELS[THEOREM1], color="#c33")
    line(comparison.bounds[KNOWN], LABELS[KNOWN], color="#06c")
    line(comparison.bounds[GAUSSIAN], LABELS[GAUSSIAN], color="#06c", linestyle=":")
    use_log_axis(axis.xaxis)
    use_log_axis(axis.yaxis)
    axis.set_xlim(comparison.times.min() / 1.5, comparison.times.max() * 1.5)
    axis.set_ylim(0.1, 1)  # where nothing is under way
    if here.any():
        most = comparison.travelled[middle][here].max()
        axis.set_ylim(comparison.observed[middle][here].min() / 3, most * 1e2)
    axis.set_xlabel(f"time $t$, at $p$ = {comparison.sizes[middle]:,}")


def _draw_map(axis, comparison: Comparison, name: str):
    ratio = np.nan_to_num(comparison.ratio(name), nan=-1.0, posinf=1e300)
    colours = matplotlib.colormaps["viridis_r"].with_extremes(
        bad=ARRIVED_GREY, over="black"
    )
    edges = _edges(comparison.sizes), _edges(comparison.times)
    shown = np.ma.masked_less(ratio, 0).T
    image = axis.pcolormesh(*edges, shown, norm=LogNorm(1, LARGEST_RATIO), cmap=colours)
    if name == THEOREM1:
        for i, j in np.argwhere(comparison.under_way & comparison.vacuous):
            corner = edges[0][i], edges[1][j]
            size = edges[0][i + 1] - corner[0], edges[1][j + 1] - corner[1]
            cell = Rectangle(
                corner, *size, fill=False, hatch=HATCH, edgecolor="0.55", linewidth=0
            )
            axis.add_patch(cell)
    use_log_axis(axis.xaxis, 4)
    use_log_axis(axis.yaxis)
    return image


def _edges(values: np.ndarray) -> np.ndarray:
    """Returns the edges of cells around values on a logarithmic axis."""
    logs = np.log(values)
    if len(logs) == 1:
        return np.exp([logs[0] - 0.5, logs[0] + 0.5])
    inner = (logs[1:] + logs[:-1]) / 2
    ends = 2 * logs[0] - inner[0], 2 * logs[-1] - inner[-1]
    return np.exp(np.concatenate([ends[:1], inner, ends[1:]]))
