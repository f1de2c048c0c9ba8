"""What experiments with random features share: their flags and their images."""

from typing import NamedTuple

import numpy as np
from absl import flags

from scaletime_jax.arguments import require, require_least
from scaletime_jax.data.sources import load_dataset
from scaletime_jax.errors import InputError
from scaletime_jax.studies.feature_pool import (
    Spectrum,
    make_features,
    make_inputs,
    measure_spectrum,
)
from scaletime_jax.studies.four_regimes import FAR
from scaletime_jax.theory.random_features import activation_named
from shell import flags as shared_flags

DATASET = flags.DEFINE_string(
    "dataset",
    "mnist12k",
    "Whose images, training and test, are the population: mnist12k (inside the "
    "package), a TFDS name such as mnist (with --data_dir), npz:PATH or idx:DIR.",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Where TFDS keeps prepared datasets; its own default if not set."
)
POOL_SIZES = flags.DEFINE_list(
    "pool_sizes", "2,4,7", "Images are averaged over squares of so many pixels a side."
)
NUM_FEATURES = flags.DEFINE_integer("num_features", 10000, "Features S of the pool.")
WIDTH = flags.DEFINE_integer("width", 2048, "Of the network's layers before the last.")
DEPTH = flags.DEFINE_integer("depth", 3, "Hidden layers of the random network.")
ACTIVATION = flags.DEFINE_string("activation", "relu", "relu or erf.")
DRAWS = flags.DEFINE_integer("draws", 5, "Of training sets and projections.")
COPIES = 7  # of the features in double precision, held at the peak
SEED = flags.DEFINE_integer("seed", 101, "Of network and draws.")


class Population(NamedTuple):
    """All images of a dataset.

    Attributes:
        name: of the dataset.
        images: [N, height, width, channels].
        labels: [N].
        num_classes: how many there are.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    num_classes: int

    def setting(self, pool_size: int) -> dict:
        """Returns what a measurement on it was made with."""
        own = {"dataset": self.name, "pooled by": pool_size}
        return {**own, "S": NUM_FEATURES.value, "depth": DEPTH.value}

    def features(self, pool_size: int):
        """Returns random features [N, S] of the images, and their spectrum."""
        inputs = make_inputs(self.images, pool_size)
        how = NUM_FEATURES.value, DEPTH.value, ACTIVATION.value
        features = make_features(inputs, *how, WIDTH.value, SEED.value)
        return features, measure_spectrum(features)

    def describe(self, pool_sizes: list[int]) -> None:
        """Prints what would be measured, and the memory that takes."""
        images, features = len(self.images), NUM_FEATURES.value
        memory = COPIES * 8e-9 * images * features
        print(
            f"{len(pool_sizes)} pool sizes x {DRAWS.value} draws from {images} images "
            f"and {features} features; about {memory:.1g} GB of memory."
        )


def load_population() -> tuple[Population, list[int]]:
    """Returns the images and the pool sizes that the flags ask for.

    Raises:
        InputError: they cannot be had or do not fit each other.
    """
    pool_sizes = shared_flags.positive_numbers(POOL_SIZES, int)
    require_least("--draws", DRAWS.value, 2)
    shared_flags.check_positive(NUM_FEATURES, WIDTH, DEPTH)
    activation_named(ACTIVATION.value)
    data = load_dataset(DATASET.value, DATA_DIR.value)
    images = np.concatenate([data.train_images, data.test_images])
    for size in pool_sizes:
        if images.ndim < 3 or any(side % size for side in images.shape[1:3]):
            raise InputError(
                f"--pool_sizes: {size} does not divide images of shape "
                f"{images.shape[1:]}."
            )
    labels = np.concatenate([data.train_labels, data.test_labels])
    return Population(data.name, images, labels, data.num_classes), pool_sizes


def draws() -> tuple[int, int]:
    """Returns how many draws, and their seed."""
    return DRAWS.value, SEED.value


def check_far(flag, sizes: list[int], fixed: int) -> None:
    """Requires sizes for a variance-limited panel with enough of them to fit."""
    require(
        sizes[0] > 2 * fixed and sum(size >= FAR * fixed for size in sizes) >= 3,
        f"--{flag.name} must be above 2 x --fixed, {2 * fixed}, and three of them must "
        f"reach {FAR} x --fixed, {FAR * fixed}.",
    )


def sizes_below(flag, most: int, what: str) -> list[int]:
    """Returns a list flag of sizes, ascending, none twice and none above `most`."""
    sizes = sorted(set(shared_flags.positive_numbers(flag, int)))
    require(
        sizes[-1] <= most,
        f"--{flag.name}: {sizes[-1]} is more than there are {what}, {most}.",
    )
    return sizes


def spectrum_summary(spectrum: Spectrum) -> dict:
    """Returns a spectrum as it stands in summary.json."""
    return {"alpha_K": spectrum.exponent._asdict(), "modes_fitted": spectrum.modes}
