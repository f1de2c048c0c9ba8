"""The random subspace model: flow, limit, Gram matrix and gradient descent.

A loss L depends on P parameters beta only through alpha = K beta in R^r, and p
parameters theta are trained, beta = R theta + beta_0 with R iid N(0, 1)
[BF24, Eq. 1-2]. With Sigma = K K^T and G = K R R^T K^T,

    alpha'(t) = -eta G grad L(alpha)     the model [BF24, Eq. 12]
    A'(s) = -eta Sigma grad L(A)         its limit, at progress s = p t [BF24, Eq. 3]

and only G, r x r, depends on p, so that no function but `parameter_flow` needs p or P
numbers. Use float64 (`jax_enable_x64`); in float32 counts of many steps are inexact,
and -1 beyond 2^30.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.experimental.ode import odeint
from jaxtyping import Array, Float, Int, Key, Real

from scaletime_jax.arguments import (
    Scalar,
    as_covariance,
    as_float,
    require,
    require_least,
    require_positive,
    require_shape,
)

LossGradient = Callable[[Float[Array, "r"]], Float[Array, "r"]]
RTOL, ATOL = 1e-10, 1e-12  # of the solver: about nine digits in float64


def sample_gram(
    key: Key[Array, ""], cov: Real[Array, "r r"], p: Scalar
) -> Float[Array, "r r"]:
    """Draws G = K R R^T K^T ~ Wishart_r(p, Sigma) in O(r^3), for any p and P.

    G = F A A^T F^T with F F^T = Sigma and the triangle A of Bartlett's decomposition,
    the LQ factor of r x p normals: A_ii^2 ~ chi^2_{p - i} (i from 0), with normals
    below the diagonal. For p < r the triangle has p columns, and G has rank p.

    Args:
        key: key of the draw.
        cov: [r, r] Sigma = K K^T, positive semi-definite.
        p: number of trained parameters, a whole number >= 1.

    Returns:
        [r, r] symmetric, positive semi-definite, with mean p Sigma.

    Raises:
        InputError: cov is not a covariance, p is below 1 or not whole.
    """
    cov = as_covariance("cov", cov)
    require_least("p", p, 1)
    p = as_float(p)
    require(p == jnp.floor(p), "p must be a whole number.")
    size, dtype = cov.shape[0], cov.dtype
    normal_key, chi_key = jax.random.split(key)
    freedom = p.astype(dtype) - jnp.arange(size, dtype=dtype)
    chi = jnp.sqrt(jax.random.chisquare(chi_key, jnp.maximum(freedom, 1), dtype=dtype))
    normals = jax.random.normal(normal_key, (size, size), dtype)
    triangle = jnp.tril(normals, -1) + jnp.diag(chi)
    triangle = jnp.where(freedom > 0, triangle, 0)  # column i exists if i < p
    values, vectors = jnp.linalg.eigh(cov)
    factor = vectors * jnp.sqrt(jnp.maximum(values, 0)) @ triangle
    return factor @ factor.T


def gradient_flow(
    loss_grad: LossGradient,
    gram: Real[Array, "r r"],
    alpha0: Real[Array, "r"],
    times: Real[Array, "times"],
    learning_rate: Scalar,
) -> Float[Array, "times r"]:
    """Solves alpha'(t) = -eta G grad L(alpha) [BF24, Eq. 12] by `odeint`.

    Args:
        loss_grad: grad L, [r] -> [r].
        gram: [r, r] G of one draw.
        alpha0: [r] at time 0.
        times: [times] >= 0, in increasing order.
        learning_rate: eta, > 0.

    Returns:
        [times, r] alpha at the times.

    Raises:
        InputError: shapes do not match, times are negative or out of order.
    """
    gram, alpha0 = _check_flow("gram", gram, alpha0, learning_rate)

    def velocity(alpha, t):
        return -learning_rate * (gram @ loss_grad(alpha))

    return _solve(velocity, alpha0, times, "times")


def limit_flow(
    loss_grad: LossGradient,
    cov: Real[Array, "r r"],
    alpha0: Real[Array, "r"],
    progress: Real[Array, "times"],
    learning_rate: Scalar,
) -> Float[Array, "times r"]:
    """Solves A'(s) = -eta Sigma grad L(A) [BF24, Eq. 3], which does not depend on p.

    Args:
        loss_grad: grad L, [r] -> [r].
        cov: [r, r] Sigma = K K^T.
        alpha0: [r] at progress 0.
        progress: [times] s = p t >= 0, in increasing order.
        learning_rate: eta, > 0.

    Returns:
        [times, r] A at the progress.

    Raises:
        InputError: cov is not a covariance, shapes do not match, progress is negative
            or out of order.
    """
    cov, alpha0 = _check_flow("cov", cov, alpha0, learning_rate)
    cov = as_covariance("cov", cov)

    def velocity(alpha, s):
        return -learning_rate * (cov @ loss_grad(alpha))

    return _solve(velocity, alpha0, progress, "progress")


def parameter_flow(
    loss_grad: LossGradient,
    projection: Real[Array, "r p"],
    offset: Real[Array, "r"],
    theta0: Real[Array, "p"],
    times: Real[Array, "times"],
    learning_rate: Scalar,
) -> Float[Array, "times p"]:
    """Solves the flow of all p parameters, theta' = -eta grad_theta L.

    With B = K R and b = K beta_0, theta'(t) = -eta B^T grad L(B theta + b).
    `gradient_flow` reduces this flow to r dimensions. The function is slow; it is for
    comparison.

    Args:
        loss_grad: grad L, [r] -> [r].
        projection: [r, p] B.
        offset: [r] b.
        theta0: [p] at time 0.
        times: [times] >= 0, in increasing order.
        learning_rate: eta, > 0.

    Returns:
        [times, p] theta at the times.

    Raises:
        InputError: shapes do not match, times are negative or out of order.
    """
    projection, offset, theta0 = map(as_float, (projection, offset, theta0))
    rows, columns = projection.shape
    require_shape("offset", offset, (rows,))
    require_shape("theta0", theta0, (columns,))
    require_positive("learning_rate", learning_rate)

    def velocity(theta, t):
        return -learning_rate * (projection.T @ loss_grad(projection @ theta + offset))

    return _solve(velocity, theta0, times, "times")


def quadratic_flow(
    gram: Real[Array, "r r"],
    alpha0: Real[Array, "r"],
    alpha_star: Real[Array, "r"],
    times: Real[Array, "*times"],
    learning_rate: Scalar,
) -> Float[Array, "*times r"]:
    """Returns alpha(t) for L = ||alpha - alpha*||^2, in closed form.

        alpha(t) = alpha* + exp(-2 eta G t) (alpha(0) - alpha*)

    by one eigendecomposition. With Sigma for G and p t for t the result is A(p t).

    Args:
        gram: [r, r] G, positive semi-definite.
        alpha0: [r] at time 0.
        alpha_star: [r] the minimum.
        times: [...] >= 0, in any order.
        learning_rate: eta, > 0.

    Returns:
        [..., r] alpha at the times.

    Raises:
        InputError: shapes do not match, times are negative.
    """
    gram, alpha0 = _check_flow("gram", gram, alpha0, learning_rate)
    require_shape("alpha_star", alpha_star, alpha0.shape)
    require_least("times", times, 0)
    rates, vectors = _spectrum(gram)
    distance = vectors.T @ (alpha0 - alpha_star)
    decay = jnp.exp(-2 * learning_rate * as_float(times)[..., None] * rates)
    return alpha_star + (decay * distance) @ vectors.T


def steps_to_loss(
    gram: Real[Array, "r r"],
    alpha0: Real[Array, "r"],
    alpha_star: Real[Array, "r"],
    learning_rate: Scalar,
    thresholds: Real[Array, "*thresholds"],
) -> Int[Array, "*thresholds"]:
    """Returns the least k with L <= threshold, for gradient descent on the quadratic.

    L = ||alpha - alpha*||^2 after k steps is sum_i (1 - 2 eta g_i)^{2k} d_i^2, where
    g_i are the eigenvalues of G and d_i the components of alpha(0) - alpha* along its
    eigenvectors. The least k is found by bisection over integers [BF24, C.2].

    Args:
        gram: [r, r] G, positive semi-definite.
        alpha0: [r] at step 0.
        alpha_star: [r] the minimum.
        learning_rate: eta, > 0.
        thresholds: [...] losses > 0.

    Returns:
        [...] steps; -1 if descent diverges (2 eta g_i > 2), or if the loss stays above
        the threshold, because directions outside the range of G are never learned.

    Raises:
        InputError: shapes do not match, thresholds are not above 0.
    """
    gram, alpha0 = _check_flow("gram", gram, alpha0, learning_rate)
    require_shape("alpha_star", alpha_star, alpha0.shape)
    require_positive("thresholds", thresholds)
    thresholds = as_float(thresholds)
    rates, vectors = _spectrum(gram)
    energy = (vectors.T @ (alpha0 - alpha_star)) ** 2
    moved = 2 * learning_rate * rates
    # log|1 - x|, to full precision for small x, with an arbitrary low floor at x = 1
    log_factor = jnp.log(jnp.where(moved > 1, moved - 1, 1))
    log_factor = jnp.where(moved < 1, jnp.log1p(-moved), log_factor)
    log_factor = jnp.where(moved == 1, -1e6, log_factor)

    def loss(steps):
        return jnp.exp(2 * steps.astype(energy.dtype)[..., None] * log_factor) @ energy

    def halve(bracket):
        low, high = bracket  # the loss is above at low, at or below at high
        middle = jnp.maximum(low + (high - low) // 2, 0)
        reached = loss(middle) <= thresholds
        return jnp.where(reached, low, middle), jnp.where(reached, middle, high)

    most = _steps_enough(log_factor, energy, thresholds)
    bracket = jnp.full_like(most, -1), most
    _, steps = jax.lax.while_loop(lambda b: jnp.any(b[1] - b[0] > 1), halve, bracket)
    fails = (loss(steps) > thresholds) | jnp.any(moved > 2)
    return jnp.where(fails, -1, steps)


def _steps_enough(log_factor, energy, thresholds):
    """Returns an upper bound on the steps to the threshold, if it is reachable.

    The learnable part of the loss falls at least as fast as the slowest mode.
    """
    learned = log_factor < 0
    slowest = jnp.max(jnp.where(learned, log_factor, -jnp.inf))
    floor = jnp.sum(jnp.where(learned, 0, energy))
    left = jnp.maximum(thresholds - floor, jnp.finfo(energy.dtype).tiny)
    excess = jnp.log(jnp.maximum(jnp.sum(energy) / left, 1))
    steps = 2 + 1.000001 * excess / (-2 * slowest)  # a margin for rounding
    limit = jnp.iinfo(jnp.asarray(0).dtype).max // 2
    return jnp.where(steps < limit, steps, limit).astype(jnp.asarray(0).dtype)


def _spectrum(gram):
    """Returns eigenvalues and eigenvectors; eigenvalues within rounding of 0 are 0."""
    values, vectors = jnp.linalg.eigh(gram)
    noise = gram.shape[0] * jnp.finfo(gram.dtype).eps * jnp.abs(values[-1])
    return jnp.where(values > noise, values, 0), vectors


def _check_flow(name: str, matrix, alpha0, learning_rate):
    """Returns matrix and alpha0 as arrays of matching shapes."""
    matrix, alpha0 = as_float(matrix), as_float(alpha0)
    require(alpha0.ndim == 1, f"alpha0 must be a vector, got shape {alpha0.shape}.")
    require_shape(name, matrix, (alpha0.size, alpha0.size))
    require_positive("learning_rate", learning_rate)
    return matrix, alpha0


def _solve(velocity, start, times, name: str):
    """Integrates from time 0 and returns the state at the times."""
    times = as_float(times)
    require(times.ndim == 1, f"{name} must be a vector, got shape {times.shape}.")
    require_least(name, times, 0)
    require(jnp.diff(times) >= 0, f"{name} must be in increasing order.")
    from_zero = jnp.concatenate([jnp.zeros(1, times.dtype), times])
    path = odeint(velocity, start, from_zero, rtol=RTOL, atol=ATOL)[1:]
    # odeint divides by the time since the start
    return jnp.where(times[:, None] > 0, path, start)
