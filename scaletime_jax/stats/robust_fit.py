"""Least squares with a Huber loss, for a batch of fits of one function."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Log errors above this value count linearly, not by their square.
HUBER = 0.05
STEPS = 100
# Fits to resamples start at the fit to the data, so they need few steps.
RESAMPLE_STEPS = 12
# Relative decrease of the loss, three times in a row, at which a fit has converged.
SMALL = 1e-6
DAMPING = 1e-3, 1e-12, 1e12  # first, smallest and largest damping
TINY = 1e-300
# Least value of `told_apart` for identified parameters.
IDENTIFIED = 1e-4

# [batch, parameters] -> [batch, points] and its Jacobian [batch, points, parameters].
Function = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class Fits(NamedTuple):
    """The results of a batch of fits.

    Attributes:
        parameters: [batch, parameters].
        loss: [batch] mean Huber loss.
        converged: [batch] whether the fit has converged.
    """

    parameters: np.ndarray
    loss: np.ndarray
    converged: np.ndarray


def huber(rest: np.ndarray) -> np.ndarray:
    """Returns r^2 / 2 up to HUBER, and a linear function beyond."""
    size = np.abs(rest)
    return np.where(size <= HUBER, rest**2 / 2, HUBER * (size - HUBER / 2))


def fit_robust(
    function: Function,
    starts: np.ndarray,
    goal: np.ndarray,
    weight: np.ndarray,
    steps: int = STEPS,
) -> Fits:
    """Minimises the mean Huber loss of function(parameters) - goal for a batch.

    The method is Levenberg and Marquardt's on reweighted squares. Every fit of the
    batch has its own damping.

    Args:
        function: values with their Jacobian, independent for each row of the batch.
        starts: [batch, parameters].
        goal: [batch, points].
        weight: [batch, points] >= 0; the goal may be NaN where the weight is 0.
        steps: largest number of steps.
    """
    goal = np.where(weight > 0, goal, 0.0)
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), TINY)

    def loss_of(rest):
        loss = np.sum(weight * huber(rest), axis=1)
        return np.where(np.isfinite(loss), loss, np.inf)

    parameters = np.array(starts, float)
    values, slope = function(parameters)
    rest = values - goal
    loss = loss_of(rest)
    damping = np.full(len(parameters), DAMPING[0])
    quiet = np.zeros(len(parameters), int)
    for _ in range(steps):
        tried = parameters - _step(rest, slope, weight, damping)
        values, tried_slope = function(tried)
        tried_rest = values - goal
        tried_loss = loss_of(tried_rest)
        better = tried_loss < loss
        gain = np.where(better, loss, 0.0) - np.where(better, tried_loss, 0.0)
        quiet = np.where(gain <= SMALL * loss + TINY, quiet + 1, 0)
        parameters = np.where(better[:, None], tried, parameters)
        rest = np.where(better[:, None], tried_rest, rest)
        slope = np.where(better[:, None, None], tried_slope, slope)
        loss = np.where(better, tried_loss, loss)
        damping = np.clip(damping * np.where(better, 0.2, 5.0), *DAMPING[1:])
        if np.all(quiet >= 3):
            break
    return Fits(parameters, loss, (quiet >= 3) & np.isfinite(loss))


def _step(rest, slope, weight, damping) -> np.ndarray:
    """Returns the damped Gauss-Newton step [batch, parameters]."""
    pull = weight * np.minimum(1.0, HUBER / np.maximum(np.abs(rest), TINY))
    pulled = np.swapaxes(slope * pull[:, :, None], 1, 2)
    square = pulled @ slope
    gradient = (pulled @ rest[:, :, None])[:, :, 0]
    size = np.einsum("bkk->bk", square)
    eye = np.eye(slope.shape[2])
    square = square + ((damping[:, None] + 1e-12) * size + 1e-15)[:, :, None] * eye
    usable = np.isfinite(square).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1)
    square = np.where(usable[:, None, None], square, eye)
    gradient = np.where(usable[:, None], gradient, 0.0)
    return np.linalg.solve(square, gradient[:, :, None])[:, :, 0]


def fit_from_grid(
    function: Function,
    starts: np.ndarray,
    goal: np.ndarray,
    weight: np.ndarray,
    keep: int = 8,
) -> Fits:
    """Fits data from many starts, then fits resamples from the fit to the data.

    Args:
        function: as in `fit_robust`.
        starts: [starts, parameters].
        goal: [resamples, points], the data in the first row.
        weight: [resamples, points].
        keep: number of the best starts whose fits are completed.
    """
    mine = np.where(weight[:1] > 0, goal[:1], 0.0)
    at_start = np.sum(weight[:1] * huber(function(starts)[0] - mine), axis=1)
    order = np.argsort(np.nan_to_num(at_start, nan=np.inf))[:keep]
    many = np.repeat(goal[:1], len(order), axis=0)
    first = fit_robust(
        function, starts[order], many, np.repeat(weight[:1], len(order), axis=0)
    )
    best = int(np.argmin(first.loss))
    if len(goal) == 1:
        return Fits(*(each[best : best + 1] for each in first))
    again = np.repeat(first.parameters[best][None], len(goal) - 1, axis=0)
    rest = fit_robust(function, again, goal[1:], weight[1:], RESAMPLE_STEPS)
    return Fits(
        *(
            np.concatenate([one[best : best + 1], others])
            for one, others in zip(first, rest, strict=True)
        )
    )


def told_apart(function: Function, parameters: np.ndarray, weight: np.ndarray) -> float:
    """Returns a distance of the parameters' effects from collinearity, from 0 to 1.

    The distance is the least singular value of the Jacobian with columns of length 1.
    Near 0, some combination of parameters has no effect on the fitted points.

    Args:
        function: as in `fit_robust`.
        parameters: [parameters].
        weight: [points].
    """
    slope = function(parameters[None])[1][0][weight > 0]
    if len(slope) <= len(parameters) or not np.isfinite(slope).all():
        return 0.0
    length = np.linalg.norm(slope, axis=0)
    if np.any(length < 1e-9 * max(length.max(), TINY)):
        return 0.0
    return float(np.linalg.svd(slope / length, compute_uv=False)[-1])
