"""A straight line through measurements, some of which are bounds."""

from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

STEPS = 60
CONVERGED = 1e-9
# Least scatter, for points on an exact line.
LEAST_SCATTER = 1e-4
# Shares of Newton's step, of which the best is taken.
PARTS = np.array([1.0, 0.5, 0.2, 0.05, 0.01, 0.0])


class CensoredLine(NamedTuple):
    """y = constant + slope x + scatter z, z standard normal.

    Attributes:
        slope: [...] NaN if fewer than two different x have an exact y.
        constant: [...]
        scatter: [...] standard deviation about the line.
    """

    slope: np.ndarray
    constant: np.ndarray
    scatter: np.ndarray


def fit_censored_line(
    x: np.ndarray, y: np.ndarray, bound: np.ndarray, weights: np.ndarray
) -> CensoredLine:
    """Fits a batch of lines by maximum likelihood.

    The log likelihood is concave in 1 / scatter and (constant, slope) / scatter [Olsen
    1978], so Newton's method finds the maximum from any start.

    Args:
        x: [runs].
        y: [..., runs] measurements.
        bound: [..., runs] 0 where y is exact, 1 where y is a lower bound, -1 where y is
            an upper bound.
        weights: [..., runs] >= 0.
    """
    y, bound, weights = np.broadcast_arrays(y, bound, weights)
    shape, runs = y.shape[:-1], y.shape[-1]
    y, bound, weights = (v.reshape(-1, runs) for v in (y, bound, weights))
    centre, scale = x.mean(), max(np.std(x), 1e-12)
    rows = np.stack([np.ones(runs), (x - centre) / scale])
    exact = (bound == 0) & (weights > 0)
    known = _is_known(x, exact)
    y_centre = np.average(y, axis=1, weights=weights + 1e-12)[:, None]
    state = np.zeros((len(y), 3))
    state[:, 0] = 1 / np.maximum(np.std(y, axis=1), 0.1)
    for _ in range(STEPS):
        before = state
        state = _newton_step(before, rows, y - y_centre, bound, weights)
        if np.all(np.abs(state - before)[known] < CONVERGED * np.abs(state[known, :1])):
            break
    scatter = 1 / state[:, 0]
    slope = state[:, 2] * scatter / scale
    constant = state[:, 1] * scatter + y_centre[:, 0] - slope * centre
    slope, constant, scatter = (
        np.where(known, value, np.nan).reshape(shape)
        for value in (slope, constant, scatter)
    )
    return CensoredLine(slope, constant, scatter)


def _is_known(x: np.ndarray, exact: np.ndarray) -> np.ndarray:
    low = np.where(exact, x, np.inf).min(axis=1)
    high = np.where(exact, x, -np.inf).max(axis=1)
    return high > low


def _log_likelihood(state, rows, y, bound, weights) -> np.ndarray:
    left = state[..., :1] * y - state[..., 1:] @ rows  # standardised residual
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.log(state[..., :1]) - left**2 / 2
    each = np.where(bound == 0, exact, log_ndtr(-bound * left))
    return np.sum(np.where(weights > 0, weights * each, 0.0), axis=-1)


def _newton_step(state, rows, y, bound, weights) -> np.ndarray:
    left = state[:, :1] * y - state[:, 1:] @ rows
    # of log Phi(-bound left): its derivative in left is -bound ratio
    ratio = np.exp(-(left**2) / 2 - log_ndtr(-bound * left)) / np.sqrt(2 * np.pi)
    first = np.where(bound == 0, -left, -bound * ratio)
    curve = np.where(bound == 0, 1.0, ratio * (ratio - bound * left))
    design = np.concatenate(
        [y[:, None], np.broadcast_to(-rows, (len(y), *rows.shape))], axis=1
    )
    gradient = np.einsum("bkr,br->bk", design, weights * first)
    exact = np.sum(np.where(bound == 0, weights, 0.0), axis=1)
    gradient[:, 0] += exact / state[:, 0]
    hessian = np.einsum("bkr,blr,br->bkl", design, design, weights * curve)
    hessian[:, 0, 0] += exact / state[:, 0] ** 2
    hessian += 1e-10 * np.eye(3)
    move = np.linalg.solve(hessian, gradient[..., None])[..., 0]
    tried = state + PARTS[:, None, None] * move
    tried[..., 0] = np.clip(tried[..., 0], 1e-6, 1 / LEAST_SCATTER)
    gain = _log_likelihood(tried, rows, y, bound, weights)
    best = np.argmax(np.where(np.isfinite(gain), gain, -np.inf), axis=0)
    return tried[best, np.arange(len(state))]
