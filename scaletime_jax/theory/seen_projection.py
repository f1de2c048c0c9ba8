"""A Gaussian projection, drawn only where a student's points look at it.

Pi [P, S] with iid standard normal entries is rotation invariant. With X^T = Q T for an
orthonormal Q [S, D], a student on D points depends on the P D numbers G = Pi Q, and its
predictions on Pi^T L for a few columns L [P, K] that are functions of G:

    Pi^T L = Q G^T L + (1 - Q Q^T) W R   with   L^T L = R^T R,

where W [S, K] has iid standard normal entries, because Pi (1 - Q Q^T) is independent of
G. For D and K far below P and S, S K + P D numbers are drawn in place of P S. Ours.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


class SeenProjection(NamedTuple):
    """Pi as a student on a few points sees it; used like `second_moment.Projection`.

    Attributes:
        basis: [S, D] Q.
        seen: [P, D] G = Pi Q.
        key: for W. A second call of `apply_transposed` would draw the same W, which is
            another Pi: call it once.
    """

    basis: Float[Array, "S D"]
    seen: Float[Array, "P D"]
    key: Key[Array, ""]

    @property
    def num_rows(self) -> int:
        """P."""
        return self.seen.shape[0]

    def apply(self, vectors: Float[Array, "S k"]) -> Float[Array, "P k"]:
        """Returns Pi V for vectors in the span of the points."""
        return self.seen @ (self.basis.T @ vectors)

    def apply_transposed(self, vectors: Float[Array, "P k"]) -> Float[Array, "S k"]:
        """Returns Pi^T L for L that depends on Pi through G alone."""
        triangle = jnp.linalg.qr(vectors, mode="r")
        shape = self.basis.shape[0], triangle.shape[0]
        drawn = jax.random.normal(self.key, shape, vectors.dtype)
        outside = drawn - self.basis @ (self.basis.T @ drawn)
        return self.basis @ (self.seen.T @ vectors) + outside @ triangle


def draw_projection(
    key: Key[Array, ""], points: Float[Array, "D S"], rows: int
) -> SeenProjection:
    """Draws Pi for a student on the given points.

    Args:
        key: a typed key, used once.
        points: [D, S] X, D <= S.
        rows: P.
    """
    seen_key, other_key = jax.random.split(key)
    basis = jnp.linalg.qr(points.T)[0]
    seen = jax.random.normal(seen_key, (rows, basis.shape[1]), points.dtype)
    return SeenProjection(basis, seen, other_key)
