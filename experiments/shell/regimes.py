"""Flags of random_features.py: the sizes at which losses are measured."""

from absl import flags

from scaletime_jax.arguments import require, require_least
from scaletime_jax.studies.feature_pool import FeatureOptions
from scaletime_jax.studies.four_regimes import FAR
from scaletime_jax.studies.random_features import Options
from shell import flags as common
from shell.features import sizes_below

DEFAULT = Options()
SIZES = flags.DEFINE_list(
    "sizes",
    [*map(str, DEFAULT.sizes)],
    "Sizes: D with all features, and P with all data.",
)
FIXED = flags.DEFINE_integer(
    "fixed", DEFAULT.fixed, "Fixed P or D in the variance-limited panels."
)
DATA_SIZES = flags.DEFINE_list(
    "data_sizes", [*map(str, DEFAULT.data_sizes)], "Sizes D at P = fixed."
)
FEATURE_SIZES = flags.DEFINE_list(
    "feature_sizes", [*map(str, DEFAULT.feature_sizes)], "Sizes P at D = fixed."
)
PLANTED = flags.DEFINE_list(
    "planted", [*map(str, DEFAULT.planted)], "Exponents of planted spectra."
)
PLANTED_SIZES = flags.DEFINE_list(
    "planted_sizes",
    [*map(str, DEFAULT.planted_sizes)],
    "Sizes D and P for planted spectra.",
)
PLANTED_FEATURES = flags.DEFINE_integer(
    "planted_features",
    DEFAULT.planted_features,
    "Number of features S of planted spectra.",
)
PLANTED_DRAWS = flags.DEFINE_integer(
    "planted_draws", DEFAULT.planted_draws, "Number of draws for planted spectra."
)
KERNEL_INPUTS = flags.DEFINE_integer(
    "kernel_inputs",
    DEFAULT.kernel_inputs,
    "Number of images, at the smallest pool size, for the kernels of wide networks.",
)


def options(features: FeatureOptions, images: int) -> Options:
    """Returns the options of the study from the flags.

    Args:
        features: network and draws.
        images: number of images.

    Raises:
        InputError: sizes do not fit images, features or each other.
    """
    common.check_positive(FIXED)
    most = min(images, features.num_features)
    sizes = sizes_below(SIZES, most, "images or features")
    require(sizes[-1] >= FIXED.value, "--sizes must reach --fixed.")
    sizes_below(SIZES, KERNEL_INPUTS.value, "--kernel_inputs")
    require(
        KERNEL_INPUTS.value <= images,
        f"--kernel_inputs: there are only {images} images.",
    )
    require_least("--planted_draws", PLANTED_DRAWS.value, 2)
    return Options(
        features,
        sizes,
        FIXED.value,
        far_sizes(DATA_SIZES, images - 1, "images but one"),
        far_sizes(FEATURE_SIZES, features.num_features, "features"),
        common.positive_numbers(PLANTED, float),
        sizes_below(PLANTED_SIZES, PLANTED_FEATURES.value, "features"),
        PLANTED_FEATURES.value,
        PLANTED_DRAWS.value,
        KERNEL_INPUTS.value,
    )


def far_sizes(flag, most: int, what: str) -> list[int]:
    """Returns the sizes of a variance-limited panel, with enough large sizes to fit."""
    sizes, fixed = sizes_below(flag, most, what), FIXED.value
    require(
        sizes[0] > 2 * fixed and sum(size >= FAR * fixed for size in sizes) >= 3,
        f"--{flag.name} must be above 2 x --fixed, {2 * fixed}, and three of them must "
        f"reach {FAR} x --fixed, {FAR * fixed}.",
    )
    return sizes
