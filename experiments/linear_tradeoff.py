"""Figure 1: steps of gradient descent to a loss against size, in the linear model.

L(theta) = ||K (R theta + beta_0) - alpha*||^2 with K, R, beta_0, alpha*, theta(0) iid
N(0, 1) [BF24, C.2]. Nothing is iterated, and nothing of p or P numbers is drawn but K:
the steps are exact integers from the Gram matrix of K R, whose law is known. Beside the
paper's panel stands one with p up to 10^9, its rate scaled down to stay stable there.

  python experiments/linear_tradeoff.py \
      --flagfile=experiments/flagfiles/linear_tradeoff/laptop.flags
"""

import pathlib

import jax
from absl import flags
from shell import cli
from shell import flags as shared_flags

from scaletime_jax.plotting.linear_tradeoff import plot_linear_tradeoff
from scaletime_jax.stats.lines import describe_fit, fit_columns
from scaletime_jax.studies.linear_tradeoff import (
    StepCurve,
    count_steps,
    make_step_curves,
)

flags.adopt_module_key_flags(shared_flags)
SIZES = flags.DEFINE_list(
    "sizes", "10,20,50,100,200,300,500,700,900", "Numbers of parameters p, left panel."
)
LARGE_SIZES = flags.DEFINE_list(
    "large_sizes",
    "10,100,1000,1e4,1e5,1e6,1e7,1e8,1e9",
    "Numbers of parameters p, right panel.",
)
AMBIENT = flags.DEFINE_integer("ambient", 1000, "Dimension P of the large model.")
RANK = flags.DEFINE_integer("rank", 3, "Dimensions r that the loss depends on.")
RATE = flags.DEFINE_float("learning_rate", 1e-6, "Of gradient descent, left panel.")
SEEDS = flags.DEFINE_list(
    "seeds", "101,102,103,104,105", "Of the trials; each draws all that is random."
)
THRESHOLDS = flags.DEFINE_list(
    "thresholds", "1,1e-2,1e-4,1e-6,1e-8,1e-10", "Losses to reach, one curve each."
)


def make_panel(seeds, sizes, thresholds, rate: float) -> list[StepCurve]:
    """Returns a curve for each threshold."""
    counts = count_steps(seeds, sizes, thresholds, rate, RANK.value, AMBIENT.value)
    return make_step_curves(*counts, sizes, thresholds, rate, RANK.value)


def curve_summary(curve: StepCurve) -> dict:
    """Returns a curve as it stands in summary.json, and prints it."""
    never = int((curve.steps < 0).sum())
    print(
        f"p {curve.sizes[0]:g} to {curve.sizes[-1]:g}, loss {curve.threshold:g}: "
        f"{describe_fit(curve.fit)}; from p = 10 r on {describe_fit(curve.fit_large)}; "
        f"{never} of {curve.steps.size} never reached it"
    )
    return {
        "learning_rate": curve.learning_rate,
        "threshold": curve.threshold,
        **fit_columns(curve.fit),
        "from_10_r": fit_columns(curve.fit_large),
        "sizes_fitted": curve.sizes[curve.smooth].tolist(),
        "never_reached": never,
    }


def points(curves: list[StepCurve]) -> list[dict]:
    """Returns the plotted points."""
    rows = []
    for curve in curves:
        steps = {"steps_mean": curve.mean, "steps_sem": curve.sem}
        setting = {"p": curve.sizes, "threshold": curve.threshold}
        rows += cli.records(**setting, **steps, smooth=curve.smooth)
    return rows


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    seeds = shared_flags.numbers(SEEDS, int)
    thresholds = shared_flags.positive_numbers(THRESHOLDS, float)[::-1]
    sizes = shared_flags.positive_numbers(SIZES, int)
    large = shared_flags.positive_numbers(LARGE_SIZES, int)
    shared_flags.check_positive(RANK, AMBIENT, RATE)
    if shared_flags.DRY_RUN.value:
        runs = (len(sizes) + len(large)) * len(seeds)
        print(f"{runs} draws of {RANK.value} x {RANK.value} numbers; seconds.")
        return
    # 2 eta p P = 0.2 at the largest p: far from overshooting, at 1, and diverging, at 2
    large_rate = 0.1 / (large[-1] * AMBIENT.value)
    panels = {
        "paper": make_panel(seeds, sizes, thresholds, RATE.value),
        "large": make_panel(seeds, large, thresholds, large_rate),
    }
    summary = {
        "experiment": "linear_tradeoff",
        "flags": cli.flag_values(),
        "panels": {
            name: [curve_summary(curve) for curve in curves]
            for name, curves in panels.items()
        },
    }
    cli.write_results(
        pathlib.Path(shared_flags.WORKDIR.value),
        summary,
        {name: points(curves) for name, curves in panels.items()},
        plot_linear_tradeoff,
        list(panels.values()),
    )


if __name__ == "__main__":
    cli.run(main)
