"""Steps of gradient descent to a loss against size, in the linear model [BF24, C.2]."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.stats.lines import (
    MIN_SIZES,
    LineFit,
    describe_fit,
    fit_columns,
    fit_line,
)
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.theory.random_subspace import sample_gram, steps_to_loss

NAME = "linear_tradeoff"
TITLE = (
    "Figure 1: steps of gradient descent to a loss against size, in the linear model"
)
CAPTION = (
    "Draws steps against size, one panel for each list of curves. Darker curves have a "
    "smaller threshold; bands are one s.e.m. over trials; grey dashes are lines of 1:1 "
    "exchange. Open circles are sizes at which a step overshoots. Sizes at which a "
    "trial never reached the loss are left out."
)
LARGE_SIZES = tuple(10**power for power in range(1, 10))


class Options(NamedTuple):
    """Options of the study.

    Attributes:
        sizes: numbers of parameters p of the paper's panel, ascending.
        large_sizes: numbers of parameters p of the other panel, ascending.
        thresholds: losses to reach, descending, one curve for each.
        learning_rate: learning rate of gradient descent in the paper's panel.
        rank: number r of dimensions that the loss depends on.
        ambient: dimension P of the large model.
        seeds: one seed for each trial, for all its random numbers.
    """

    sizes: Sequence[int] = (10, 20, 50, 100, 200, 300, 500, 700, 900)
    large_sizes: Sequence[int] = LARGE_SIZES
    thresholds: Sequence[float] = (1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
    learning_rate: float = 1e-6
    rank: int = 3
    ambient: int = 1000
    seeds: Sequence[int] = (101, 102, 103, 104, 105)


class StepCurve(NamedTuple):
    """The steps to one loss.

    Attributes:
        threshold: the loss.
        learning_rate: learning rate of gradient descent.
        sizes: [sizes] p.
        steps: [sizes, trials], -1 where the loss was never reached.
        mean: [sizes] mean over trials, NaN where a trial never reached the loss.
        sem: [sizes] standard error of the mean, 0 for a single trial.
        smooth: [sizes] whether no trial overshoots in any direction, 2 eta g_i <= 1.
            Descent that overshoots is no longer near a flow.
        fit: line of the mean on log axes through the smooth sizes; None if fewer than
            three of these sizes have a mean.
        fit_large: line through the smooth sizes with p >= 10 r, where G is within about
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

    @property
    def never_reached(self) -> int:
        """Number of trials, over all sizes, that never reached the loss."""
        return int((self.steps < 0).sum())


def study(options: Options) -> Result:
    """Returns steps against size, at the paper's sizes and far beyond them.

    Args:
        options: options of the study.
    """
    # 2 eta p P = 0.2 at the largest p; steps overshoot above 1 and diverge above 2
    large_rate = 0.1 / (options.large_sizes[-1] * options.ambient)
    panels = {
        "paper": _make_panel(options, options.sizes, options.learning_rate),
        "large": _make_panel(options, options.large_sizes, large_rate),
    }
    summary = {
        name: [_summarise(curve) for curve in curves] for name, curves in panels.items()
    }
    return Result(
        NAME,
        TITLE,
        CAPTION,
        [],
        {name: _points(curves) for name, curves in panels.items()},
        {"panels": summary},
        {"panels": list(panels.values())},
        [_describe(curve) for curves in panels.values() for curve in curves],
    )


def _make_panel(
    options: Options, sizes: Sequence[int], learning_rate: float
) -> list[StepCurve]:
    """Returns a curve for each threshold."""
    steps, largest = count_steps(
        options.seeds,
        sizes,
        options.thresholds,
        learning_rate,
        options.rank,
        options.ambient,
    )
    return make_step_curves(
        steps, largest, sizes, options.thresholds, learning_rate, options.rank
    )


def _summarise(curve: StepCurve) -> dict:
    return {
        "learning_rate": curve.learning_rate,
        "threshold": curve.threshold,
        **fit_columns(curve.fit),
        "from_10_r": fit_columns(curve.fit_large),
        "sizes_fitted": curve.sizes[curve.smooth].tolist(),
        "never_reached": curve.never_reached,
    }


def _describe(curve: StepCurve) -> str:
    return (
        f"p {curve.sizes[0]:g} to {curve.sizes[-1]:g}, loss {curve.threshold:g}: "
        f"{describe_fit(curve.fit)}; from p = 10 r on {describe_fit(curve.fit_large)}; "
        f"{curve.never_reached} of {curve.steps.size} trials never reached the loss"
    )


def _points(curves: Sequence[StepCurve]) -> list[dict]:
    """Returns the plotted points."""
    return [
        row
        for curve in curves
        for row in rows(
            p=curve.sizes,
            threshold=curve.threshold,
            steps_mean=curve.mean,
            steps_sem=curve.sem,
            smooth=curve.smooth,
        )
    ]


def count_steps(
    seeds: Sequence[int],
    sizes: Sequence[int],
    thresholds: Sequence[float],
    learning_rate: float,
    rank: int = 3,
    ambient: int = 1000,
) -> tuple[np.ndarray, np.ndarray]:
    """Counts descent steps on ||K (R theta + beta_0) - alpha*||^2 [BF24, Eq. 44].

    K, R, beta_0, alpha* and theta(0) are iid N(0, 1). K, beta_0 and alpha* depend on
    the seed, R and theta(0) on seed and size. R itself is not drawn, only the Gram
    matrix G of K R, and K R theta(0), which is N(0, G) given G.

    Args:
        seeds: seeds of the trials.
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
    """Returns a curve for each threshold from the result of `count_steps`."""
    p, smooth, curves = np.array(sizes), np.all(largest <= 1, axis=1), []
    for number, threshold in enumerate(thresholds):
        mine = steps[..., number]
        reached, trials = (mine >= 0).all(axis=1), mine.shape[1]
        mean = np.where(reached, mine.mean(axis=1), np.nan)
        sem = mine.std(axis=1, ddof=1) / np.sqrt(trials) if trials > 1 else 0 * mean
        sem = np.where(reached, sem, np.nan)
        usable = smooth & (mine > 0).all(axis=1)  # a line on log axes
        curves.append(
            StepCurve(
                threshold,
                learning_rate,
                p,
                mine,
                mean,
                sem,
                smooth,
                _fit(p, mine, usable),
                _fit(p, mine, usable & (p >= 10 * rank)),
            )
        )
    return curves


def _fit(sizes: np.ndarray, steps: np.ndarray, usable: np.ndarray) -> LineFit | None:
    if usable.sum() < MIN_SIZES:
        return None
    return fit_line(sizes[usable].astype(float), steps[usable])
