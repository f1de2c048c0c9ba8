"""Duality of data and features: the loss against one, with the other fixed.

The linear half of Figure S6 of Bahri et al.: linear students of random ReLU features of
pooled images, at a small ridge and at the best ridge for every size, with the theory
from the spectrum alone, which is the same for both.

  python experiments/duality.py \
      --flagfile=experiments/flagfiles/duality/laptop.flags
"""

import jax
from absl import flags
from shell import cli, features, parts, progress, results
from shell import flags as common

from scaletime_jax.arguments import require
from scaletime_jax.studies import duality
from scaletime_jax.studies.duality import Options

flags.adopt_module_key_flags(features)
DEFAULT = Options()
FIXED = flags.DEFINE_list(
    "fixed",
    [*map(str, DEFAULT.fixed)],
    "Fixed P of the curves over data, and fixed D of the curves over features.",
)
SIZES = flags.DEFINE_list("sizes", [*map(str, DEFAULT.sizes)], "Sizes D and P.")
RIDGES = flags.DEFINE_list(
    "ridges",
    [*map(str, DEFAULT.ridges)],
    "Ridges r of |f - y|^2 + r |theta|^2, summed over points. The smallest is the "
    "small ridge; the best of all is the tuned ridge.",
)


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    network = features.options()
    population = features.load([*network.pool_sizes])
    most = min(len(population.images), network.num_features)
    ridges = sorted(set(common.positive_numbers(RIDGES, float)))
    require(len(ridges) > 1, "--ridges: give a small ridge and others to tune.")
    options = Options(
        network,
        features.sizes_below(FIXED, most, "images or features"),
        features.sizes_below(SIZES, most, "images or features"),
        ridges,
    )
    if common.DRY_RUN.value:
        print(features.describe(population, network, features.DOUBLE))
        return
    with parts.kept(duality.NAME, options, population) as keep:
        results.finish(duality.study(options, population, progress.track, keep))


if __name__ == "__main__":
    cli.run(main)
