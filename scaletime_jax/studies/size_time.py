"""The random subspace model of a linear regression, over size and time."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.theory.random_subspace import quadratic_flow, sample_gram
from scaletime_jax.track import Track, quiet


class SizeTimeCurve(NamedTuple):
    """Error of the random subspace model along p at fixed t, or along t at fixed p.

    Attributes:
        fixed: 'p' or 't'.
        value: value of the fixed variable.
        progress: [points] p t.
        mean: [points] mean error over draws of R.
        sem: [points] standard error of the mean.
        limit: [points] error of the limit flow at p t.
    """

    fixed: str
    value: float
    progress: np.ndarray
    mean: np.ndarray
    sem: np.ndarray
    limit: np.ndarray

    @property
    def deviation(self) -> float:
        """Largest |log10(error / limit)| on the curve."""
        return float(np.max(np.abs(np.log10(self.mean / self.limit))))


class Regression(NamedTuple):
    """A linear regression as the random subspace model sees it: alpha = X beta in R^n.

    Attributes:
        cov: [n, n] Sigma = X X^T.
        clean: [n] the teacher's outputs X w.
        targets: [n] outputs with noise.
    """

    cov: jax.Array
    clean: jax.Array
    targets: jax.Array


def make_regression(seed: int, modes: int = 10, slow_rate: float = 1e-3) -> Regression:
    """Returns a regression with equally many fast, noisy and slow, clean modes.

    Every fast mode has signal 1 and noise 1.2, every slow mode has signal 1.2, with
    random signs: the error falls, rises as noise is learned, and falls with the slow
        signal.
    """
    rng = np.random.default_rng(seed)
    u = np.linalg.qr(rng.normal(size=(2 * modes, 2 * modes)))[0]
    rates = np.repeat([1.0, slow_rate], modes)
    signs = rng.choice([-1.0, 1.0], size=(2, 2 * modes))
    clean = u @ (np.repeat([1.0, 1.2], modes) * signs[0])
    noise = u @ (np.repeat([1.2, 0.0], modes) * signs[1])
    cov = (u * rates) @ u.T
    return Regression(*map(jnp.asarray, ((cov + cov.T) / 2, clean, clean + noise)))


def make_size_time_curves(
    problem: Regression,
    sizes: Sequence[int],
    progress: np.ndarray,
    fixed_sizes: Sequence[int],
    fixed_times: Sequence[float],
    draws: int,
    seed: int,
    track: Track = quiet,
) -> list[SizeTimeCurve]:
    """Returns the error against p at fixed t, and against t at fixed p.

    The loss is ||alpha - targets||^2 / 2. The error is mean (alpha - clean)^2, which is
    the error on fresh targets at the same points less their noise.

    Args:
        problem: cov, clean outputs and targets.
        sizes: p along a curve of fixed t.
        progress: [points] p t along a curve of fixed p.
        fixed_sizes: p of the curves of fixed p.
        fixed_times: t of the curves of fixed t.
        draws: number of draws of R at each p.
        seed: seed of the draws.
        track: shows the progress.
    """

    def error(gram, when):
        zero = jnp.zeros_like(problem.targets)
        alpha = quadratic_flow(gram, zero, problem.targets, when, 0.5)
        return jnp.mean((alpha - problem.clean) ** 2, axis=-1)

    @jax.jit
    def of_draws(p, when):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), p), draws)
        return jax.vmap(lambda key: error(sample_gram(key, problem.cov, p), when))(keys)

    def curve(fixed, value, errors, reached):
        mean = errors.mean(axis=0)
        sem = errors.std(axis=0, ddof=1) / np.sqrt(draws)
        limit = np.asarray(error(problem.cov, jnp.asarray(reached)))
        return SizeTimeCurve(fixed, value, reached, mean, sem, limit)

    curves = []
    when = jnp.array(fixed_times)
    of_sizes = [
        np.asarray(of_draws(jnp.asarray(p), when)) for p in track(sizes, "sizes")
    ]
    by_size = np.stack(of_sizes, axis=1)
    for i, t in enumerate(fixed_times):
        curves.append(curve("t", t, by_size[..., i], np.array(sizes) * t))
    for p in fixed_sizes:
        errors = np.asarray(of_draws(jnp.asarray(p), jnp.asarray(progress / p)))
        curves.append(curve("p", p, errors, progress))
    return curves
