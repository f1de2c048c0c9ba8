"""Figure 4: loss and parameters over time under noise, and double descent three ways.

(a), (b) two modes under four noise profiles; (c) error against the number of training
points, with a peak at the number of parameters; (d) the random subspace model applied
to a linear regression whose noise is learned first: error against size at fixed time,
error against time at fixed size, and their limit, on one axis of size x time.

  python experiments/linear_dynamics.py \
      --flagfile=experiments/flagfiles/linear_dynamics/laptop.flags
"""

import jax
from absl import flags
from shell import cli, progress, results
from shell import flags as common

from scaletime_jax.arguments import require, require_least
from scaletime_jax.studies import linear_dynamics
from scaletime_jax.studies.linear_dynamics import Options

flags.adopt_module_key_flags(common)
DEFAULT = Options()
DIM = flags.DEFINE_integer("dim", DEFAULT.dim, "Parameters m of panel c.")
TRAIN_SIZES = flags.DEFINE_list(
    "train_sizes", [*map(str, DEFAULT.train_sizes)], "Training points n of panel c."
)
NOISE = flags.DEFINE_float(
    "noise", DEFAULT.noise, "Standard deviation of panel c's targets."
)
STOPS = flags.DEFINE_list("times", [*map(str, DEFAULT.times)], "Times t of panel c.")
SIZES = flags.DEFINE_list(
    "sizes", [*map(str, DEFAULT.sizes)], "Sizes p of panel d, at fixed time."
)
DRAWS = flags.DEFINE_integer(
    "draws",
    DEFAULT.draws,
    "Number of draws for each point: of inputs in panel c, of R in panel d.",
)
SEED = flags.DEFINE_integer(
    "seed", DEFAULT.seed, "Seed of the draws.", **common.SEED_RANGE
)


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    stops = common.numbers(STOPS, float)
    require(min(stops, default=0) > 0, "--times must be above 0; inf is allowed.")
    common.check_positive(DIM)
    require_least("--draws", DRAWS.value, 2)
    require(0 <= NOISE.value <= 1e100, "--noise must be from 0 to 1e100.")
    options = Options(
        DIM.value,
        common.positive_numbers(TRAIN_SIZES, int),
        NOISE.value,
        stops,
        common.positive_numbers(SIZES, int),
        DRAWS.value,
        SEED.value,
    )
    if common.DRY_RUN.value:
        points = len(options.train_sizes) + len(options.sizes)
        print(f"{points} x {options.draws} draws; seconds.")
        return
    results.finish(linear_dynamics.study(options, progress.track))


if __name__ == "__main__":
    cli.run(main)
