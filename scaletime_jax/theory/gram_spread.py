"""Bounds on the distance of G from its mean p Sigma, with a stated probability."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Real

from scaletime_jax.arguments import (
    Number,
    as_covariance,
    require,
    require_probability,
)

ESTIMATES = ("gaussian", "markov")


class Spread(NamedTuple):
    """Bounds that hold for one draw of G with a given probability.

    Attributes:
        noise: upper bound on ||N||.
        whitened: upper bound on ||Sigma^{-1/2} N||.
        least: lower bound on the least eigenvalue of G.
    """

    noise: Number
    whitened: Number
    least: Number


def markov_spread(
    cov: Real[Array, "r r"], p: Number, failure_probability: Number
) -> Spread:
    """Estimates the noise from its second moments, by Markov's inequality.

        E ||N||_F^2 = p (tr(Sigma)^2 + ||Sigma||_F^2)           [BF24, Eq. 25]
        ||N|| <= sqrt(p / eps) sqrt(tr(Sigma)^2 + ||Sigma||_F^2)  [BF24, Eq. 32]

    and likewise E ||Sigma^{-1/2} N||_F^2 = p (rank + 1) tr(Sigma). G's least eigenvalue
    is at least p lam - ||N||, by Weyl's inequality. `noise` and `whitened` each hold
    with probability 1 - eps.

    Args:
        cov: [r, r] Sigma = K K^T.
        p: [...] number of parameters, >= 1.
        failure_probability: eps, between 0 and 1.
    """
    require_probability("failure_probability", failure_probability)
    cov = as_covariance("cov", cov)
    trace, values = jnp.trace(cov), jnp.linalg.eigvalsh(cov)
    draws = p / failure_probability
    noise = jnp.sqrt(draws * (trace**2 + jnp.sum(cov**2)))
    rank = jnp.sum(values > noise_floor(values))
    whitened = jnp.sqrt(draws * (rank + 1) * trace)
    return Spread(noise, whitened, jnp.maximum(p * values[0] - noise, 0))


def gaussian_spread(
    cov: Real[Array, "r r"], p: Number, failure_probability: Number
) -> Spread:
    """Estimates the noise from the singular values of a Gaussian matrix.

    The singular values of an r x p Gaussian matrix over sqrt(p) are within u = sqrt(r /
    p) + x / sqrt(p) of 1 with probability 1 - 2 exp(-x^2 / 2) = 1 - eps. Then the three
    bounds hold together:

        ||N|| <= p ||Sigma|| (2 u + u^2),
        ||Sigma^{-1/2} N|| <= p ||Sigma||^{1/2} (2 u + u^2),
        lambda_min(G) >= p lam max(0, 1 - u)^2.

    Args:
        cov: [r, r] Sigma = K K^T.
        p: [...] number of parameters, >= 1.
        failure_probability: eps, between 0 and 1.
    """
    require_probability("failure_probability", failure_probability)
    cov = as_covariance("cov", cov)
    values = jnp.linalg.eigvalsh(cov)
    deviation = jnp.sqrt(2 * jnp.log(2 / jnp.asarray(failure_probability)))
    u = (jnp.sqrt(cov.shape[0]) + deviation) / jnp.sqrt(p)
    spread, largest = p * (2 * u + u**2), jnp.maximum(values[-1], 0)
    least = p * jnp.maximum(values[0], 0) * jnp.maximum(1 - u, 0) ** 2
    return Spread(spread * largest, spread * jnp.sqrt(largest), least)


def estimate_spread(
    cov: Real[Array, "r r"], p: Number, failure_probability: Number, estimate: str
) -> Spread:
    """Estimates the noise by name, one of `ESTIMATES`."""
    require(
        estimate in ESTIMATES,
        f"unknown estimate {estimate!r}; choose one of {', '.join(ESTIMATES)}.",
    )
    make = gaussian_spread if estimate == "gaussian" else markov_spread
    return make(cov, p, failure_probability)


def noise_floor(values):
    """Returns the number below which an eigenvalue counts as zero, up to rounding."""
    return values.shape[0] * jnp.finfo(values.dtype).eps * values[-1]
