"""Figures 3, 4 and S8 of Bahri et al.: the four scaling regimes, exactly.

Linear students of random ReLU features of pooled images, with the exact mean over
teachers: variance-limited and resolution-limited losses over data and over features,
against the theory from the spectrum alone; exponents of the loss against exponents of
the spectrum, also for planted power laws; teachers and real labels under the kernels of
infinitely wide networks.

  python experiments/random_features.py \
      --flagfile=experiments/flagfiles/random_features/laptop.flags
"""

import jax
from absl import flags
from shell import cli, features, parts, progress, regimes, results
from shell import flags as common

from scaletime_jax.studies import random_features

flags.adopt_module_key_flags(features)
flags.adopt_module_key_flags(regimes)


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    network = features.options()
    population = features.load([*network.pool_sizes])
    options = regimes.options(network, len(population.images))
    if common.DRY_RUN.value:
        print(features.describe(population, network))
        return
    with parts.kept(random_features.NAME, options, population) as keep:
        found = random_features.study(options, population, progress.track, keep)
        results.finish(found)


if __name__ == "__main__":
    cli.run(main)
