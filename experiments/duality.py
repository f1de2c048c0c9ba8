"""Data for features: the loss over either with the other fixed, and both exchanged.

The linear half of Figure S6 of Bahri et al.: linear students of random ReLU features of
pooled images, at a small ridge and at the best one for every size, with theory that
knows the spectrum alone and is the same for both.

  python experiments/duality.py \
      --flagfile=experiments/flagfiles/duality/laptop.flags
"""

import pathlib

import jax
from absl import flags
from shell import cli
from shell import features as fc
from shell import flags as shared_flags

from scaletime_jax.arguments import require
from scaletime_jax.plotting.duality import plot_duality
from scaletime_jax.runs import store
from scaletime_jax.studies.duality import (
    DualCurves,
    exchange_error,
    make_claims,
    measure_duality,
)

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(fc)
FIXED = flags.DEFINE_list("fixed", "50,200", "P over data, and D over features.")
SIZES = flags.DEFINE_list(
    "sizes", "10,20,35,50,70,100,140,200,300,500,1000", "D and P."
)
RIDGES = flags.DEFINE_list(
    "ridges",
    "1,1e1,1e2,1e3,1e4,1e5,1e6,1e7",
    "Ridges r of |f - y|^2 + r |theta|^2, summed over points; the least is the small "
    "one, the best of them is the tuned one.",
)


def summarise(pool_size: int, curves: DualCurves, exact: float) -> dict:
    """Returns what the figure claims of one pair of curves."""
    means = curves.over_data.mean(axis=1), curves.over_features.mean(axis=1)
    ratios = {"over_data": means[0], "over_features": means[1]}
    return {
        "pool_size": pool_size,
        "fixed": curves.fixed,
        "ridge": "tuned" if curves.ridge is None else curves.ridge,
        "data_over_features": curves.ratio._asdict(),
        "at_each_size": [float(x) for x in means[0] / means[1]],
        "measured_over_theory": {
            name: [cli.number(x) for x in mean / curves.theory]
            for name, mean in ratios.items()
        },
        "largest_error_of_exact_exchange": exact,
    }


def points(pool_size: int, curves: DualCurves) -> list[dict]:
    """Returns the plotted points of one pair of curves."""
    rows: list[dict] = []
    for at, over in enumerate(("data", "features")):
        losses = (curves.over_data, curves.over_features)[at]
        rows += cli.records(
            pooled=pool_size,
            fixed=curves.fixed,
            tuned=curves.ridge is None,
            over=over,
            size=curves.sizes,
            ridge=curves.best[at],
            mean=losses.mean(axis=1),
            sem=losses.std(axis=1, ddof=1) / losses.shape[1] ** 0.5,
            theory=curves.theory,
        )
    return rows


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    population, pool_sizes = fc.load_population()
    most = min(len(population.images), fc.NUM_FEATURES.value)
    fixed = fc.sizes_below(FIXED, most, "images or features")
    sizes = fc.sizes_below(SIZES, most, "images or features")
    ridges = sorted(set(shared_flags.positive_numbers(RIDGES, float)))
    require(len(ridges) > 1, "--ridges: give a small one and more to choose from.")
    if shared_flags.DRY_RUN.value:
        population.describe(pool_sizes)
        return
    folder = pathlib.Path(shared_flags.WORKDIR.value)
    store.prepare(folder)  # a folder that cannot be is better known now than at the end
    drawn, summaries, rows, claims = [], [], [], []
    for pool_size in pool_sizes:
        features, spectrum = population.features(pool_size)
        exact = exchange_error(features, fc.SEED.value)
        for number in fixed:
            how = sizes, ridges, *fc.draws()
            both = measure_duality(features, spectrum.eigenvalues, number, *how)
            drawn.append((pool_size, both))
            summaries += [summarise(pool_size, each, exact) for each in both]
            rows += [row for each in both for row in points(pool_size, each)]
            claims += make_claims(both, population.setting(pool_size))
        print(f"pooled by {pool_size}: measured.", flush=True)
    summary = {"experiment": "duality", "flags": cli.flag_values()}
    summary |= {**cli.claims_summary(claims), "curves": summaries}
    cli.write_results(folder, summary, {"duality": rows}, plot_duality, drawn)
    cli.print_claims(claims)


if __name__ == "__main__":
    cli.run(main)
