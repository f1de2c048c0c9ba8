"""Least squares on the first 1, 2, ..., K vectors, from one factorisation."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.arguments import (
    Scalar,
    as_float,
    require,
    require_least,
    require_shape,
)


def squares_left(
    energy: Float[Array, ""],
    left: Float[Array, "n K"],
    right: Float[Array, "m K"],
    cross: Float[Array, "K"],
) -> Float[Array, "K"]:
    """Returns |R - sum_{i <= k} l_i r_i^T|^2 for every k = 1..K.

    The remainder is a difference of large terms, which are summed in JAX's default
    precision. The result has the precision of `left`.

    Args:
        energy: |R|^2.
        left: [n, K] l_i.
        right: [m, K] r_i.
        cross: [K] l_i^T R r_i.
    """
    products = gram(left) * gram(right)
    leading = jnp.diagonal(jnp.cumsum(jnp.cumsum(products, axis=0), axis=1))
    # rounding may give a remainder below 0
    remainders = jnp.maximum(energy - 2 * jnp.cumsum(cross) + leading, 0)
    return remainders.astype(left.dtype)


def gram(vectors: Float[Array, "n K"]) -> Float[Array, "K K"]:
    """Returns V^T V in JAX's default precision."""
    exact = vectors.astype(float)
    return exact.T @ exact


def orthogonalise(
    name: str, vectors: Float[Array, "n K"], ridge: Scalar
) -> tuple[Float[Array, "n K"], Float[Array, "K K"]]:
    """Returns Y, T of vectors V [n, K] = Y T with T^T T = V^T V + ridge.

    Without a ridge Y is orthonormal. With a ridge Y is the upper part of the
    orthonormal factor of V with sqrt(ridge) I below. The first columns of Y and T do
    not depend on later vectors.

    Raises:
        InputError: vectors are linearly dependent, and the ridge is 0 or below rounding
            errors. Under jit this is not checked.
    """
    check_ridge(ridge)
    size, count = vectors.shape
    if not _is_zero(ridge):
        below = jnp.sqrt(as_float(ridge)) * jnp.eye(count, dtype=vectors.dtype)
        vectors = jnp.concatenate([vectors, below])
    require(
        vectors.shape[0] >= count,
        f"{name} are singular: {count} vectors in {size} dimensions; give a ridge "
        "above 0.",
    )
    basis, triangle = jnp.linalg.qr(vectors)
    height = jnp.abs(jnp.diagonal(triangle))
    floor = max(vectors.shape) * jnp.finfo(vectors.dtype).eps * jnp.max(height)
    require(
        height > floor,
        f"{name} are singular: some vectors are linearly dependent; give a ridge "
        f"well above {_tell(floor**2)}.",
    )
    return basis[:size], triangle


def check_ridge(ridge: Scalar) -> None:
    """Requires one finite number of 0 or more."""
    require_shape("ridge", ridge, ())
    require_least("ridge", ridge, 0)


def _tell(value) -> str:
    """Returns a number in words, if it is known."""
    return "0" if isinstance(value, jax.core.Tracer) else f"{float(value):.1e}"


def _is_zero(ridge) -> bool:
    """Whether the ridge is known to be 0."""
    return not isinstance(ridge, jax.core.Tracer) and bool(np.all(ridge == 0))
