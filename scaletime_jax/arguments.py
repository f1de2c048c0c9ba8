"""Checks of arguments, which raise an error of one sentence that names the argument.

Under `jit` and `vmap` values are not known, so only shapes are checked.
"""

import numbers
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Real

from scaletime_jax.errors import InputError

Scalar = int | float | Real[Array, ""]
Number = int | float | Real[Array, "..."]
Values = int | float | Sequence | np.ndarray | Array  # NumPy makes arrays of these


def require(condition: bool | Bool[ArrayLike, "..."], sentence: str) -> None:
    """Raises InputError, a ValueError, unless the whole condition is true."""
    if not isinstance(condition, jax.core.Tracer) and not np.all(condition):
        raise InputError(sentence)


def as_float(value: ArrayLike | Sequence) -> Float[Array, "..."]:
    """Returns an array of the value's precision; integers get the default precision."""
    # an integer may be too large for the default integer type
    array = jnp.asarray(float(value) if isinstance(value, int) else value)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


def as_matrix(name: str, value: Real[ArrayLike, "..."]) -> Float[Array, "n m"]:
    """Returns a finite matrix of at least one row and column as an array."""
    matrix = as_float(value)
    require(
        matrix.ndim == 2 and matrix.size > 0,
        f"{name} must be a matrix of at least one row and column, got shape "
        f"{matrix.shape}.",
    )
    require(jnp.isfinite(matrix), f"{name} must be finite.")
    return matrix


def as_covariance(name: str, value: Real[ArrayLike, "..."]) -> Float[Array, "r r"]:
    """Returns a square, symmetric, positive semi-definite matrix as an array.

    Rounding errors up to 1000 units in the last place of the largest element are
    tolerated.
    """
    matrix = as_float(value)
    shape = matrix.shape
    require(
        len(shape) == 2 and shape[0] == shape[1] > 0,
        f"{name} must be a square matrix, got shape {shape}.",
    )
    scale = jnp.max(jnp.abs(matrix))
    slack = 1000 * jnp.finfo(matrix.dtype).eps * scale
    require(jnp.isfinite(scale), f"{name} must be finite.")
    require(jnp.max(jnp.abs(matrix - matrix.T)) <= slack, f"{name} must be symmetric.")
    require(
        jnp.linalg.eigvalsh(matrix)[0] >= -slack,
        f"{name} must be positive semi-definite: it has an eigenvalue below 0.",
    )
    return matrix


def require_number(name: str, value: object, whole: bool = False) -> None:
    """Requires a real number, or a whole one; None is not checked."""
    fits = isinstance(value, numbers.Real) and not (whole and value % 1)
    kind = "a whole number" if whole else "a number"
    require(value is None or fits, f"{name} must be {kind}, got {value!r}.")


def require_shape(name: str, value, shape: tuple[int, ...]) -> None:
    """Requires an array of the given shape."""
    require(
        jnp.shape(value) == shape,
        f"{name} must have shape {shape}, got {jnp.shape(value)}.",
    )


def _numbers(value):
    """Returns the value as an array: a JAX array unchanged, else a NumPy array.

    JAX would compile each comparison for every shape.
    """
    return as_float(value) if isinstance(value, jax.Array) else np.asarray(value, float)


def require_least(name: str, value, least: float | int) -> None:
    """Requires finite numbers >= `least`."""
    value = _numbers(value)
    fine = (value >= least) & (value < np.inf)
    require(fine, f"{name} must be {least:g} or more, and finite.")


def require_positive(name: str, value) -> None:
    """Requires finite numbers above 0."""
    value = _numbers(value)
    require((value > 0) & (value < np.inf), f"{name} must be above 0, and finite.")


def require_probability(name: str, value) -> None:
    """Requires numbers above 0 and below 1."""
    value = _numbers(value)
    require((value > 0) & (value < 1), f"{name} must be above 0 and below 1.")
