"""Roots of a second moment C = E[F F^T], and picks or mixtures of features."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, Real

from scaletime_jax.arguments import (
    as_covariance,
    as_float,
    as_matrix,
    require,
    require_least,
    require_shape,
)
from scaletime_jax.errors import InputError


class Root(NamedTuple):
    """R = matrix / scale with C = R^T R; the scale avoids copying a large population.

    Attributes:
        matrix: [n, S], or [S] the diagonal of one.
        scale: a number.
    """

    matrix: Float[Array, "n S"] | Float[Array, "S"]
    scale: Float[Array, ""] | float

    @property
    def size(self) -> int:
        """S."""
        return self.matrix.shape[-1]

    @property
    def energy(self) -> Float[Array, ""]:
        """|R|^2 = Tr C, in JAX's default precision."""
        return jnp.sum(self.matrix**2, dtype=float) / self.scale**2

    def apply(self, vectors: Float[Array, "S k"]) -> Float[Array, "n k"]:
        """Returns R V."""
        return self._times(self.matrix, vectors)

    def apply_transposed(self, vectors: Float[Array, "n k"]) -> Float[Array, "S k"]:
        """Returns R^T V."""
        return self._times(self.matrix.T, vectors)

    def _times(self, matrix, vectors):
        flat = matrix.ndim == 1
        return (matrix[:, None] * vectors if flat else matrix @ vectors) / self.scale


def moment_root(
    population_features: Real[ArrayLike, "N S"] | None,
    covariance: Real[ArrayLike, "S ..."] | None,
) -> Root:
    """Returns a root of C.

    Args:
        population_features: [N, S] features with mean outer product C, instead of
            covariance.
        covariance: [S, S] C, or its diagonal [S], instead of population_features.

    Raises:
        InputError: none or both are given, shapes do not match, or C is not a
            covariance.
    """
    if covariance is None and population_features is not None:
        features = as_matrix("population_features", population_features)
        return Root(features, features.shape[0] ** 0.5)
    if covariance is None or population_features is not None:
        raise InputError("give either population_features or covariance.")
    if jnp.ndim(covariance) == 1:
        require_least("covariance", covariance, 0)
        return Root(jnp.sqrt(as_float(covariance)), 1.0)
    matrix = as_covariance("covariance", covariance)
    values, vectors = jnp.linalg.eigh(matrix)
    return Root(jnp.sqrt(jnp.maximum(values, 0))[:, None] * vectors.T, 1.0)


class Projection(NamedTuple):
    """Pi: mixtures of features, or a pick of some of them.

    Attributes:
        rows: [P, S] Pi, or [P] indices of picked features.
        size: S.
        dtype: dtype of the features.
    """

    rows: Float[Array, "P S"] | Int[Array, "P"]
    size: int
    dtype: jnp.dtype

    @property
    def num_rows(self) -> int:
        """P."""
        return self.rows.shape[0]

    @property
    def transposed(self) -> Float[Array, "S P"]:
        """Pi^T."""
        if self.rows.ndim == 2:
            return self.rows.T
        return self.apply_transposed(jnp.eye(self.num_rows, dtype=self.dtype))

    def part(self, first: int, last: int) -> "Projection":
        """Returns the rows first..last - 1."""
        return self._replace(rows=self.rows[first:last])

    def apply(self, vectors: Float[Array, "S k"]) -> Float[Array, "P k"]:
        """Returns Pi V."""
        return vectors[self.rows] if self.rows.ndim == 1 else self.rows @ vectors

    def apply_transposed(self, vectors: Float[Array, "P k"]) -> Float[Array, "S k"]:
        """Returns Pi^T V."""
        if self.rows.ndim == 2:
            return self.rows.T @ vectors
        nothing = jnp.zeros((self.size, vectors.shape[1]), vectors.dtype)
        return nothing.at[self.rows].add(vectors)


def as_projection(value: Real[ArrayLike, "P ..."], root: Root) -> Projection:
    """Returns a matrix [P, S] or picked features [P] as a projection.

    Raises:
        InputError: the value is neither, or P > S.
    """
    rows, size = jnp.asarray(value), root.size
    if rows.ndim == 1 and jnp.issubdtype(rows.dtype, jnp.integer):
        fine = (rows >= 0) & (rows < size)
        require(fine, f"projection picks features that are not among 0..{size - 1}.")
    else:
        rows = as_matrix("projection", value)
        require_shape("projection", rows, (rows.shape[0], size))
    require(
        0 < rows.shape[0] <= size,
        f"projection has P = {rows.shape[0]} rows; P must be from 1 to the number of "
        f"features, S = {size}.",
    )
    return Projection(rows, size, root.matrix.dtype)


def as_points(value: Real[ArrayLike, "D S"], root: Root) -> Float[Array, "D S"]:
    """Returns the features of training points as an array."""
    features = as_matrix("train_features", value)
    require(
        features.shape[1] == root.size,
        f"train_features have {features.shape[1]} columns, the population or its "
        f"covariance has {root.size}.",
    )
    return features
