"""Roots R of a second moment C = E[F F^T] = R^T R."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from scaletime_jax.errors import InputError
from scaletime_jax.theory.arguments import (
    as_covariance,
    as_float,
    as_matrix,
    require_least,
    require_shape,
)

Root = Float[Array, "n S"] | Float[Array, "S"]


def moment_root(
    size: int,
    population_features: Real[ArrayLike, "N S"] | None,
    covariance: Real[ArrayLike, "S *S"] | None,
) -> Root:
    """Returns a root R of C = R^T R, n x S.

    Args:
        size: S.
        population_features: [N, S] whose mean outer product C is, or
        covariance: [S, S] C, or its diagonal [S]. One of the two.

    Returns:
        [n, S] R, or [S] its diagonal.

    Raises:
        InputError: none or both are given, shapes do not match, C is no covariance.
    """
    if covariance is None and population_features is not None:
        features = as_matrix("population_features", population_features)
        require_shape("population_features", features, (features.shape[0], size))
        return features / jnp.sqrt(features.shape[0]).astype(features.dtype)
    if covariance is None or population_features is not None:
        raise InputError("give population_features or covariance, one of the two.")
    if jnp.ndim(covariance) == 1:
        require_shape("covariance", covariance, (size,))
        require_least("covariance", covariance, 0)
        return jnp.sqrt(as_float(covariance))
    matrix = as_covariance("covariance", covariance)
    require_shape("covariance", matrix, (size, size))
    values, vectors = jnp.linalg.eigh(matrix)
    return jnp.sqrt(jnp.maximum(values, 0))[:, None] * vectors.T


def apply_root(root: Root, vectors: Float[Array, "S k"]) -> Float[Array, "n k"]:
    """Returns R V."""
    return root[:, None] * vectors if root.ndim == 1 else root @ vectors


def apply_transposed(root: Root, vectors: Float[Array, "n k"]) -> Float[Array, "S k"]:
    """Returns R^T V."""
    return root[:, None] * vectors if root.ndim == 1 else root.T @ vectors
