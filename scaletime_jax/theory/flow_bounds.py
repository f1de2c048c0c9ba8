"""Bounds on the random subspace model's distance from its limit, ||alpha(t) - A(p t)||.

N = G - p Sigma is the difference of the matrices of the two flows, ||.|| is the
operator norm, and lam is the least eigenvalue of Sigma. Theorem 1 of the paper grows
exponentially in t. The other bounds are finite for every t and fall as 1 / sqrt(p).
With known G these bounds always hold; a priori, without G, they hold with the stated
probability.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Real

from scaletime_jax.arguments import (
    Number,
    as_covariance,
    as_float,
    require_least,
    require_positive,
    require_shape,
)
from scaletime_jax.theory.gram_spread import (
    estimate_spread,
    markov_spread,
    noise_floor,
)


def theorem1_bound(
    cov: Real[Array, "r r"],
    p: Number,
    t: Number,
    learning_rate: Number,
    lipschitz: Number,
    smoothness: Number,
    failure_probability: Number,
) -> Float[Array, "..."]:
    """Bounds ||alpha(t) - A(p t)|| by Theorem 1 [BF24, Eq. 4].

        l sqrt(tr(Sigma)^2 + ||Sigma||_F^2) / (h sqrt(p eps) ||Sigma||)
            * (exp(eta p t h ||Sigma||) - 1)

    The paper states that the *second derivative* has Lipschitz constant h; its proof
    uses the Lipschitz constant of grad L.

    Args:
        cov: [r, r] Sigma = K K^T, not zero.
        p: [...] number of parameters, >= 1.
        t: [...] flow time, >= 0.
        learning_rate: eta, > 0.
        lipschitz: l, Lipschitz constant of L, >= 0.
        smoothness: h, Lipschitz constant of grad L, > 0.
        failure_probability: eps, between 0 and 1.

    Returns:
        [...] holds with probability 1 - eps; inf where it overflows.

    Raises:
        InputError: an argument is invalid.
    """
    cov, p, t = _check(cov, p, t, learning_rate)
    require_least("lipschitz", lipschitz, 0)
    require_positive("smoothness", smoothness)
    spread = markov_spread(cov, p, failure_probability).noise / p
    rate = smoothness * jnp.linalg.eigvalsh(cov)[-1]
    growth = jnp.expm1(learning_rate * p * t * rate)
    moves = (growth > 0) & (lipschitz > 0)
    return jnp.where(moves, lipschitz * spread / rate * growth, 0)  # never 0 x inf


def quadratic_bound(
    gram: Real[Array, "r r"],
    cov: Real[Array, "r r"],
    p: Number,
    t: Number,
    learning_rate: Number,
    distance0: Number,
) -> Float[Array, "..."]:
    """Bounds ||alpha(t) - A(p t)|| for L = ||alpha - alpha*||^2.

    With g and lam the least eigenvalues of G and Sigma, by Duhamel's formula,

        ||N|| d0 (e^{-2 eta g t} - e^{-2 eta p lam t}) / (p lam - g),

    and its limit 2 eta t ||N|| d0 e^{-2 eta g t} where g = p lam.

    Args:
        gram: [r, r] G of one draw.
        cov: [r, r] Sigma = K K^T.
        p: [...] number of parameters, >= 1.
        t: [...] flow time, >= 0.
        learning_rate: eta, > 0.
        distance0: d0 = ||alpha(0) - alpha*||, >= 0.

    Returns:
        [...] holds for this G.

    Raises:
        InputError: an argument is invalid.
    """
    cov, p, t = _check(cov, p, t, learning_rate)
    require_shape("gram", gram, cov.shape)
    noise = _norm(gram - _matrix(p) * cov)
    values = jnp.linalg.eigvalsh(gram)
    least = jnp.where(values[0] > noise_floor(values), values[0], 0)
    return _quadratic(noise, least, cov, p, t, learning_rate, distance0)


def strongly_convex_bound(
    gram: Real[Array, "r r"],
    cov: Real[Array, "r r"],
    p: Number,
    t: Number,
    learning_rate: Number,
    lipschitz: Number,
    convexity: Number,
) -> Float[Array, "..."]:
    """Bounds ||alpha(t) - A(p t)|| for a mu-strongly convex L.

        ||Sigma^{1/2}|| ||Sigma^{-1/2} N|| l (1 - e^{-eta p mu lam t}) / (p mu lam)

    The limit flow contracts in the norm of Sigma^{-1}; N drives the two flows apart. If
    Sigma is singular, both flows stay in its range, and lam is its least eigenvalue
    above 0.

    Args:
        gram: [r, r] G of one draw.
        cov: [r, r] Sigma = K K^T, not zero.
        p: [...] number of parameters, >= 1.
        t: [...] flow time, >= 0.
        learning_rate: eta, > 0.
        lipschitz: l, bounds ||grad L|| along alpha(t), >= 0.
        convexity: mu, > 0.

    Returns:
        [...] holds for this G.

    Raises:
        InputError: an argument is invalid.
    """
    cov, p, t = _check(cov, p, t, learning_rate)
    require_shape("gram", gram, cov.shape)
    whitened = _norm(_inverse_root(cov) @ (gram - _matrix(p) * cov))
    return _strongly_convex(whitened, cov, p, t, learning_rate, lipschitz, convexity)


def quadratic_bound_apriori(
    cov: Real[Array, "r r"],
    p: Number,
    t: Number,
    learning_rate: Number,
    distance0: Number,
    failure_probability: Number,
    estimate: str = "gaussian",
) -> Float[Array, "..."]:
    """Returns `quadratic_bound` without G: ||N|| and g are estimated.

    Args:
        cov: [r, r] Sigma = K K^T.
        p: [...] number of parameters, >= 1.
        t: [...] flow time, >= 0.
        learning_rate: eta, > 0.
        distance0: d0 = ||alpha(0) - alpha*||, >= 0.
        failure_probability: eps, between 0 and 1.
        estimate: 'gaussian' or 'markov'.

    Returns:
        [...] holds for all t at once with probability 1 - eps.

    Raises:
        InputError: an argument is invalid.
    """
    cov, p, t = _check(cov, p, t, learning_rate)
    spread = estimate_spread(cov, p, failure_probability, estimate)
    return _quadratic(spread.noise, spread.least, cov, p, t, learning_rate, distance0)


def strongly_convex_bound_apriori(
    cov: Real[Array, "r r"],
    p: Number,
    t: Number,
    learning_rate: Number,
    lipschitz: Number,
    convexity: Number,
    failure_probability: Number,
    estimate: str = "gaussian",
) -> Float[Array, "..."]:
    """Returns `strongly_convex_bound` without G: ||Sigma^{-1/2} N|| is estimated.

    Args:
        cov: [r, r] Sigma = K K^T, not zero.
        p: [...] number of parameters, >= 1.
        t: [...] flow time, >= 0.
        learning_rate: eta, > 0.
        lipschitz: l, bounds ||grad L|| along alpha(t), >= 0.
        convexity: mu, > 0.
        failure_probability: eps, between 0 and 1.
        estimate: 'gaussian' or 'markov'.

    Returns:
        [...] holds for all t at once with probability 1 - eps.

    Raises:
        InputError: an argument is invalid.
    """
    cov, p, t = _check(cov, p, t, learning_rate)
    whitened = estimate_spread(cov, p, failure_probability, estimate).whitened
    return _strongly_convex(whitened, cov, p, t, learning_rate, lipschitz, convexity)


def loss_bound(distance_bound: Number, lipschitz: Number) -> Float[Array, "..."]:
    """Bounds |L(alpha(t)) - L(A(p t))| by l ||alpha(t) - A(p t)||.

    Args:
        distance_bound: [...] any bound of this module.
        lipschitz: l, Lipschitz constant of L on the two flows, >= 0.

    Returns:
        [...] bound on the difference of the losses.
    """
    require_least("lipschitz", lipschitz, 0)
    lipschitz = as_float(lipschitz)
    return jnp.where(lipschitz > 0, lipschitz * distance_bound, 0)


def _quadratic(noise, least, cov, p, t, learning_rate, distance0):
    require_least("distance0", distance0, 0)
    limit = p * jnp.maximum(jnp.linalg.eigvalsh(cov)[0], 0)
    slow = jnp.maximum(least, 0)
    return noise * distance0 * _exp_difference(2 * learning_rate * t, slow, limit)


def _strongly_convex(whitened, cov, p, t, learning_rate, lipschitz, convexity):
    require_least("lipschitz", lipschitz, 0)
    require_positive("convexity", convexity)
    values = jnp.linalg.eigvalsh(cov)
    real = values > noise_floor(values)
    least = jnp.min(jnp.where(real, values, jnp.inf))
    rate = p * convexity * least
    driven = -jnp.expm1(-learning_rate * t * rate) / rate
    return jnp.sqrt(values[-1]) * whitened * lipschitz * driven


def _exp_difference(time, first, second):
    """Returns (e^{-time first} - e^{-time second}) / (second - first), or its limit."""
    slow, gap = jnp.minimum(first, second), jnp.abs(second - first)
    ratio = -jnp.expm1(-time * gap) / jnp.where(gap > 0, gap, 1)
    return jnp.exp(-time * slow) * jnp.where(gap > 0, ratio, time)


def _inverse_root(cov):
    """Returns Sigma^{-1/2} on Sigma's range."""
    values, vectors = jnp.linalg.eigh(cov)
    real = values > noise_floor(values)
    inverse = jnp.where(real, 1 / jnp.sqrt(jnp.where(real, values, 1)), 0)
    return (vectors * inverse) @ vectors.T


def _norm(matrix):
    return jnp.linalg.norm(matrix, ord=2, axis=(-2, -1))


def _matrix(number):
    """Returns the numbers with two more axes, to multiply matrices."""
    return number[..., None, None]


def _check(cov, p, t, learning_rate):
    """Returns cov, p and t as arrays."""
    cov = as_covariance("cov", cov)
    require_least("p", p, 1)
    require_least("t", t, 0)
    require_positive("learning_rate", learning_rate)
    return cov, as_float(p), as_float(t)
