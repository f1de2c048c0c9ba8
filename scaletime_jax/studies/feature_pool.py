"""A population of images seen through random features, and its spectrum."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.data.transforms import average_pool
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.spectra import fit_spectrum, last_settled
from scaletime_jax.theory.kernel_theory import spectra
from scaletime_jax.theory.random_features import random_features

FIRST_MODE = 10  # of a fit to a spectrum; those before it are no power law's


def make_inputs(images: np.ndarray, pool_size: int) -> Float[Array, "N d"]:
    """Returns images, averaged over squares of pixels, as vectors of length sqrt(d).

    Features of a ReLU network grow with the length of its inputs; on a sphere none
    outweighs others, and they are nearer to Gaussian.

    Args:
        images: [N, height, width, ...] pixels.
        pool_size: a divisor of height and width.

    Raises:
        InputError: it is none.
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
        exponent: alpha_K, with the range of slopes in `fit_spectrum`.
        modes: first and last mode fitted. Beyond the last the finite pool bends the
            spectrum: half of the features of half of the inputs no longer give the same
            eigenvalues within 10%.
    """

    eigenvalues: np.ndarray
    exponent: Estimate
    modes: tuple[int, int]


def make_features(
    inputs: Float[Array, "N d"],
    num_features: int,
    depth: int,
    activation: str,
    width: int,
    seed: int,
) -> Float[Array, "N S"]:
    """Returns float64 features of mean square 1, computed in single precision.

    Args:
        inputs: [N, d].
        num_features: S.
        depth: hidden layers of the network.
        activation: 'relu' or 'erf'.
        width: of its hidden layers before the last.
        seed: of its weights.
    """
    key = jax.random.fold_in(jax.random.key(0), seed)
    network = jax.jit(random_features, static_argnums=(2, 3, 4, 5))
    features = network(key, inputs, num_features, depth, activation, width)
    features = features.astype(float)
    return features / jnp.sqrt(jnp.mean(features**2))


def measure_spectrum(features: Float[Array, "N S"]) -> Spectrum:
    """Returns the eigenvalues of C with their exponent.

    It is fitted from mode FIRST_MODE to the last that the finite pool does not bend.
    """
    eigenvalues, _ = spectra(features)
    part = features[::2, ::2] * 2**0.5  # C of half the features has half the trace
    modes = FIRST_MODE, last_settled(eigenvalues, spectra(part)[0])
    if modes[1] < FIRST_MODE + 3:
        return Spectrum(eigenvalues, Estimate(None, None), modes)
    return Spectrum(eigenvalues, fit_spectrum(eigenvalues, *modes).exponent, modes)
