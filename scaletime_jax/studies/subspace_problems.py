"""The losses of the study of the random subspace model."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

POINTS = 30  # of the logistic regression


class Problem(NamedTuple):
    """A loss on R^r, with the constants that the bounds need.

    Attributes:
        name: name in words.
        loss_grad: grad L, [r] -> [r].
        alpha0: [r] start of the flows.
        minimum: [r] if L = ||alpha - minimum||^2, else None.
        lipschitz: l, Lipschitz constant of L on both flows, which only descend.
        smoothness: h, Lipschitz constant of grad L.
        convexity: mu, constant of strong convexity.
    """

    name: str
    loss_grad: Callable[[Array], Array]
    alpha0: Float[Array, "r"]
    minimum: Float[Array, "r"] | None
    lipschitz: float
    smoothness: float
    convexity: float


class Problems(NamedTuple):
    """Two losses that share Sigma.

    Attributes:
        cov: [r, r] Sigma = K K^T.
        quadratic: ||alpha - alpha*||^2.
        logistic: logistic regression with a ridge.
    """

    cov: Float[Array, "r r"]
    quadratic: Problem
    logistic: Problem


def make_problems(seed: int, rank: int, ambient: int, ridge: float) -> Problems:
    """Draws K, the start of the flows, and the data of the losses.

    Args:
        seed: seed of the draw.
        rank: r.
        ambient: P, the dimension of the large model.
        ridge: ridge of the logistic regression.
    """
    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), seed), 5)
    k = jax.random.normal(keys[0], (rank, ambient))
    start = k @ jax.random.normal(keys[1], (ambient,))
    star = jax.random.normal(keys[2], (rank,))
    inputs = jax.random.normal(keys[3], (POINTS, rank))
    signs = jnp.sign(inputs @ star + jax.random.normal(keys[4], (POINTS,)))
    near = start / jnp.linalg.norm(start)
    return Problems(
        k @ k.T,
        make_quadratic(start, star),
        make_logistic(inputs, signs, ridge, 3 * near),
    )


def make_quadratic(alpha0: Array, minimum: Array) -> Problem:
    """Returns L = ||alpha - minimum||^2; its flows stay within ||alpha0 - minimum||."""
    reach = float(jnp.linalg.norm(alpha0 - minimum))
    return Problem(
        "quadratic",
        lambda alpha: 2 * (alpha - minimum),
        alpha0,
        minimum,
        lipschitz=2 * reach,
        smoothness=2.0,
        convexity=2.0,
    )


def make_logistic(inputs: Array, signs: Array, ridge: float, alpha0: Array) -> Problem:
    """Returns L = mean_j log(1 + exp(-y_j x_j alpha)) + (ridge / 2) ||alpha||^2.

    L falls along the flows, so (ridge / 2) ||alpha||^2 <= L(alpha0), which bounds the
    gradient.

    Args:
        inputs: [n, r] x_j.
        signs: [n] y_j, -1 or 1.
        ridge: mu, > 0.
        alpha0: [r] start of the flows.
    """

    def loss(alpha):
        margins = signs * (inputs @ alpha)
        return jnp.mean(jax.nn.softplus(-margins)) + ridge / 2 * alpha @ alpha

    reach = jnp.sqrt(2 * loss(alpha0) / ridge)
    steepest = jnp.mean(jnp.linalg.norm(inputs, axis=1))
    curvature = jnp.linalg.eigvalsh(inputs.T @ inputs)[-1] / (4 * len(inputs))
    return Problem(
        "logistic with ridge",
        jax.grad(loss),
        alpha0,
        None,
        lipschitz=float(steepest + ridge * reach),
        smoothness=float(curvature + ridge),
        convexity=ridge,
    )
