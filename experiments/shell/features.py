"""Flags and images shared by experiments with random features."""

from absl import flags

from scaletime_jax.arguments import require, require_least
from scaletime_jax.data.sources import load_dataset
from scaletime_jax.studies.feature_pool import (
    FeatureOptions,
    Population,
    population_of,
)
from scaletime_jax.theory.random_features import activation_named
from scaletime_jax.words import count_of
from shell import flags as common

flags.adopt_module_key_flags(common)
DEFAULT = FeatureOptions()
DATASET = flags.DEFINE_string(
    "dataset",
    "mnist12k",
    "Dataset whose training and test images are the population: mnist12k (inside the "
    "package), a TFDS name such as mnist (with --data_dir), npz:PATH or idx:DIR.",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of prepared TFDS datasets; by default TFDS's own folder."
)
POOL_SIZES = flags.DEFINE_list(
    "pool_sizes",
    [*map(str, DEFAULT.pool_sizes)],
    "Sides, in pixels, of the squares over which images are averaged.",
)
NUM_FEATURES = flags.DEFINE_integer(
    "num_features", DEFAULT.num_features, "Number of features S of the pool."
)
WIDTH = flags.DEFINE_integer(
    "width", DEFAULT.width, "Width of the hidden layers before the last."
)
DEPTH = flags.DEFINE_integer(
    "depth", DEFAULT.depth, "Number of hidden layers of the random network."
)
ACTIVATION = flags.DEFINE_string(
    "activation", DEFAULT.activation, "Activation: relu or erf."
)
DRAWS = flags.DEFINE_integer(
    "draws", DEFAULT.draws, "Number of draws of training sets and projections."
)
SEED = flags.DEFINE_integer(
    "seed", DEFAULT.seed, "Seed of network and draws.", **common.SEED_RANGE
)
COPIES = 7  # copies of the features at the peak
SINGLE, DOUBLE = 4, 8  # bytes of a number


def options() -> FeatureOptions:
    """Returns the options of images, network and draws from the flags."""
    require_least("--draws", DRAWS.value, 2)
    common.check_positive(NUM_FEATURES, WIDTH, DEPTH)
    activation_named(ACTIVATION.value)
    return FeatureOptions(
        common.positive_numbers(POOL_SIZES, int),
        NUM_FEATURES.value,
        WIDTH.value,
        DEPTH.value,
        ACTIVATION.value,
        DRAWS.value,
        SEED.value,
    )


def load(pool_sizes: list[int]) -> Population:
    """Returns the images of the dataset in the flags.

    Args:
        pool_sizes: pool sizes, which must divide the sides of the images.

    Raises:
        InputError: the dataset cannot be loaded, or a pool size does not divide the
            images.
    """
    population = population_of(load_dataset(DATASET.value, DATA_DIR.value))
    shape = population.images.shape[1:]
    for size in pool_sizes:
        require(
            len(shape) > 1 and not any(side % size for side in shape[:2]),
            f"--{POOL_SIZES.name}: {size} does not divide images of shape {shape}.",
        )
    return population


def sizes_below(flag, most: int, what: str) -> list[int]:
    """Returns the sizes of a list flag, ascending, without duplicates, up to `most`."""
    sizes = sorted(set(common.positive_numbers(flag, int)))
    require(
        sizes[-1] <= most,
        f"--{flag.name}: {sizes[-1]} is above the number of {what}, {most}.",
    )
    return sizes


def describe(
    population: Population, options: FeatureOptions, precision: int = SINGLE
) -> str:
    """Returns the measurements and their memory, in words."""
    images, features = len(population.images), options.num_features
    memory = COPIES * 1e-9 * precision * images * features
    return (
        f"{count_of(len(options.pool_sizes), 'pool size')} x "
        f"{count_of(options.draws, 'draw')} from {count_of(images, 'image')} and "
        f"{count_of(features, 'feature')}; about {memory:.1g} GB of memory."
    )
