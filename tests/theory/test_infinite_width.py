"""Kernels of infinite width against networks of width 4,096, and by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

from scaletime_jax.errors import InputError
from scaletime_jax.theory.infinite_width import infinite_width_kernels
from scaletime_jax.theory.random_features import random_features

WIDTH, DRAWS, DEPTH, WEIGHT, BIAS = 4096, 12, 2, 1.7, 0.2
INPUTS = np.random.default_rng(0).normal(size=(3, 5))
ACTIVATIONS = {  # with their slopes
    "relu": (lambda x: np.maximum(x, 0), lambda x: x > 0),
    "erf": (erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-(x**2))),
}


def tangent_kernel(rng, activation):
    """The NTK of one network by its layers' deltas and inputs, unit parameters.

    The gradient by W_l is delta_l h_{l-1}^T, so its inner product is a product of two.
    """
    phi, slope = ACTIVATIONS[activation]
    layers, hidden = [], INPUTS
    for _ in range(DEPTH):
        weights = rng.standard_normal((hidden.shape[1], WIDTH), np.float32)
        weights *= np.float32(np.sqrt(WEIGHT / hidden.shape[1]))
        before = hidden.astype(np.float32) @ weights
        before = before + np.sqrt(BIAS) * rng.standard_normal(WIDTH)
        layers.append((hidden, weights, slope(before)))
        hidden = phi(before)
    readout = rng.standard_normal(WIDTH) * np.sqrt(WEIGHT / WIDTH)
    kernel = WEIGHT / WIDTH * hidden @ hidden.T + BIAS
    delta = np.broadcast_to(readout, hidden.shape)
    for inputs, weights, slopes in layers[::-1]:
        delta = delta * slopes
        seen = WEIGHT / inputs.shape[1] * inputs @ inputs.T + BIAS
        kernel = kernel + seen * (delta @ delta.T)
        delta = delta.astype(np.float32) @ weights.T
    return kernel


def assert_within(samples, expected):
    """Four standard errors, themselves small beside the kernel's changes."""
    sem = np.std(samples, axis=0, ddof=1) / np.sqrt(len(samples))
    assert np.all(np.abs(np.mean(samples, axis=0) - expected) < 4 * sem)
    assert np.all(4 * sem < 0.1 * np.abs(expected).max())


@pytest.mark.parametrize(
    "activation", ["relu", pytest.param("erf", marks=pytest.mark.slow)]
)
def test_ntk_is_that_of_wide_networks(activation):
    rng = np.random.default_rng(1)
    samples = [tangent_kernel(rng, activation) for _ in range(DRAWS)]
    how = DEPTH, activation, WEIGHT, BIAS
    assert_within(samples, infinite_width_kernels(INPUTS, INPUTS, *how).ntk)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_nngp_is_that_of_random_features(activation):
    inputs = jnp.asarray(INPUTS, jnp.float32)

    # much arithmetic: unlike the other programs of the tests it is worth optimising
    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 2})
    def sample(key):
        how = DEPTH, activation, None, WEIGHT, BIAS
        made = random_features(key, inputs, WIDTH, *how)
        return made @ made.T / WIDTH

    samples = [sample(key) for key in jax.random.split(jax.random.key(0), DRAWS)]
    how = DEPTH, activation, WEIGHT, BIAS
    nngp = infinite_width_kernels(INPUTS, INPUTS, *how).nngp
    assert_within(samples, (np.asarray(nngp) - BIAS) / WEIGHT)


def test_one_relu_layer_by_hand():
    inputs = np.array([[1.0, 0.0], [0.0, 2.0]])
    nngp, ntk = infinite_width_kernels(inputs, inputs, depth=1)
    # squares are kept; of orthogonal u, v E[phi(u) phi(v)] is |u||v| / 2 pi
    np.testing.assert_allclose(nngp, [[1, 2 / np.pi], [2 / np.pi, 4]], rtol=1e-12)
    # the slopes' 1/2, 1/4 multiply the kernel of the inputs, 0 between them
    np.testing.assert_allclose(ntk, [[2, 2 / np.pi], [2 / np.pi, 8]], rtol=1e-7)


def test_gradients_are_finite_at_coinciding_inputs():
    def total(variance):
        kernels = infinite_width_kernels(INPUTS, INPUTS, 2, "relu", variance, 0.1)
        return jnp.sum(kernels.nngp)

    step = 1e-6
    slope = (total(2 + step) - total(2 - step)) / (2 * step)
    assert jax.jacfwd(total)(2.0) == pytest.approx(float(slope), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((INPUTS, INPUTS[:, :2]), "5 dimensions, others 2"),
        ((INPUTS, INPUTS, 0), "depth must be 1"),
        ((INPUTS, INPUTS, 1, "gelu"), "not one of relu, erf"),
        ((INPUTS, INPUTS, 1, "erf", 0.0), "weight_variance must be above 0"),
        ((INPUTS, INPUTS, 1, "erf", 1.0, -0.1), "bias_variance must be 0"),
    ],
)
def test_mistakes_are_one_sentence(unchecked, arguments, words):
    with pytest.raises(InputError, match=words):
        infinite_width_kernels(*arguments)
