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
    """R = matrix / scale with C = R^T R; a large population is not copied for it.

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
        """|R|^2 = Tr C."""
        return jnp.sum(self.matrix**2) / self.scale**2

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
        population_features: [N, S] whose mean outer product C is, or
        covariance: [S, S] C, or its diagonal [S]. One of the two.

    Raises:
        InputError: none or both are given, shapes do not match, C is no covariance.
    """
    if covariance is None and population_features is not None:
        features = as_matrix("population_features", population_features)
        return Root(features, features.shape[0] ** 0.5)
    if covariance is None or population_features is not None:
        raise InputError("give population_features or covariance, one of the two.")
    if jnp.ndim(covariance) == 1:
        require_least("covariance", covariance, 0)
        return Root(jnp.sqrt(as_float(covariance)), 1.0)
    matrix = as_covariance("covariance", covariance)
    values, vectors = jnp.linalg.eigh(matrix)
    return Root(jnp.sqrt(jnp.maximum(values, 0))[:, None] * vectors.T, 1.0)


class Projection(NamedTuple):
    """Pi: mixtures of features, or a pick of some of them.

    Attributes:
        rows: [P, S] Pi, or [P] which features are picked.
        size: S.
        dtype: of features.
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
        """Returns its rows first..last - 1."""
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
        InputError: it is neither, or P > S.
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
        f"projection has P = {rows.shape[0]} rows; there must be from 1 to as many as "
        f"there are features, S = {size}.",
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
