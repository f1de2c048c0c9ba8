"""The unified law fitted to measured curves, by non-negative least squares."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from scaletime_jax.arguments import (
    Values,
    require,
    require_least,
    require_positive,
)

RATES_PER_DECADE = 6
# After the first fit, errors are relative to the fit. Errors relative to noisy
# measurements would give low measurements the largest weights and bias the fit down.
REWEIGHTINGS = 3
# The ridges tried if there are several curves, so that one can be left out.
RIDGES = (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


class UnifiedLaw(NamedTuple):
    """The law with uncorrelated modes, fitted to measured curves.

    error^2(tau) = c + sum_k a_k e^{-2 lam_k tau} + b_k (1 - e^{-lam_k tau})^2 / lam_k

    Attributes:
        rates: [K] lam_k, which include the learning rate.
        offset: c >= 0.
        signal: [K] a_k >= 0.
        noise: [K] b_k >= 0.
        ridge: the chosen ridge on the weights.
    """

    rates: np.ndarray
    offset: float
    signal: np.ndarray
    noise: np.ndarray
    ridge: float

    def predict(self, progress: Values) -> np.ndarray:
        """Returns error^2 [...] at progress tau = p t [...]."""
        progress = np.asarray(progress, float)
        require_least("progress", progress, 0)
        weights = np.concatenate([[self.offset], self.signal, self.noise / self.rates])
        return (design_matrix(progress.ravel(), self.rates) @ weights).reshape(
            progress.shape
        )


def fit_unified_law(
    progress: Values,
    squared_error: Values,
    curves: Values | None = None,
    rates: Values | None = None,
    ridge: float | None = None,
) -> UnifiedLaw:
    """Fits the law by non-negative least squares of the relative error.

    On a fixed grid of rates the law is linear in its non-negative weights. Reweighting
    makes errors relative to the fit. The chosen ridge predicts left-out curves best.

    Args:
        progress: [N] tau = p t >= 0.
        squared_error: [N] measured error^2, > 0.
        curves: [N] the curve that each point belongs to. The points of a curve are left
            out together. One curve if None.
        rates: [K] the grid, > 0; if None six a decade over the range of the progress.
        ridge: ridge on the weights, relative to their fit. If None it is chosen from
            `RIDGES` by leaving out one curve at a time; for a single curve it is the
            smallest ridge above 0.

    Raises:
        InputError: shapes do not match, values are negative or not finite, or fewer
            than three points lie above progress 0.
    """
    progress = np.asarray(progress, float)
    error = np.asarray(squared_error, float)
    require(
        progress.ndim == 1 and progress.shape == error.shape,
        f"progress and squared_error must be vectors of one length, got shapes "
        f"{progress.shape} and {error.shape}.",
    )
    require(
        bool(np.isfinite(progress).all() and np.isfinite(error).all()),
        "progress and squared_error must be finite.",
    )
    require_least("progress", progress, 0)
    require_positive("squared_error", error)
    require(
        int(np.sum(progress > 0)) >= 3,
        "progress must have at least three points above 0.",
    )
    members = np.zeros(len(progress)) if curves is None else np.asarray(curves)
    require(
        members.shape == progress.shape,
        f"curves must have shape {progress.shape}, got {members.shape}.",
    )
    grid = _rate_grid(progress) if rates is None else np.asarray(rates, float)
    require_positive("rates", grid)
    if ridge is None:
        ridge = _choose_ridge(progress, error, members, grid)
    require_least("ridge", ridge, 0)
    return _fit(progress, error, grid, ridge)


def _rate_grid(progress: np.ndarray) -> np.ndarray:
    """Covers all modes from hardly begun at the end to complete at the start."""
    span = progress[progress > 0]
    low, high = np.log10([0.1 / span.max(), 10 / span.min()])
    return np.logspace(low, high, 1 + int(np.ceil((high - low) * RATES_PER_DECADE)))


def design_matrix(progress: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Returns [N, 1 + 2 K]: the constant, unlearned signals, learned noises.

    The columns of the noises lack the factor 1 / lam_k, which would spread the columns
    over decades.
    """
    exponent = progress[:, None] * rates
    constant = np.ones((len(progress), 1))
    return np.hstack([constant, np.exp(-2 * exponent), np.expm1(-exponent) ** 2])


def _fit(progress, error, rates, ridge) -> UnifiedLaw:
    design, scale = design_matrix(progress, rates), error
    size, count = design.shape[1], len(rates)
    # in units of the weights, so that the ridge has no unit
    penalty = np.sqrt(ridge * len(error)) / np.mean(error) * np.eye(size)
    for _ in range(1 + REWEIGHTINGS):
        rows = np.vstack([design / scale[:, None], penalty])
        goal = np.concatenate([error / scale, np.zeros(size)])
        weights, _ = nnls(rows, goal, maxiter=100 * size)
        scale = np.maximum(design @ weights, 1e-6 * error)
    signal, noise = weights[1 : count + 1], weights[count + 1 :] * rates
    return UnifiedLaw(rates, float(weights[0]), signal, noise, float(ridge))


def _choose_ridge(progress, error, members, rates) -> float:
    # the points that remain without a curve must be enough for a fit
    names = [n for n in np.unique(members) if np.sum(progress[members != n] > 0) >= 3]
    if len(names) < 2:
        return min(ridge for ridge in RIDGES if ridge > 0)
    scores = []
    for ridge in RIDGES:
        misses = []
        for name in names:
            out = members == name
            law = _fit(progress[~out], error[~out], rates, ridge)
            ratio = np.maximum(law.predict(progress[out]) / error[out], 1e-6)
            misses.append(np.mean(np.log(ratio) ** 2))
        scores.append(np.mean(misses))
    return RIDGES[int(np.argmin(scores))]
