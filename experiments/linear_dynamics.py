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

import jax
import numpy as np
from absl import flags
from shell import cli
from shell import flags as shared_flags

from scaletime_jax.arguments import require, require_least
from scaletime_jax.plotting.linear_dynamics import plot_linear_dynamics
from scaletime_jax.studies.linear_dynamics import (
    DataCurve,
    SizeTimeCurve,
    Trajectory,
    make_data_curves,
    make_regression,
    make_size_time_curves,
    make_trajectories,
)

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
        f"{e.time:g}": int(e.train_sizes[np.argmax(e.median)]) for e in data_curves
    }
    for name, turns in shapes.items():
        print(f"{name}: the error {', '.join(turns)}")
    for time, n in peaks.items():
        print(f"t = {time}: the largest error is at n = {n} (m = {DIM.value})")
    deviations = []
    for curve in size_time_curves:
        factor = 10**curve.deviation
        print(f"{curve.fixed} = {curve.value:g}: within a factor {factor:.3f} of p t's")
        fixed = {"fixed": curve.fixed, "value": curve.value}
        deviations.append({**fixed, "largest_log10_deviation": curve.deviation})
    return {
        "error_over_time": shapes,
        "train_size_of_largest_error": peaks,
        "size_time": deviations,
    }


def tables(trajectories, data_curves, size_time_curves) -> dict[str, list[dict]]:
    """Returns the plotted points of each panel."""
    panels: dict[str, list[dict]] = {"trajectories": [], "data": [], "size-time": []}
    for e in trajectories:
        theta = {"theta_1": e.path[:, 0], "theta_2": e.path[:, 1], "error": e.error}
        panels["trajectories"] += cli.records(profile=e.name, t=e.times, **theta)
    for name, curves in (("data", data_curves), ("size-time", size_time_curves)):
        for e in curves:
            panels[name] += cli.records(**e._asdict())
    return panels


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    train_sizes = shared_flags.positive_numbers(TRAIN_SIZES, int)
    sizes = shared_flags.positive_numbers(SIZES, int)
    stops = shared_flags.numbers(STOPS, float)
    require(min(stops, default=0) > 0, "--times must be above 0; inf is the end.")
    shared_flags.check_positive(DIM)
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
            make_regression(SEED.value), sizes, np.geomspace(1e-2, 1e5, 29),
            FIXED_SIZES, FIXED_TIMES, *how,
        ),
    )  # fmt: skip
    summary = {"experiment": "linear_dynamics", "flags": cli.flag_values()}
    summary |= summarize(*panels)
    folder = pathlib.Path(shared_flags.WORKDIR.value)
    cli.write_results(folder, summary, tables(*panels), plot_linear_dynamics, *panels)


if __name__ == "__main__":
    cli.run(main)
