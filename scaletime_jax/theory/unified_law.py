"""The unified law of size and time, with double descent [BF24, Eq. 10]."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Real

from scaletime_jax.arguments import (
    Scalar,
    require_least,
)
from scaletime_jax.theory.linear_model import expected_squared_error


def squared_error(
    progress: Real[Array, "*times"],
    rates: Real[Array, "m"],
    signal_moment: Real[Array, "m m"],
    noise_moment: Real[Array, "m m"],
    learning_rate: Scalar,
) -> Float[Array, "*times"]:
    """Returns error^2 at progress tau = p t [BF24, Eq. 10].

        E[(sum_i S_i e^{-eta lam_i tau})^2]
            + E[(sum_i N_i (1 - e^{-eta lam_i tau}) / sqrt(lam_i))^2]

    Args:
        progress: [...] tau = p t >= 0.
        rates: [m] lam_i = sigma_i^2 >= 0.
        signal_moment: [m, m] E[S S^T].
        noise_moment: [m, m] E[N N^T].
        learning_rate: eta, > 0.

    Returns:
        [...] mean squared error.

    Raises:
        InputError: shapes do not match, progress or rates are negative.
    """
    require_least("progress", progress, 0)
    require_least("rates", rates, 0)
    moments = signal_moment, noise_moment
    return expected_squared_error(progress, jnp.sqrt(rates), *moments, learning_rate)
