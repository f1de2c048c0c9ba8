"""Random features of a population of images, and their spectrum."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.data.sources import Dataset, require_classes
from scaletime_jax.data.transforms import average_pool
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.spectra import fit_spectrum, last_settled
from scaletime_jax.theory.kernel_theory import spectra
from scaletime_jax.theory.random_features import random_features

FIRST_MODE = 10  # of a fit; earlier modes follow no power law
DRAWN_MODES = 300  # points of a spectrum, equally spaced on a log axis
ROUNDING = 1e-12  # eigenvalues below this share of the largest


class FeatureOptions(NamedTuple):
    """Options shared by studies of random features.

    Attributes:
        pool_sizes: sides, in pixels, of the squares over which images are averaged.
        num_features: S, the number of features of the pool.
        width: width of the hidden layers before the last.
        depth: hidden layers of the random network.
        activation: 'relu' or 'erf'.
        draws: number of draws of training sets and projections.
        seed: seed of network and draws.
    """

    pool_sizes: Sequence[int] = (2, 4, 7)
    num_features: int = 10_000
    width: int = 2048
    depth: int = 3
    activation: str = "relu"
    draws: int = 5
    seed: int = 101


class Population(NamedTuple):
    """All images of a dataset.

    Attributes:
        name: name of the dataset.
        images: [N, height, width, channels].
        labels: [N].
        num_classes: number of classes.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    num_classes: int


def pool_setting(
    population: Population, options: FeatureOptions, pool_size: int
) -> dict:
    """Returns the setting of a measurement."""
    return {
        "dataset": population.name,
        "pooled by": pool_size,
        "S": options.num_features,
        "depth": options.depth,
    }


def population_of(data: Dataset) -> Population:
    """Returns training and test images of a dataset together.

    Raises:
        InputError: the dataset has no classes.
    """
    require_classes(data, "a population of images")
    return Population(
        data.name,
        np.concatenate([data.train_images, data.test_images]),
        np.concatenate([data.train_labels, data.test_labels]),
        data.num_classes,
    )


def make_inputs(images: np.ndarray, pool_size: int) -> Float[Array, "N d"]:
    """Returns images, averaged over squares of pixels, as vectors of length sqrt(d).

    Features of a ReLU network grow with the length of the inputs. Inputs of equal
    length have equal weight, and their features are nearer to Gaussian.

    Args:
        images: [N, height, width, ...] pixels.
        pool_size: a divisor of height and width.

    Raises:
        InputError: pool_size does not divide height and width.
    """
    pooled = average_pool(jnp.asarray(images, jnp.float32), pool_size)
    inputs = pooled.reshape(len(images), -1)
    lengths = jnp.linalg.norm(inputs, axis=1, keepdims=True)
    return inputs / jnp.where(lengths > 0, lengths, 1) * inputs.shape[1] ** 0.5


def make_targets(
    labels: np.ndarray, num_classes: int
) -> Float[np.ndarray, "N classes"]:
    """Returns labels as regression targets: one-hot, of mean 0 and second moment 1."""
    targets = np.eye(num_classes)[labels]
    targets -= targets.mean(axis=0)
    return targets / np.sqrt(np.mean(targets**2))


class Spectrum(NamedTuple):
    """The spectrum of a pool of features, and the power law in it.

    Attributes:
        eigenvalues: [S] of C, largest first.
        exponent: alpha_K, with the range of slopes found by `fit_spectrum`.
        modes: first and last mode fitted. Beyond the last mode the finite pool bends
            the spectrum: half of the features of half of the inputs give eigenvalues
            that differ by more than 10%.
    """

    eigenvalues: np.ndarray
    exponent: Estimate
    modes: tuple[int, int]


class SpectrumCurve(NamedTuple):
    """The drawn points of a spectrum.

    Attributes:
        modes: [points] i, equally spaced on a log axis, down to rounding errors.
        eigenvalues: [points].
        exponent: alpha_K, as in `Spectrum`.
        fitted: first and last mode of the fit.
    """

    modes: np.ndarray
    eigenvalues: np.ndarray
    exponent: Estimate
    fitted: tuple[int, int]


def curve_of(spectrum: Spectrum) -> SpectrumCurve:
    """Returns a few hundred of the eigenvalues, with the fit."""
    values = spectrum.eigenvalues
    above = int(np.sum(values > ROUNDING * values[0]))
    modes = drawn_modes(above, DRAWN_MODES)
    return SpectrumCurve(modes, values[modes - 1], spectrum.exponent, spectrum.modes)


def drawn_modes(count: int, points: int) -> np.ndarray:
    """Returns modes from 1 to `count`, equally spaced on a log axis up to rounding.

    Args:
        count: number of modes, >= 1.
        points: number of modes wanted; modes that round to the same number count once.
    """
    return np.unique(np.geomspace(1, count, points).astype(int))


def make_features(
    inputs: Float[Array, "N d"], options: FeatureOptions
) -> Float[Array, "N S"]:
    """Returns single-precision features of mean square 1.

    Args:
        inputs: [N, d].
        options: the random network.
    """
    key = jax.random.fold_in(jax.random.key(0), options.seed)
    return _features(
        key,
        inputs,
        options.num_features,
        options.depth,
        options.activation,
        options.width,
    )


@partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _features(key, inputs, *network):
    """Returns scaled features; one program holds no more copies than it needs."""
    features = random_features(key, inputs, *network)
    scale = jnp.sqrt(jnp.mean(features**2, dtype=float))
    return features / scale.astype(features.dtype)


def measure_spectrum(features: Float[Array, "N S"]) -> Spectrum:
    """Returns the eigenvalues of C with their exponent.

    The exponent is fitted from mode FIRST_MODE to the last mode that the finite pool
    does not bend.
    """
    eigenvalues, _ = spectra(features)
    part = features[::2, ::2] * 2**0.5  # C of half the features has half the trace
    modes = FIRST_MODE, last_settled(eigenvalues, spectra(part)[0])
    if modes[1] < FIRST_MODE + 3:
        return Spectrum(eigenvalues, Estimate(None, None), modes)
    return Spectrum(eigenvalues, fit_spectrum(eigenvalues, *modes).exponent, modes)
