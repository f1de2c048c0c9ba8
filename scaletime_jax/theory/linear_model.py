"""Exact linear regression by gradient flow, for inputs of any shape.

Targets are Y = X w + eps with X = U diag(sigma) V^T of shape n x m. The flow minimises
(1/2) ||X theta - Y||^2 from theta = 0 [BF24, Sec. 5.1]. If n < m, sigma_i = 0 for i
> n.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Real

from scaletime_jax.arguments import (
    Scalar,
    as_float,
    as_matrix,
    require,
    require_least,
    require_positive,
    require_shape,
)


class Modes(NamedTuple):
    """The prediction error on a test point, mode by mode.

    Attributes:
        singular_values: [m] sigma_i of the inputs, padded with zeros.
        signal: [m] S_i = -(x^T V)_i (V^T w)_i.
        noise: [m] N_i = (x^T V)_i (U^T eps)_i, zero where sigma_i = 0.
    """

    singular_values: Float[Array, "m"]
    signal: Float[Array, "m"]
    noise: Float[Array, "m"]


def flow_parameters(
    inputs: Real[Array, "n m"],
    targets: Real[Array, "n"],
    times: Real[Array, "*times"],
    learning_rate: Scalar,
) -> Float[Array, "*times m"]:
    """Returns theta(t) = X^+ (I - exp(-eta X X^T t)) Y [BF24, Eq. 6].

    Args:
        inputs: [n, m] X, wide, tall or square, of any rank.
        targets: [n] Y.
        times: [...] >= 0; infinity gives the least-norm solution X^+ Y.
        learning_rate: eta, > 0.

    Returns:
        [..., m] theta at the times.

    Raises:
        InputError: shapes do not match, times are negative.
    """
    inputs = as_matrix("inputs", inputs)
    require_shape("targets", targets, inputs.shape[:1])
    u, values, v = _decompose(inputs)
    learned = learned_noise(times, values, learning_rate)
    return (learned * (u.T @ targets)) @ v.T


def signal_noise_coefficients(
    inputs: Real[Array, "n m"],
    weights: Real[Array, "m"],
    noise: Real[Array, "n"],
    point: Real[Array, "m"],
) -> Modes:
    """Returns S_i and N_i of the error on a test point [BF24, Eq. 8].

    The paper's N_i has V^T eps instead of U^T eps, but eps is in R^n.

    Args:
        inputs: [n, m] X.
        weights: [m] the teacher w.
        noise: [n] eps.
        point: [m] the test point x.

    Raises:
        InputError: shapes do not match.
    """
    inputs = as_matrix("inputs", inputs)
    rows, columns = inputs.shape
    require_shape("weights", weights, (columns,))
    require_shape("noise", noise, (rows,))
    require_shape("point", point, (columns,))
    u, values, v = _decompose(inputs)
    seen = point @ v
    return Modes(values, -seen * (v.T @ weights), seen * (u.T @ noise))


def prediction_error(
    times: Real[Array, "*times"],
    singular_values: Real[Array, "m"],
    signal: Real[Array, "m"],
    noise: Real[Array, "m"],
    learning_rate: Scalar,
) -> Float[Array, "*times"]:
    """Returns x^T (theta(t) - w), mode by mode [BF24, Eq. 7-8].

        sum_i S_i e^{-eta sigma_i^2 t} + N_i (1 - e^{-eta sigma_i^2 t}) / sigma_i

    where the last factor is 0 if sigma_i = 0.

    Args:
        times: [...] >= 0.
        singular_values: [m] sigma_i >= 0.
        signal: [m] S_i.
        noise: [m] N_i.
        learning_rate: eta, > 0.

    Returns:
        [...] signed error at the times.

    Raises:
        InputError: shapes do not match, times or singular values are negative.
    """
    require_shape("signal", signal, jnp.shape(singular_values))
    require_shape("noise", noise, jnp.shape(singular_values))
    left = unlearned_signal(times, singular_values, learning_rate)
    return left @ signal + learned_noise(times, singular_values, learning_rate) @ noise


def expected_squared_error(
    times: Real[Array, "*times"],
    singular_values: Real[Array, "m"],
    signal_moment: Real[Array, "m m"],
    noise_moment: Real[Array, "m m"],
    learning_rate: Scalar,
) -> Float[Array, "*times"]:
    """Returns E[(x^T theta(t) - x^T w)^2] [BF24, Eq. 9].

        E[(sum_i S_i e^{-eta sigma_i^2 t})^2]
            + E[(sum_i N_i (1 - e^{-eta sigma_i^2 t}) / sigma_i)^2]

    Signal and noise must be uncorrelated, as they are if the noise is independent of
    the teacher and has mean zero.

    Args:
        times: [...] >= 0.
        singular_values: [m] sigma_i >= 0.
        signal_moment: [m, m] E[S S^T].
        noise_moment: [m, m] E[N N^T].
        learning_rate: eta, > 0.

    Returns:
        [...] mean squared error at the times.

    Raises:
        InputError: shapes do not match, times or singular values are negative.
    """
    size = jnp.shape(singular_values)[0]
    require_shape("signal_moment", signal_moment, (size, size))
    require_shape("noise_moment", noise_moment, (size, size))
    left = unlearned_signal(times, singular_values, learning_rate)
    learned = learned_noise(times, singular_values, learning_rate)
    return _quadratic_form(left, signal_moment) + _quadratic_form(learned, noise_moment)


def unlearned_signal(
    times: Real[Array, "*times"],
    singular_values: Real[Array, "m"],
    learning_rate: Scalar,
) -> Float[Array, "*times m"]:
    """Returns e^{-eta sigma_i^2 t}, the remaining share of each mode of the signal.

    Args:
        times: [...] >= 0.
        singular_values: [m] sigma_i >= 0.
        learning_rate: eta, > 0.
    """
    return jnp.exp(-_exponent(times, singular_values, learning_rate))


def learned_noise(
    times: Real[Array, "*times"],
    singular_values: Real[Array, "m"],
    learning_rate: Scalar,
) -> Float[Array, "*times m"]:
    """Returns (1 - e^{-eta sigma_i^2 t}) / sigma_i, 0 where sigma_i = 0.

    Args:
        times: [...] >= 0.
        singular_values: [m] sigma_i >= 0.
        learning_rate: eta, > 0.
    """
    learned = -jnp.expm1(-_exponent(times, singular_values, learning_rate))
    values = as_float(singular_values)
    return jnp.where(values > 0, learned / jnp.where(values > 0, values, 1), 0)


def _exponent(times, singular_values, learning_rate):
    times = as_float(times)
    require(times >= 0, "times must be 0 or more.")  # infinity is allowed
    require_least("singular_values", singular_values, 0)
    require_positive("learning_rate", learning_rate)
    rates = learning_rate * as_float(singular_values) ** 2
    # a missing mode does not change, even at infinity
    return jnp.where(rates > 0, times[..., None] * rates, 0)


def _decompose(inputs):
    """Returns U [n, m], sigma [m] and V [m, m], padded with zeros."""
    rows, columns = inputs.shape
    u, values, vt = jnp.linalg.svd(inputs, full_matrices=rows < columns)
    floor = max(rows, columns) * jnp.finfo(inputs.dtype).eps * values[0]
    values = jnp.where(values > floor, values, 0)
    missing = max(0, columns - rows)
    u = jnp.pad(u, ((0, 0), (0, missing))) * (jnp.pad(values, (0, missing)) > 0)
    return u, jnp.pad(values, (0, missing)), vt.T


def _quadratic_form(vectors, moment):
    return jnp.einsum("...i,ij,...j->...", vectors, moment, vectors)
