"""How far the random subspace model is from its limit, beside the bounds of it."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from scaletime_jax.plotting.style import SETTINGS, use_decades
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


def plot_subspace(comparisons: Sequence[Comparison]) -> Figure:
    """Draws a row for each loss; the study's caption says what is drawn."""
    with matplotlib.rc_context(SETTINGS):
        rows = len(comparisons)
        figure = Figure(figsize=(10.6, 2.7 * rows + 0.5), layout="constrained")
        axes = figure.subplots(rows, 1 + len(MAPS), squeeze=False)
        for row, comparison in zip(axes, comparisons, strict=True):
            _draw_slice(row[0], comparison)
            for axis, name in zip(row[1:], MAPS, strict=True):
                image = _draw_map(axis, comparison, name)
            row[1].set_ylabel("time $t$")
            row[0].set_ylabel(f"{comparison.problem}\ndistance")
        for axis, name in zip(axes[0, 1:], MAPS, strict=True):
            axis.set_title(LABELS[name], fontsize=9)
        for axis in axes[-1, 1:]:
            axis.set_xlabel("number of parameters $p$")
        figure.colorbar(
            image,
            ax=axes[:, -1],
            extend="max",
            label="bound / observed distance",
            aspect=15 * rows,
        )
        handles = [
            *axes[0, 0].get_lines(),
            Patch(
                facecolor="white",
                edgecolor="0.3",
                hatch=HATCH,
                label="Theorem 1 above the distance travelled",
            ),
            Patch(facecolor=ARRIVED_GREY, label="both flows have arrived"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
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
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(comparison.times.min() / 1.5, comparison.times.max() * 1.5)
    axis.set_ylim(0.1, 1)  # where nothing is under way
    if here.any():
        most = comparison.travelled[middle][here].max()
        axis.set_ylim(comparison.observed[middle][here].min() / 3, most * 1e2)
    use_decades(axis.xaxis)
    use_decades(axis.yaxis)
    axis.set_xlabel(f"time $t$, at $p$ = {comparison.sizes[middle]:,}")


def _draw_map(axis, comparison: Comparison, name: str):
    ratio = np.nan_to_num(comparison.ratio(name), nan=-1.0, posinf=1e300)
    colours = matplotlib.colormaps["YlOrRd"].with_extremes(
        bad=ARRIVED_GREY, over="0.25"
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
    axis.set_xscale("log")
    axis.set_yscale("log")
    use_decades(axis.xaxis)
    use_decades(axis.yaxis)
    return image


def _edges(values: np.ndarray) -> np.ndarray:
    """Returns the edges of cells around values on a logarithmic axis."""
    logs = np.log(values)
    if len(logs) == 1:
        return np.exp([logs[0] - 0.5, logs[0] + 0.5])
    inner = (logs[1:] + logs[:-1]) / 2
    ends = 2 * logs[0] - inner[0], 2 * logs[-1] - inner[-1]
    return np.exp(np.concatenate([ends[:1], inner, ends[1:]]))
