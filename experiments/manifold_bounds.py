"""Theorems 1 and 2 of Bahri et al.: distances, losses and dimension of a manifold.

Students that agree with a smooth target at D uniform points of a cube, sphere or torus:
the distance to the nearest point with its constant, the loss of the nearest neighbour's
value and of linear pieces, the bound of the theorems, and the dimension of the manifold
from the points alone.

  python experiments/manifold_bounds.py \
      --flagfile=experiments/flagfiles/manifold_bounds/laptop.flags
"""

from absl import flags
from shell import cli, progress, results
from shell import flags as common

from scaletime_jax.runs import store
from scaletime_jax.studies import manifold_bounds
from scaletime_jax.studies.manifold_bounds import Options
from scaletime_jax.studies.manifold_dimensions import DimensionOptions
from scaletime_jax.studies.manifold_losses import LossOptions

flags.adopt_module_key_flags(common)
LOSSES, DIMENSIONS = LossOptions(), DimensionOptions()


def _list(name: str, default, words: str):
    return flags.DEFINE_list(name, [*map(str, default)], words)


def _integer(name: str, default: int, words: str, **limits):
    return flags.DEFINE_integer(name, default, words, **limits)


DIMS = _list("dims", LOSSES.dims, "Dimensions of the manifolds, up to 4.")
SIZES = _list("sizes", LOSSES.sizes, "D of distances and nearest neighbours.")
LINEAR_SIZES = _list(
    "linear_sizes", LOSSES.linear_sizes, "D from which linear pieces take theirs."
)
LINEAR_COUNT = _integer(
    "linear_count", LOSSES.linear_count, "How many of --linear_sizes are taken."
)
DRAWS = _integer("draws", LOSSES.draws, "Draws at d = 4; 2 to 20 times more below.")
TEST_POINTS = _integer("test_points", LOSSES.test_points, "Test points of each draw.")
BOUND_DRAWS = _integer(
    "bound_draws", Options().bound_draws, "Draws in which the bound is checked."
)
MANIFOLD_DIMS = _list(
    "manifold_dims", DIMENSIONS.dims, "True dimensions, which are estimated."
)
POINTS = _integer("points", DIMENSIONS.points, "Points of each estimate.")
DIMENSION_DRAWS = _integer("dimension_draws", DIMENSIONS.draws, "Draws of the points.")
SEED = _integer("seed", LOSSES.seed, "Seed of the draws.", **common.SEED_RANGE)


def main() -> None:
    """From flags to figure."""
    dims, sizes, linear, true_dims = (
        common.positive_numbers(each, int)
        for each in (DIMS, SIZES, LINEAR_SIZES, MANIFOLD_DIMS)
    )
    count, draws, tests = LINEAR_COUNT.value, DRAWS.value, TEST_POINTS.value
    options = Options(
        LossOptions(dims, sizes, linear, count, draws, tests, SEED.value),
        DimensionOptions(true_dims, POINTS.value, DIMENSION_DRAWS.value, SEED.value),
        BOUND_DRAWS.value,
    )
    manifold_bounds.check(options)
    if common.DRY_RUN.value:
        print(
            f"draws three manifolds of {len(dims)} dimensions, {draws} times or more."
        )
        return
    # report an impossible folder now, not at the end
    store.prepare(common.workdir() / manifold_bounds.NAME)
    results.finish(manifold_bounds.study(options, progress.track))


if __name__ == "__main__":
    cli.run(main)
