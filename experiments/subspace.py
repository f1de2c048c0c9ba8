"""Theorem 1 and two bounds that stay finite, against observed distances, over (p, t).

For a quadratic loss and for logistic regression with a ridge, both on R^r, G is drawn
many times at each p. The 95% quantile of ||alpha(t) - A(p t)|| is compared with Theorem
1 [BF24, Eq. 4] and with our bounds, which use G or hold a priori. Draws above a bound
are counted.

  python experiments/subspace.py --flagfile=experiments/flagfiles/subspace/laptop.flags
"""

import jax
from absl import flags
from shell import cli, progress, results
from shell import flags as common

from scaletime_jax.arguments import require_probability
from scaletime_jax.studies import subspace
from scaletime_jax.studies.subspace import Options
from scaletime_jax.words import count_of

flags.adopt_module_key_flags(common)
DEFAULT = Options()
SIZES = flags.DEFINE_list(
    "sizes", [*map(str, DEFAULT.sizes)], "Numbers of parameters p."
)
TIMES = flags.DEFINE_list(
    "times", [*map(str, DEFAULT.times)], "Flow times t, in steps."
)
AMBIENT = flags.DEFINE_integer(
    "ambient", DEFAULT.ambient, "Dimension P of the large model."
)
RANK = flags.DEFINE_integer(
    "rank", DEFAULT.rank, "Dimensions r that the loss depends on."
)
RATE = flags.DEFINE_float(
    "learning_rate", DEFAULT.learning_rate, "Learning rate of the flows."
)
SEED = flags.DEFINE_integer(
    "seed", DEFAULT.seed, "Seed of K, losses and draws.", **common.SEED_RANGE
)
DRAWS = flags.DEFINE_integer("draws", DEFAULT.draws, "Number of draws of G at each p.")
FAILURE = flags.DEFINE_float(
    "failure_probability",
    DEFAULT.failure_probability,
    "Failure probability of the bounds that do not use G.",
)
RIDGE = flags.DEFINE_float("ridge", DEFAULT.ridge, "Ridge of the logistic regression.")


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    common.check_positive(AMBIENT, RANK, RATE, DRAWS, RIDGE)
    require_probability("--failure_probability", FAILURE.value)
    options = Options(
        common.positive_numbers(SIZES, int),
        common.positive_numbers(TIMES, float),
        AMBIENT.value,
        RANK.value,
        RATE.value,
        SEED.value,
        DRAWS.value,
        FAILURE.value,
        RIDGE.value,
    )
    if common.DRY_RUN.value:
        sizes = count_of(len(options.sizes), "size")
        print(f"2 losses x {sizes} x {count_of(options.draws, 'draw')} of G; a minute.")
        return
    results.finish(subspace.study(options, progress.track))


if __name__ == "__main__":
    cli.run(main)
