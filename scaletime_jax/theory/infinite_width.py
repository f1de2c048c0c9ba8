"""Closed-form kernels of infinitely wide networks."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from scaletime_jax.arguments import (
    Scalar,
    as_matrix,
    require,
    require_least,
    require_positive,
)
from scaletime_jax.errors import InputError


class Kernels(NamedTuple):
    """Kernels of an infinitely wide network with a linear readout.

    Attributes:
        nngp: [n, m] covariance of its outputs over initialisations.
        ntk: [n, m] inner product of its gradients with respect to parameters of
            variance 1. Weights are sqrt(weight_variance / fan-in) times these
            parameters, biases sqrt(bias_variance) times these parameters.
    """

    nngp: Float[Array, "n m"]
    ntk: Float[Array, "n m"]


def infinite_width_kernels(
    inputs: Real[ArrayLike, "n d"],
    others: Real[ArrayLike, "m d"],
    depth: int = 3,
    activation: str = "relu",
    weight_variance: Scalar = 2.0,
    bias_variance: Scalar = 0.0,
) -> Kernels:
    """Returns the NNGP and NT kernels of a fully-connected network, in closed form.

    q is the kernel of a layer's inputs, and s_w and s_b are the variances. From layer
    to layer [Lee et al. 2018; Jacot et al. 2018]

        q <- s_w E[phi(u) phi(v)] + s_b,      (u, v) ~ N(0, q),
        Theta <- q + s_w E[phi'(u) phi'(v)] Theta,

    with E by [Cho & Saul 2009] for ReLU and by [Williams 1997] for erf.

    Args:
        inputs: [n, d].
        others: [m, d].
        depth: hidden layers, >= 1.
        activation: 'relu' or 'erf'.
        weight_variance: s_w > 0.
        bias_variance: s_b >= 0.

    Raises:
        InputError: an argument is out of range.
    """
    layers = {"relu": _relu_layer, "erf": _erf_layer}
    if activation not in layers:
        raise InputError(f"activation {activation!r} is not one of relu, erf.")
    inputs, others = as_matrix("inputs", inputs), as_matrix("others", others)
    require(
        inputs.shape[1] == others.shape[1],
        f"inputs have {inputs.shape[1]} dimensions, others {others.shape[1]}.",
    )
    require(depth >= 1, "depth must be 1 or more.")
    require_positive("weight_variance", weight_variance)
    require_least("bias_variance", bias_variance, 0)

    def affine(values):
        return weight_variance * values + bias_variance

    size = inputs.shape[1]
    cross = tangent = affine(inputs @ others.T / size)
    left = affine(jnp.sum(inputs**2, axis=1)[:, None] / size)
    right = affine(jnp.sum(others**2, axis=1)[None, :] / size)
    square, expect = layers[activation]
    for _ in range(depth):
        product, slopes = expect(cross, left, right)
        cross = affine(product)
        tangent = cross + weight_variance * slopes * tangent
        left, right = affine(square(left)), affine(square(right))
    return Kernels(cross, tangent)


def _relu_expectations(cross, left, right):
    """Returns E[phi phi] and E[phi' phi'] for ReLU."""
    scale = jnp.sqrt(left * right)
    cosine = jnp.clip(cross / jnp.where(scale > 0, scale, 1), -1, 1)
    # at cosine 1 angle and sine are 0, and their gradients are infinite
    apart = jnp.abs(cosine) < 1
    inside = jnp.where(apart, cosine, 0)
    angle = jnp.where(apart, jnp.arccos(inside), jnp.where(cosine > 0, 0, jnp.pi))
    sine = jnp.where(apart, jnp.sqrt((1 - inside) * (1 + inside)), 0)
    product = scale * (sine + (jnp.pi - angle) * cosine) / (2 * jnp.pi)
    return product, (jnp.pi - angle) / (2 * jnp.pi)


def _erf_expectations(cross, left, right):
    """Returns E[phi phi] and E[phi' phi'] for erf."""
    ratio = 2 * cross / jnp.sqrt((1 + 2 * left) * (1 + 2 * right))
    unshared = jnp.maximum(left * right - cross**2, 0)
    slopes = 4 / jnp.pi / jnp.sqrt(1 + 2 * left + 2 * right + 4 * unshared)
    return 2 / jnp.pi * jnp.arcsin(jnp.clip(ratio, -1, 1)), slopes


# For each activation, E[phi(u)^2] and the expectations for two arguments.
_relu_layer = (lambda q: q / 2), _relu_expectations
_erf_layer = (
    (lambda q: 2 / jnp.pi * jnp.arcsin(2 * q / (1 + 2 * q))),
    _erf_expectations,
)
