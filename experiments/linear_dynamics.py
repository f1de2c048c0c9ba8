"""Figure 4: loss and parameters over time under noise, and double descent three ways.

(a), (b) two modes under four noise profiles; (c) error against the number of training
points, with its peak where they are as many as parameters; (d) the random subspace
model applied to a linear regression whose noise is learned first: error against size at
fixed time and against time at fixed size, on one axis of size x time, beside their
limit.

  python experiments/linear_dynamics.py \
      --flagfile=experiments/flagfiles/linear_dynamics/laptop.flags
"""

import pathlib

import cli
import jax
import numpy as np
import shared_flags
from absl import flags

from scaletime_jax.analysis.linear_dynamics import (
    DataCurve,
    SizeTimeCurve,
    Trajectory,
    make_data_curves,
    make_regression,
    make_size_time_curves,
    make_trajectories,
)
from scaletime_jax.plotting.linear_dynamics import plot_linear_dynamics
from scaletime_jax.theory.arguments import require_least, require_positive

flags.adopt_module_key_flags(shared_flags)
DIM = flags.DEFINE_integer("dim", 50, "Parameters m of panel c.")
TRAIN_SIZES = flags.DEFINE_list(
    "train_sizes",
    "5,10,20,30,40,45,48,50,52,55,60,70,80,100,150,200",
    "Training points n of panel c.",
)
NOISE = flags.DEFINE_float("noise", 0.5, "Standard deviation of panel c's targets.")
STOPS = flags.DEFINE_list("times", "0.1,1,10,inf", "Times t of panel c.")
SIZES = flags.DEFINE_list(
    "sizes", "30,100,300,1000,3000,1e4,1e5,1e6", "Sizes p of panel d, at fixed time."
)
DRAWS = flags.DEFINE_integer("draws", 200, "Of inputs in c, of R in d, for each point.")
SEED = flags.DEFINE_integer("seed", 101, "Of the draws.")

FIXED_SIZES, FIXED_TIMES = (100, 10_000), (1e-3, 1e-1)  # of panel d


def summarize(
    trajectories: list[Trajectory],
    data_curves: list[DataCurve],
    size_time_curves: list[SizeTimeCurve],
) -> dict:
    """Returns what the figure claims, and prints it."""
    shapes = {each.name: each.turns for each in trajectories}
    peaks = {
        f"{each.time:g}": int(each.train_sizes[np.argmax(each.median)])
        for each in data_curves
    }
    for name, turns in shapes.items():
        print(f"{name}: the error {', '.join(turns)}")
    for time, n in peaks.items():
        print(f"t = {time}: the largest error is at n = {n} (m = {DIM.value})")
    deviations = []
    for curve in size_time_curves:
        print(
            f"{curve.fixed} = {curve.value:g}: within a factor "
            f"{10**curve.deviation:.3f} of the limit at p t"
        )
        fixed = {"fixed": curve.fixed, "value": curve.value}
        deviations.append({**fixed, "largest_log10_deviation": curve.deviation})
    return {
        "error_over_time": shapes,
        "train_size_of_largest_error": peaks,
        "size_time": deviations,
    }


def tables(trajectories, data_curves, size_time_curves) -> dict[str, list[dict]]:
    """Returns the plotted points of each panel."""
    return {
        "trajectories": [
            {"profile": e.name, "t": t, "theta_1": a, "theta_2": b, "error": error}
            for e in trajectories
            for t, (a, b), error in zip(e.times, e.path, e.error, strict=True)
        ],
        "data": [
            {"t": e.time, "n": n, "median": median, "low": low, "high": high}
            for e in data_curves
            for n, median, low, high in zip(*e[1:], strict=True)
        ],
        "size-time": [
            {"fixed": e.fixed, "value": e.value, "progress": x, "error_mean": y,
             "error_sem": sem, "limit": limit}
            for e in size_time_curves
            for x, y, sem, limit in zip(e.progress, e.mean, e.sem, e.limit, strict=True)
        ],
    }  # fmt: skip


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    train_sizes = sorted(shared_flags.numbers(TRAIN_SIZES, int))
    sizes, stops = shared_flags.numbers(SIZES, int), shared_flags.numbers(STOPS, float)
    require_positive("--train_sizes", train_sizes)
    require_positive("--sizes", sizes)
    require_positive("--times", stops)
    require_positive("--dim", DIM.value)
    require_least("--draws", DRAWS.value, 2)
    require_least("--noise", NOISE.value, 0)
    if shared_flags.DRY_RUN.value:
        print(f"{len(train_sizes) + len(sizes)} x {DRAWS.value} draws; seconds.")
        return
    how = DRAWS.value, SEED.value
    panels = (
        make_trajectories(np.geomspace(1e-2, 1e5, 141)),
        make_data_curves(train_sizes, DIM.value, NOISE.value, stops, *how),
        make_size_time_curves(
            make_regression(SEED.value), sorted(sizes), np.geomspace(1e-2, 1e5, 29),
            FIXED_SIZES, FIXED_TIMES, *how,
        ),
    )  # fmt: skip
    summary = {"experiment": "linear_dynamics", "flags": cli.flag_values()}
    cli.write_results(
        pathlib.Path(shared_flags.WORKDIR.value),
        summary | summarize(*panels),
        tables(*panels),
        plot_linear_dynamics(*panels),
    )


if __name__ == "__main__":
    cli.run(main)
