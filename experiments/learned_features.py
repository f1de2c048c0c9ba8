r"""Figures S6, S7 and S8 (last column) of Bahri et al.: students of learned features.

Trains one network on part of the training examples and takes its last hidden layer at
all other examples, or reads features and labels from a file. Linear students of these
features learn the real labels, at a small and at the best ridge: the loss over data and
over features, whether both may be exchanged, and teachers beside real labels. Writes to
WORKDIR/learned_features the figures, their points as CSV, and summary.json.

  python experiments/learned_features.py \
    --flagfile=experiments/flagfiles/learned_features/laptop.flags
  python experiments/learned_features.py --features=features.npz
"""

import jax
from absl import flags
from shell import cli, learned, parts, progress, results

from scaletime_jax.studies import learned_features

flags.adopt_module_key_flags(learned)


def main() -> None:
    """From flags to figures."""
    population = learned.population()
    if population is None:  # a dry run
        return
    options = learned.options(*population.features.shape)
    jax.config.update("jax_enable_x64", True)
    with parts.kept(learned_features.NAME, options, population) as keep:
        found = learned_features.study(options, population, progress.track, keep)
        results.finish(found)


if __name__ == "__main__":
    cli.run(main)
