"""The exact linear model: error over time, over data and over size."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.studies.result import Result, rows
from scaletime_jax.studies.size_time import (
    SizeTimeCurve,
    make_regression,
    make_size_time_curves,
)
from scaletime_jax.theory.linear_model import expected_squared_error, flow_parameters
from scaletime_jax.track import Track, quiet

NAME = "linear_dynamics"
TITLE = (
    "Figure 4: loss and parameters over time under noise, and double descent three ways"
)
CAPTION = (
    "a: the error over time without label noise, and with noise on the mode that is "
    "learned first, last, or on both. b: the same four paths of the parameters, from "
    "the start (open circle) to the end (dot). c: the expected error over the number "
    "of training points, one colour for each training time; bands are one s.e.m. over "
    "draws. d: the error of the random subspace model over size times time, along size "
    "at two times and along time at two sizes, beside the limit of large models."
)
# Training points n of panel c, dense near the number of parameters.
TRAIN_SIZES = (5, 10, 20, 30, 40, 45, 48, 50, 52, 55, 60, 70, 80, 100, 150, 200)
FIXED_SIZES, FIXED_TIMES = (100, 10_000), (1e-3, 1e-1)  # of panel d


class Options(NamedTuple):
    """Options of the study.

    Attributes:
        dim: parameters m of panel c.
        train_sizes: training points n of panel c, ascending.
        noise: standard deviation of panel c's targets.
        times: t of panel c; infinity gives the least-norm fit.
        sizes: p of panel d at fixed time, ascending.
        draws: number of draws for each point: of inputs in panel c, of R in panel d.
        seed: seed of the draws.
    """

    dim: int = 50
    train_sizes: Sequence[int] = TRAIN_SIZES
    noise: float = 0.5
    times: Sequence[float] = (0.1, 1.0, 10.0, np.inf)
    sizes: Sequence[int] = (30, 100, 300, 1000, 3000, 10**4, 10**5, 10**6)
    draws: int = 200
    seed: int = 101


class Trajectory(NamedTuple):
    """A fast and a slow parameter under a noise profile.

    Attributes:
        name: name of the profile.
        times: [times] in units of the fast mode's time.
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
        """The directions of the error in order: 'falls', 'rises'."""
        steps = np.diff(self.error)
        signs = np.sign(steps[np.abs(steps) > 1e-6 * self.error.max()])
        words = ["rises" if sign > 0 else "falls" for sign in signs]
        return [word for word, _ in itertools.groupby(words)]


class DataCurve(NamedTuple):
    """Expected error against the number of training points, at one time.

    Attributes:
        time: time of the flow; infinity gives the least-norm fit.
        train_sizes: [sizes] n.
        median: [sizes] median over draws of the inputs; at n = m no mean exists.
        low: [sizes] lower quartile over draws.
        high: [sizes] upper quartile over draws.
    """

    time: float
    train_sizes: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def peak(self) -> int:
        """The number of training points with the largest error."""
        return int(self.train_sizes[np.argmax(self.median)])


def study(options: Options, track: Track = quiet) -> Result:
    """Returns error over time under noise, over data, and over size and time.

    Args:
        options: options of the study.
        track: shows the progress.
    """
    trajectories = make_trajectories(np.geomspace(1e-2, 1e5, 141))
    data_curves = make_data_curves(
        options.train_sizes,
        options.dim,
        options.noise,
        options.times,
        options.draws,
        options.seed,
        track,
    )
    size_time_curves = make_size_time_curves(
        make_regression(options.seed),
        options.sizes,
        np.geomspace(1e-2, 1e5, 29),
        FIXED_SIZES,
        FIXED_TIMES,
        options.draws,
        options.seed,
        track,
    )
    tables = {
        "trajectories": _path_points(trajectories),
        "data": [row for each in data_curves for row in rows(**each._asdict())],
        "size-time": [
            row for each in size_time_curves for row in rows(**each._asdict())
        ],
    }
    summary = {
        "error_over_time": {each.name: each.turns for each in trajectories},
        "train_size_of_largest_error": {f"{e.time:g}": e.peak for e in data_curves},
        "size_time": [_summarise(curve) for curve in size_time_curves],
    }
    figure = {
        "trajectories": trajectories,
        "data_curves": data_curves,
        "size_time_curves": size_time_curves,
    }
    notes = [
        *(f"{each.name}: the error {', '.join(each.turns)}" for each in trajectories),
        *(
            f"t = {each.time:g}: the largest error is at n = {each.peak} "
            f"(m = {options.dim})"
            for each in data_curves
        ),
        *(
            f"{each.fixed} = {each.value:g}: error within a factor of "
            f"{10**each.deviation:.3f} of the limit at p t"
            for each in size_time_curves
        ),
    ]
    return Result(NAME, TITLE, CAPTION, [], tables, summary, figure, notes)


def _summarise(curve: SizeTimeCurve) -> dict:
    return {
        "fixed": curve.fixed,
        "value": curve.value,
        "largest_log10_deviation": curve.deviation,
    }


def _path_points(trajectories: Sequence[Trajectory]) -> list[dict]:
    """Returns the plotted points of errors and paths."""
    return [
        row
        for each in trajectories
        for row in rows(
            profile=each.name,
            t=each.times,
            theta_1=each.path[:, 0],
            theta_2=each.path[:, 1],
            error=each.error,
        )
    ]


# Noise as the error that it leaves in the fast and in the slow parameter.
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
        trajectories.append(
            Trajectory(
                name,
                times,
                np.asarray(path),
                np.asarray(teacher),
                np.asarray(error),
            )
        )
    return trajectories


def make_data_curves(
    train_sizes: Sequence[int],
    dim: int,
    noise: float,
    times: Sequence[float],
    draws: int,
    seed: int,
    track: Track = quiet,
) -> list[DataCurve]:
    """Returns error against n for x, w ~ N(0, I) and w / sqrt(m), noise N(0, noise^2).

    Then only the singular values are random: E[S S^T] = I / m, and E[N N^T] = noise^2
    on the existing modes [BF24, Eq. 9].

    Args:
        train_sizes: n.
        dim: m.
        noise: standard deviation of the targets' noise.
        times: times of the flow.
        draws: number of draws of the inputs, for each n.
        seed: seed of the draws.
        track: shows the progress.
    """
    rng = np.random.default_rng(seed)
    values = np.zeros((len(train_sizes), draws, dim))
    pairs = [*zip(values, train_sizes, strict=True)]
    for row, n in track(pairs, "train sizes"):
        row[:, : min(n, dim)] = np.linalg.svd(
            rng.normal(size=(draws, n, dim)), compute_uv=False
        )

    def error(singular_values):
        present = (singular_values > 0).astype(singular_values.dtype)
        return expected_squared_error(
            jnp.array(times),
            singular_values,
            jnp.eye(dim) / dim,
            noise**2 * jnp.diag(present),
            1.0,
        )

    errors = np.asarray(jax.jit(jax.vmap(jax.vmap(error)))(values))
    quartiles = np.quantile(errors, [0.5, 0.25, 0.75], axis=1)
    sizes = np.array(train_sizes)
    return [DataCurve(time, sizes, *quartiles[..., i]) for i, time in enumerate(times)]
