"""Flags of learned_features.py, and the features: read, or of a network trained now."""

import pathlib

import numpy as np
from absl import flags

from scaletime_jax.arguments import require_least
from scaletime_jax.data.features import (
    LabelledFeatures,
    label_features,
    read_features,
)
from scaletime_jax.data.limits import limit_train, rest_of
from scaletime_jax.data.sources import Dataset
from scaletime_jax.errors import InputError
from scaletime_jax.studies.label_curves import Options, check
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.fits import fit_runs
from scaletime_jax.sweep.own_network import OwnNetwork
from scaletime_jax.words import count_of
from shell import flags as common
from shell import sweep
from shell.progress import track

flags.adopt_module_key_flags(sweep)
DEFAULT = Options()
FEATURES = flags.DEFINE_string(
    "features",
    None,
    "An npz file of features [examples, features] and labels [examples]. If not set, a "
    "network is trained on --train_sizes examples, and the population is all other "
    "training examples and the test examples.",
)
FIXED = flags.DEFINE_list(
    "fixed",
    [*map(str, DEFAULT.fixed)],
    "Fixed P of losses over data, and fixed D of losses over features; the smallest "
    "one is of the variance-limited panels.",
)
DATA_SIZES = flags.DEFINE_list(
    "data_sizes", [*map(str, DEFAULT.data_sizes)], "Numbers of points D."
)
FEATURE_SIZES = flags.DEFINE_list(
    "feature_sizes", [*map(str, DEFAULT.feature_sizes)], "Numbers of features P."
)
TEACHER_SIZES = flags.DEFINE_list(
    "teacher_sizes",
    [*map(str, DEFAULT.teacher_sizes)],
    "Numbers of points D of the comparison with teachers, below the number of "
    "features.",
)
RIDGES = flags.DEFINE_list(
    "ridges",
    [f"{each:g}" for each in DEFAULT.ridges],
    "Ridges r of |f - y|^2 + r |theta|^2, summed over points, for features of mean "
    "square 1. The smallest is the small ridge; the best of all is the tuned ridge.",
)
DRAWS = flags.DEFINE_integer(
    "draws", DEFAULT.draws, "Number of draws of points and features."
)
for name, value in (
    ("architecture", ["cnn"]),
    ("widths", ["4"]),
    ("train_sizes", ["5000"]),
    ("optimizer", ["adam"]),
    ("loss", "cross_entropy"),
    ("epochs", 20),
    ("record", "end"),
    ("seeds", ["101"]),
):
    flags.FLAGS.set_default(name, value)


def options(examples: int, features: int | float = np.inf) -> Options:
    """Returns the options of the study from the flags.

    Of sizes that no flag gives, those that the population has are taken.

    Args:
        examples: number of examples of the population.
        features: number of its features; infinity before training.

    Raises:
        InputError: a flag is out of range, or gives a size that is too large.
    """
    require_least("--draws", DRAWS.value, 2)
    sizes = {}
    for flag, most in (
        (FIXED, min(examples, features)),
        (DATA_SIZES, examples),
        (FEATURE_SIZES, features),
        (TEACHER_SIZES, features),
    ):
        found = sorted(set(common.positive_numbers(flag, int)))
        if not flag.present:
            found = [each for each in found if each < most] or found[:1]
        sizes[flag.name] = found
    ridges = sorted(set(common.positive_numbers(RIDGES, float)))
    if len(ridges) < 2:
        raise InputError("--ridges: give a small ridge and others to tune.")
    [seed, *_] = common.numbers(sweep.SEEDS, int)
    made = Options(**sizes, ridges=ridges, draws=DRAWS.value, seed=seed)
    check(made, examples, features)
    return made


def population() -> LabelledFeatures | None:
    """Returns the features of --features, or of a network that is trained now.

    None for a dry run, which says what would be done.

    Raises:
        InputError: the file cannot be used, or the flags ask for several networks.
    """
    if FEATURES.value is not None:
        found = read_features(pathlib.Path(FEATURES.value))
        if not common.DRY_RUN.value:
            return found
        examples, features = found.features.shape
        print(
            f"{count_of(examples, 'example')} of {count_of(features, 'feature')} in "
            f"{found.num_classes} classes; {count_of(DRAWS.value, 'draw')}."
        )
        return None
    whole, part, config = _planned()
    if common.DRY_RUN.value:
        sweep.describe([config], {part.name: part}, sweep.runs_folder())
        print(f"Then {count_of(DRAWS.value, 'draw')} of points and features.")
        return None
    images, labels = rest_of(whole, config.train_size)
    options(len(labels))  # refuses what it can before training
    [run] = fit_runs([config], part, track)
    name = f"{whole.name}, {config.architecture} width {config.width}"
    return label_features(name, run.hidden_layer(images), labels, name)


def _planned() -> tuple[Dataset, Dataset, RunConfig]:
    """Returns the dataset, the part of it that is trained on, and the run.

    Raises:
        InputError: the flags ask for several datasets, networks or trainings, or for
            all training examples.
    """
    datasets = sweep.load_datasets()
    sizes = common.positive_numbers(sweep.TRAIN_SIZES, int)
    if len(datasets) == len(sizes) == 1:
        [whole] = datasets.values()
        part = limit_train(whole, sizes[0])
        configs = sweep.make_configs({part.name: part})
        if isinstance(configs[0].architecture, OwnNetwork):
            raise InputError(
                "--architecture: the last hidden layer of a network of your own is not "
                "known; write its features into a file for --features."
            )
        if len(configs) == 1:
            return whole, part, configs[0]
    raise InputError(
        "the features are of one network; give one --dataset, --architecture, width, "
        "rate, seed and number of training examples."
    )
