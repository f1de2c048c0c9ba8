"""Steps of gradient descent to a loss against size, in the linear model [BF24, C.2]."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.stats.lines import MIN_SIZES, LineFit, fit_line
from scaletime_jax.theory.random_subspace import sample_gram, steps_to_loss


class StepCurve(NamedTuple):
    """The steps to one loss.

    Attributes:
        threshold: the loss.
        learning_rate: of gradient descent.
        sizes: [sizes] p.
        steps: [sizes, trials], -1 where the loss was never reached.
        mean: [sizes] over trials, NaN where one of them never got there.
        sem: [sizes] its standard error, 0 for a single trial.
        smooth: [sizes] whether no trial overshoots in any direction, 2 eta g_i <= 1:
            where descent does, it is no longer near a flow.
        fit: its line on log axes through the smooth sizes; None if every trial got
            there at fewer than three of them.
        fit_large: likewise, through those with p >= 10 r, where G is within some
            sqrt(r / p) of its mean.
    """

    threshold: float
    learning_rate: float
    sizes: np.ndarray
    steps: np.ndarray
    mean: np.ndarray
    sem: np.ndarray
    smooth: np.ndarray
    fit: LineFit | None
    fit_large: LineFit | None


def count_steps(
    seeds: Sequence[int],
    sizes: Sequence[int],
    thresholds: Sequence[float],
    learning_rate: float,
    rank: int = 3,
    ambient: int = 1000,
) -> tuple[np.ndarray, np.ndarray]:
    """Counts descent's steps on ||K (R theta + beta_0) - alpha*||^2 [BF24, Eq. 44].

    K, R, beta_0, alpha* and theta(0) are iid N(0, 1). K, beta_0 and alpha* depend on
    the seed, R and theta(0) on seed and size. Of R only the Gram matrix is drawn, and K
    R theta(0), which given it is N(0, G).

    Args:
        seeds: of the trials.
        sizes: numbers of parameters p, >= 1.
        thresholds: losses > 0.
        learning_rate: eta, > 0.
        rank: r.
        ambient: P.

    Returns:
        [sizes, trials, thresholds] steps, -1 where the loss is never reached, and
        [sizes, trials] 2 eta times G's largest eigenvalue.
    """

    def trial(seed, size):
        key = jax.random.fold_in(jax.random.key(0), seed)
        k_key, offset_key, star_key, size_key = jax.random.split(key, 4)
        r_key, theta_key = jax.random.split(jax.random.fold_in(size_key, size))
        k = jax.random.normal(k_key, (rank, ambient))
        gram = sample_gram(r_key, k @ k.T, size)
        values, vectors = jnp.linalg.eigh(gram)
        normals = jax.random.normal(theta_key, (rank,))
        start = vectors @ (jnp.sqrt(jnp.maximum(values, 0)) * normals)
        start += k @ jax.random.normal(offset_key, (ambient,))
        star = jax.random.normal(star_key, (rank,))
        steps = steps_to_loss(gram, start, star, learning_rate, jnp.array(thresholds))
        return steps, 2 * learning_rate * values[-1]

    trials = jax.jit(jax.vmap(jax.vmap(trial, (0, None)), (None, 0)))
    steps, largest = trials(jnp.array(seeds), jnp.array(sizes))
    return np.asarray(steps), np.asarray(largest)


def make_step_curves(
    steps: np.ndarray,
    largest: np.ndarray,
    sizes: Sequence[int],
    thresholds: Sequence[float],
    learning_rate: float,
    rank: int = 3,
) -> list[StepCurve]:
    """Returns a curve for each threshold from what `count_steps` returns."""
    p, smooth, curves = np.array(sizes), np.all(largest <= 1, axis=1), []
    for number, threshold in enumerate(thresholds):
        mine = steps[..., number]
        reached, trials = (mine >= 0).all(axis=1), mine.shape[1]
        mean = np.where(reached, mine.mean(axis=1), np.nan)
        sem = mine.std(axis=1, ddof=1) / np.sqrt(trials) if trials > 1 else 0 * mean
        sem = np.where(reached, sem, np.nan)
        usable = smooth & (mine > 0).all(axis=1)  # a line on log axes
        fits = _fit(p, mine, usable), _fit(p, mine, usable & (p >= 10 * rank))
        setting = threshold, learning_rate, p
        curves.append(StepCurve(*setting, mine, mean, sem, smooth, *fits))
    return curves


def _fit(sizes: np.ndarray, steps: np.ndarray, usable: np.ndarray) -> LineFit | None:
    if usable.sum() < MIN_SIZES:
        return None
    return fit_line(sizes[usable].astype(float), steps[usable])
