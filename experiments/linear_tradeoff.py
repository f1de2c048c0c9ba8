"""Figure 1: steps of gradient descent to a loss against size, in the linear model.

L(theta) = ||K (R theta + beta_0) - alpha*||^2 with K, R, beta_0, alpha*, theta(0) iid
N(0, 1) [BF24, C.2]. No descent is iterated, and K is the only drawn array of p or P
numbers: the steps are exact integers from the Gram matrix of K R, whose distribution is
known. A second panel has p up to 10^9, with a learning rate scaled down for stability.

  python experiments/linear_tradeoff.py \
      --flagfile=experiments/flagfiles/linear_tradeoff/laptop.flags
"""

import jax
from absl import flags
from shell import cli, results
from shell import flags as common

from scaletime_jax.arguments import require
from scaletime_jax.studies import linear_tradeoff
from scaletime_jax.studies.linear_tradeoff import Options
from scaletime_jax.words import count_of

flags.adopt_module_key_flags(common)
DEFAULT = Options()
SIZES = flags.DEFINE_list(
    "sizes", [*map(str, DEFAULT.sizes)], "Numbers of parameters p, left panel."
)
LARGE_SIZES = flags.DEFINE_list(
    "large_sizes",
    [*map(str, DEFAULT.large_sizes)],
    "Numbers of parameters p, right panel.",
)
AMBIENT = flags.DEFINE_integer(
    "ambient", DEFAULT.ambient, "Dimension P of the large model."
)
RANK = flags.DEFINE_integer(
    "rank", DEFAULT.rank, "Dimensions r that the loss depends on."
)
RATE = flags.DEFINE_float(
    "learning_rate",
    DEFAULT.learning_rate,
    "Learning rate of gradient descent, left panel.",
)
SEEDS = flags.DEFINE_list(
    "seeds",
    [*map(str, DEFAULT.seeds)],
    "Seeds of the trials, one for all random numbers of a trial.",
)
THRESHOLDS = flags.DEFINE_list(
    "thresholds",
    [*map(str, DEFAULT.thresholds)],
    "Losses to reach, one curve for each.",
)


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    common.check_positive(RANK, AMBIENT, RATE)
    require(RANK.value <= AMBIENT.value, "--rank must be at most --ambient.")
    options = Options(
        common.positive_numbers(SIZES, int),
        common.positive_numbers(LARGE_SIZES, int),
        common.positive_numbers(THRESHOLDS, float)[::-1],
        RATE.value,
        RANK.value,
        AMBIENT.value,
        common.seeds(SEEDS),
    )
    if common.DRY_RUN.value:
        sizes = len(options.sizes) + len(options.large_sizes)
        draws = count_of(sizes * len(options.seeds), "draw")
        print(f"{draws} of {RANK.value} x {RANK.value} numbers; seconds.")
        return
    results.finish(linear_tradeoff.study(options))


if __name__ == "__main__":
    cli.run(main)
