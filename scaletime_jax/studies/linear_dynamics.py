"""What the exact linear model predicts: error over time, over data, over size."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.theory.linear_model import expected_squared_error, flow_parameters
from scaletime_jax.theory.random_subspace import quadratic_flow, sample_gram


class Trajectory(NamedTuple):
    """Two parameters, one learned fast and one slowly, under a noise profile.

    Attributes:
        name: of the profile.
        times: [times] in units of the fast mode's.
        path: [times, 2] theta(t), from zero.
        teacher: [2] w.
        error: [times] ||theta(t) - w||^2.
    """

    name: str
    times: np.ndarray
    path: np.ndarray
    teacher: np.ndarray
    error: np.ndarray

    @property
    def turns(self) -> list[str]:
        """Which way the error goes, in order: 'falls', 'rises'."""
        steps = np.diff(self.error)
        signs = np.sign(steps[np.abs(steps) > 1e-6 * self.error.max()])
        words = ["rises" if sign > 0 else "falls" for sign in signs]
        return [word for word, _ in itertools.groupby(words)]


class DataCurve(NamedTuple):
    """Expected error against the number of training points, at one time.

    Attributes:
        time: of the flow; infinity is the least-norm fit.
        train_sizes: [sizes] n.
        median: [sizes] over draws of the inputs: at n = m the mean does not exist.
        low: [sizes] their lower quartile.
        high: [sizes] their upper quartile.
    """

    time: float
    train_sizes: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


class SizeTimeCurve(NamedTuple):
    """Error of the random subspace model along p at fixed t, or along t at fixed p.

    Attributes:
        fixed: 'p' or 't'.
        value: of what is fixed.
        progress: [points] p t.
        mean: [points] error over draws of R.
        sem: [points] its standard error.
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


# Noise, as the error it leaves in each parameter: of the fast one and of the slow one.
PROFILES = {
    "no noise": (0.0, 0.0),
    "noise first: double descent": (1.3, 0.0),
    "noise last": (0.0, 1.3),
    "noise throughout": (0.9, 0.9),
}
TEACHER = (1.0, 1.2)
SINGULAR_VALUES = (1.0, 0.05)


def make_trajectories(times: np.ndarray) -> list[Trajectory]:
    """Returns the flow of two modes for each of `PROFILES` [BF24, Fig. 4]."""
    inputs, teacher = jnp.diag(jnp.array(SINGULAR_VALUES)), jnp.array(TEACHER)
    trajectories = []
    for name, noise in PROFILES.items():
        targets = inputs @ (teacher + jnp.array(noise))
        path = flow_parameters(inputs, targets, jnp.array(times), 1.0)
        error = jnp.sum((path - teacher) ** 2, axis=1)
        arrays = (np.asarray(each) for each in (times, path, teacher, error))
        trajectories.append(Trajectory(name, *arrays))
    return trajectories


def make_data_curves(
    train_sizes: Sequence[int],
    dim: int,
    noise: float,
    times: Sequence[float],
    draws: int,
    seed: int,
) -> list[DataCurve]:
    """Returns error against n for x, w ~ N(0, I) and w / sqrt(m), noise N(0, noise^2).

    Only the singular values are random then: E[S S^T] = I / m, and E[N N^T] = noise^2
    on the modes that there are [BF24, Eq. 9].

    Args:
        train_sizes: n.
        dim: m.
        noise: standard deviation of the targets' noise.
        times: of the flow.
        draws: of the inputs, for each n.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    values = np.zeros((len(train_sizes), draws, dim))
    for row, n in zip(values, train_sizes, strict=True):
        row[:, : min(n, dim)] = np.linalg.svd(
            rng.normal(size=(draws, n, dim)), compute_uv=False
        )

    def error(singular_values):
        present = (singular_values > 0).astype(singular_values.dtype)
        moments = jnp.eye(dim) / dim, noise**2 * jnp.diag(present)
        return expected_squared_error(jnp.array(times), singular_values, *moments, 1.0)

    errors = np.asarray(jax.jit(jax.vmap(jax.vmap(error)))(values))
    quartiles = np.quantile(errors, [0.5, 0.25, 0.75], axis=1)
    sizes = np.array(train_sizes)
    return [DataCurve(time, sizes, *quartiles[..., i]) for i, time in enumerate(times)]


class Regression(NamedTuple):
    """A linear regression as the random subspace model sees it: alpha = X beta in R^n.

    Attributes:
        cov: [n, n] Sigma = X X^T.
        clean: [n] the teacher's outputs X w.
        targets: [n] with noise.
    """

    cov: jax.Array
    clean: jax.Array
    targets: jax.Array


def make_regression(seed: int, modes: int = 10, slow_rate: float = 1e-3) -> Regression:
    """Returns as many fast and noisy modes as slow and clean ones.

    Every fast mode has signal 1 and noise 1.2, every slow one signal 1.2, with random
    signs: the error falls, rises as the noise is learned, and falls with the slow
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
) -> list[SizeTimeCurve]:
    """Sets error against p at fixed t beside error against t at fixed p.

    The loss is ||alpha - targets||^2 / 2, the error mean (alpha - clean)^2, that of
    fresh targets at the same points less their noise.

    Args:
        problem: cov, clean outputs and targets.
        sizes: p along a curve of fixed t.
        progress: [points] p t along a curve of fixed p.
        fixed_sizes: p of the latter.
        fixed_times: t of the former.
        draws: of R at each p.
        seed: of the draws.
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
    by_size = np.stack([of_draws(jnp.asarray(p), when) for p in sizes], axis=1)
    for i, t in enumerate(fixed_times):
        curves.append(curve("t", t, by_size[..., i], np.array(sizes) * t))
    for p in fixed_sizes:
        errors = np.asarray(of_draws(jnp.asarray(p), jnp.asarray(progress / p)))
        curves.append(curve("p", p, errors, progress))
    return curves
