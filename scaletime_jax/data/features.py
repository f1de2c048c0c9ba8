"""Features of labelled examples, from a file or from a trained network."""

import pathlib
from typing import NamedTuple

import numpy as np

from scaletime_jax.data.files import open_npz
from scaletime_jax.errors import InputError
from scaletime_jax.memory import host_bytes
from scaletime_jax.words import count_of

ARRAYS = ("features", "labels")
COPIES = 4  # of the features in double precision, at the peak of a study


class LabelledFeatures(NamedTuple):
    """Features of a population of examples, with their classes.

    Attributes:
        name: of the population, and of what made the features.
        features: [N, S] float64, none constant.
        labels: [N] classes from 0.
        num_classes: number of classes.
        constant: how many constant features were left out.
    """

    name: str
    features: np.ndarray
    labels: np.ndarray
    num_classes: int
    constant: int


def read_features(path: pathlib.Path) -> LabelledFeatures:
    """Reads features [N, S] and labels [N] from an npz file.

    Raises:
        InputError: there is no such file, it lacks an array or is damaged, or its
            arrays are no features and classes.
    """
    arrays = open_npz(path, "a file of features holds", {name: name for name in ARRAYS})
    return label_features(path.stem, arrays["features"], arrays["labels"], str(path))


def label_features(
    name: str, features: np.ndarray, labels: np.ndarray, where: str
) -> LabelledFeatures:
    """Returns features with classes, without constant features.

    A feature that is the same for all examples carries nothing, and units that are
    never active are such features of a network.

    Args:
        name: of the population.
        features: [N, S] numbers.
        labels: [N] classes from 0.
        where: what the arrays are of, for messages.

    Raises:
        InputError: shapes do not match, features are not finite or all constant, labels
            are no classes, or the memory is too small.
    """
    if features.ndim != 2 or features.dtype.kind not in "fiub":
        raise InputError(
            f"{where}: features must be numbers of shape [examples, features]; got "
            f"{features.dtype} of shape {features.shape}."
        )
    if labels.shape != features.shape[:1] or labels.dtype.kind not in "iu":
        raise InputError(
            f"{where}: labels must be {len(features)} whole numbers, one an example; "
            f"got {labels.dtype} of shape {labels.shape}."
        )
    needed = COPIES * 8 * features.size
    if needed > host_bytes():
        raise InputError(
            f"{where}: {features.shape[0]:,} examples of {features.shape[1]:,} "
            f"features need {needed / 2**30:.0f} GiB, more than the memory; keep "
            "fewer of either."
        )
    finite = np.isfinite(features)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise InputError(
            f"{where}: {count_of(int((~finite).sum()), 'feature')} not finite, the "
            f"first in row {row}, column {column}."
        )
    if len(labels) == 0 or labels.min() < 0 or len(np.unique(labels)) < 2:
        raise InputError(f"{where}: labels must be two classes or more, from 0.")
    varies = features.max(axis=0) > features.min(axis=0)
    if not varies.any():
        raise InputError(f"{where}: all features are constant.")
    kept = features[:, varies].astype(float)
    classes = int(labels.max()) + 1
    return LabelledFeatures(name, kept, labels, classes, int((~varies).sum()))
