"""Ridge regression of labels on given features: the exact loss on a population."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from scaletime_jax.arguments import Scalar


def label_losses(
    gram: Float[Array, "P P"],
    projected: Float[Array, "P outputs"],
    second_moment: Float[Array, "P P"],
    cross_moment: Float[Array, "P outputs"],
    energy: Scalar,
    ridges: Float[Array, "ridges"],
) -> Float[Array, "ridges"]:
    """Returns (1/2) E[(W^T F(x) - y)^2] of W = (X^T X + r)^{-1} X^T Y, for every r.

    X are the P features of D training points and Y their labels. The mean is over the
    population and over outputs. All ridges share one eigendecomposition.

    Args:
        gram: [P, P] X^T X, of any rank.
        projected: [P, outputs] X^T Y.
        second_moment: [P, P] E[F F^T].
        cross_moment: [P, outputs] E[F y^T].
        energy: E[y^2], the mean over outputs.
        ridges: r > 0, well above the rounding errors of the largest eigenvalue of X^T
            X.
    """
    values, vectors = jnp.linalg.eigh(gram)
    inverse = 1 / (jnp.maximum(values, 0) + ridges[:, None])
    rotated = vectors.T @ projected
    weights = vectors @ (inverse[:, :, None] * rotated)  # [ridges, P, outputs]
    agreement = jnp.mean(jnp.sum(weights * cross_moment, axis=1), axis=-1)
    square = jnp.mean(jnp.sum(weights * (second_moment @ weights), axis=1), axis=-1)
    return (energy - 2 * agreement + square) / 2
