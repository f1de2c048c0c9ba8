"""Laws along one axis: over time for each network, or over size at each time."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scaletime_jax.laws.law import Law, finish_law
from scaletime_jax.laws.resampling import resample_means, resamples_of
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.lines import Line, straight_line
from scaletime_jax.stats.robust_fit import IDENTIFIED, fit_from_grid, told_apart

NEWTON_STEPS = 8
LOG_WIDTHS = -5.0, 3.0


class Shape(NamedTuple):
    """A function of one variable x.

    Attributes:
        plateau: whether the function has a plateau; a function without one is fitted
            only to losses below the ceiling.
        log_loss: (parameters [batch, K], log x [points]) -> [batch, points] and its
            Jacobian [batch, points, K].
        starts: (log x [points], log loss [points]) -> [starts, K].
    """

    plateau: bool
    log_loss: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    starts: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))


def _grid(*choices) -> np.ndarray:
    return np.stack([axis.ravel() for axis in np.meshgrid(*choices)], axis=1)


def _power(parameters, x):
    """Log A, a."""
    value = parameters[:, :1] - parameters[:, 1:] * x
    return value, np.stack([np.ones_like(value), 0 * value - x], axis=2)


def _power_starts(x, y):
    line = straight_line(x, y) if np.ptp(x) > 0 else Line(0.0, float(y.mean()))
    return np.array([[line.intercept, -line.slope]])


def _broken(parameters, x):
    """Log a, log b, c0, c1, log d, log f."""
    floor, size, first, bend, place, width = parameters.T[:, :, None]
    width = np.exp(np.clip(width, *LOG_WIDTHS))
    z = (x - place) / width
    past, passed = _softplus(z), _sigmoid(z)
    above = size - first * x - bend * width * past
    value = np.logaddexp(floor, above)
    share = np.exp(above - value)
    slope = [1 - share, share, -x * share, -width * past * share]
    slope += [bend * passed * share, -bend * width * (past - z * passed) * share]
    return value, np.stack(slope, axis=2)


def _broken_starts(x, y):
    places = np.quantile(x, [0.2, 0.5, 0.8])
    grid = _grid(np.log([0.3, 0.9]), [0.0, 0.3], [0.3, 1.0], places, [-1.0, 0.0])
    starts = np.insert(grid, 1, 0.0, axis=1)
    starts[:, 0] = -50.0
    starts[:, 1] = (y - _broken(starts, x)[0]).mean(axis=1)
    starts[:, 0] = grid[:, 0] + y.min()
    return starts


def _sigmoidal(parameters, x):
    """Log L_inf, log H, log alpha, log beta H^(alpha - 1), log c; H = L_0 - L_inf."""
    floor, height, alpha, beta, fall = parameters.T[:, :, None]
    power, fall = np.exp(np.clip(alpha, -5, 5)), np.exp(np.clip(fall, -10, 2))
    goal = beta - fall * x
    # z = sigmoid(v): log z - power log(1 - z) = goal, which rises with v
    v = np.where(goal < 0, goal, goal / power)
    for _ in range(NEWTON_STEPS):
        z = _sigmoid(v)
        miss = power * _softplus(v) - _softplus(-v) - goal
        v = v - miss / (1 - z + power * z)
    z = _sigmoid(v)
    above = height - _softplus(-v)
    value = np.logaddexp(floor, above)
    share = np.exp(above - value)
    by_goal = share * (1 - z) / (1 - z + power * z)
    slope = [1 - share, share, -by_goal * power * _softplus(v)]
    slope += [by_goal, -by_goal * fall * x]
    return value, np.stack(slope, axis=2)


def _sigmoidal_starts(x, y):
    betas = np.array([-2.0, 0.0, 2.0, 5.0])
    grid = _grid(np.log([0.3, 0.9]), [0.0, 1.0], [-0.7, 0.7], betas, np.log([0.3, 1.0]))
    grid[:, 0] += y.min()
    grid[:, 1] += np.log(max(np.exp(y.max()) - 0.9 * np.exp(y.min()), 1e-12))
    return grid


POWER = Shape(False, _power, _power_starts)
BROKEN = Shape(True, _broken, _broken_starts)
SIGMOIDAL = Shape(True, _sigmoidal, _sigmoidal_starts)


def fit_along(curves: LearningCurves, axis: str, shape: Shape) -> Law:
    """Fits a function of one variable to each line of points along an axis.

    Args:
        curves: to fit.
        axis: 'epoch', one fit for each network, or 'num_params', one fit for each time
            and train size. The law predicts only at these networks, or at these times
            and train sizes.
        shape: the function.
    """
    resamples = resamples_of(curves).rows
    fitted, converged, identified = {}, True, True
    for key, x, mean in _lines(curves, axis, not shape.plateau):
        present = np.isfinite(mean).astype(float)
        centre = x.mean()

        def function(parameters, x=x - centre):
            return shape.log_loss(parameters, x)

        starts = shape.starts(x - centre, mean[0])
        if len(x) < starts.shape[1]:
            identified = False
            continue
        fits = fit_from_grid(function, starts, mean, present)
        told = told_apart(function, fits.parameters[0], present[0])
        converged &= bool(fits.converged[0])
        identified &= bool(told > IDENTIFIED)
        fitted[key] = centre, fits.parameters

    def log_loss(num_params, epoch, train_size, which):
        logs = np.full((len(range(resamples)[which]), len(num_params)), np.nan)
        x, others = (epoch, num_params) if axis == "epoch" else (num_params, epoch)
        for (other, size), (centre, parameters) in fitted.items():
            mine = np.isclose(others, other, rtol=1e-6) & (train_size == size)
            if mine.any():
                at = np.log(x[mine]) - centre
                logs[:, mine] = shape.log_loss(parameters[which], at)[0]
        return logs

    return finish_law(log_loss, curves, converged, identified and bool(fitted), {})


def _lines(curves: LearningCurves, axis: str, learned: bool = False):
    """Yields (other coordinate, train size), log x [points], logs [rows, points].

    No row leaves out the only line of a size.
    """
    there = curves.learned if learned else np.isfinite(curves.logs).any(axis=2)
    means = resample_means(curves)
    if axis == "epoch":
        for k, cell in enumerate(
            zip(curves.num_params, curves.train_size, strict=True)
        ):
            if there[k].any():
                mean = means[:, k, there[k]]
                if curves.units.number > 1:
                    mean = np.repeat(mean[:1], len(mean), axis=0)
                yield cell, np.log(curves.epoch[there[k]]), mean
        return
    for n in np.unique(curves.train_size):
        for k, epoch in enumerate(curves.epoch):
            kept = there[:, k] & (curves.train_size == n)
            if kept.any():
                yield (epoch, n), np.log(curves.num_params[kept]), means[:, kept, k]


def fit_no_change(curves: LearningCurves, axis: str) -> Law:
    """Predicts the last loss measured along the axis: the baseline for all laws."""
    resamples = resamples_of(curves).rows
    lines = {key: (x, last_known(mean)) for key, x, mean in _lines(curves, axis)}

    def log_loss(num_params, epoch, train_size, which):
        logs = np.full((len(range(resamples)[which]), len(num_params)), np.nan)
        x, others = (epoch, num_params) if axis == "epoch" else (num_params, epoch)
        for (other, size), (known, mean) in lines.items():
            mine = np.isclose(others, other, rtol=1e-6) & (train_size == size)
            at = np.searchsorted(known, np.log(x[mine]) + 1e-9) - 1
            logs[:, mine] = mean[which, np.maximum(at, 0)]
        return logs

    return finish_law(log_loss, curves, True, True, {})


def last_known(mean: np.ndarray) -> np.ndarray:
    """Returns [rows, points] with the last known value before each unknown one."""
    at = np.where(np.isfinite(mean), np.arange(mean.shape[1]), 0)
    return np.take_along_axis(mean, np.maximum.accumulate(at, axis=1), axis=1)


def fit_power(curves: LearningCurves, axis: str) -> Law:
    """Fits L = A x^-a: over size at fixed time [Kaplan et al. 2020], or over time."""
    return fit_along(curves, axis, POWER)


def fit_broken(curves: LearningCurves, axis: str) -> Law:
    """Fits a smoothly broken power law with one break [Caballero et al. 2023, Eq. 1].

    L = a + b x^-c0 (1 + (x / d)^{1/f})^{-c1 f}
    """
    return fit_along(curves, axis, BROKEN)


def fit_sigmoidal(curves: LearningCurves, axis: str) -> Law:
    """Fits M4: from a plateau to a power law [Alabdulmohsin et al. 2022, Eq. 5].

    (L - L_inf) / (L_0 - L)^alpha = beta x^-c
    """
    return fit_along(curves, axis, SIGMOIDAL)
