"""Laws for repeated data: a loss that rises again, and data that lose their value."""

import itertools

import numpy as np

from scaletime_jax.laws.law import (
    MOST,
    Law,
    Targets,
    finish_law,
    make_targets,
    no_law,
)
from scaletime_jax.laws.power_laws import LOG_EXPONENTS, Terms
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.robust_fit import (
    IDENTIFIED,
    fit_from_grid,
    told_apart,
)

# h = A N^-a + B T^-b + C N^g R^t D^-d: each power of a variable has its own exponent.
OVERFITTING = Terms(np.array([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, -1, -1, 1]]))
NOTHING = -700.0  # log of a term that is left out
LOG_REPEATS = -5.0, 10.0
FLOORS = (0.3, 0.9)  # E to start from, as a share of the lowest loss
HEIGHT = 1.2  # L0 to start from, as a multiple of the highest loss
OVERFITTING_STARTS = ((0.3, 0.8), (0.3, 0.8), (0.3, 1.0), (0.5, 1.5), (0.5, 1.0))
SATURATION_STARTS = ((0.3, 0.8), (0.3, 0.8), (5.0, 20.0))
STEP = 1e-5  # of a numerical derivative


def fit_overfitting(curves: LearningCurves) -> Law:
    """Fits L = E + (L0 - E) h / (1 + h), which can rise with time and size.

        h = A N^-a + B T^-b + C N^g R^t D^-d

    with T the examples seen, D the distinct examples and R = T / D. The third term is
    overfitting, and L0 bounds the loss. The form is [arXiv 2605.09189] with R^t for the
    time at which data are repeated. All train sizes are fitted at once. If the logs
    lack the train size, data are not repeated as far as is known, and the law predicts
    nothing.

    Args:
        curves: of several sizes and times.
    """
    if np.any(curves.train_size <= 0):
        return no_law(curves)
    targets = make_targets(curves, True)
    if len(targets.epoch) <= 2 + sum(OVERFITTING.powers.shape):
        return no_law(curves)

    def variables(num_params, epoch, train_size):
        seen = epoch * train_size
        return np.log(
            np.stack([num_params, seen, num_params, epoch, train_size], axis=1)
        )

    centre = _at(variables, targets).mean(axis=0)
    logs = _at(variables, targets) - centre
    starts = _overfitting_starts(logs, targets.mean[0])

    def function(parameters, logs=logs):
        return overfitting_log_loss(parameters, logs)

    return _finish(
        curves,
        targets,
        function,
        starts,
        lambda *at: variables(*at) - centre,
        ("E", "L0 - E", "A", "B", "C", "a", "b", "g", "t", "d"),
    )


def overfitting_log_loss(
    parameters: np.ndarray, logs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns log L [batch, points] and its Jacobian [batch, points, parameters].

    Args:
        parameters: [batch, 10] log E, log (L0 - E), log A, B, C, and logs of the
            exponents a, b, g, t, d.
        logs: [points, 5] of N, T, N, R, D.
    """
    floor, height = parameters[:, :1], parameters[:, 1:2]
    inner = np.concatenate([np.full_like(floor, NOTHING), parameters[:, 2:]], axis=1)
    log_h, slope = OVERFITTING.log_loss(inner, logs)
    above = height - np.logaddexp(0.0, -log_h)
    value = np.logaddexp(floor, above)
    share = np.exp(above - value)
    by_h = share / (1 + np.exp(np.clip(log_h, -500, 500)))
    first = np.stack([1 - share, share], axis=2)
    return value, np.concatenate([first, by_h[:, :, None] * slope[:, :, 1:]], axis=2)


def _overfitting_starts(logs: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Returns [starts, parameters]: a grid of exponents, the best A, B, C for each."""
    losses, made = np.exp(goal), []
    for exponents in itertools.product(*OVERFITTING_STARTS):
        columns = np.exp(-logs @ (OVERFITTING.powers * np.array(exponents)).T)
        for share in FLOORS:
            floor = share * losses.min()
            height = HEIGHT * losses.max() - floor
            part = (losses - floor) / height
            h = part / (1 - part)
            size, *_ = np.linalg.lstsq(
                columns / h[:, None], np.ones(len(goal)), rcond=None
            )
            least = 1e-3 * h.min() / columns.max(axis=0)
            amplitudes = np.log(np.maximum(size, least))
            made.append(
                [np.log(floor), np.log(height), *amplitudes, *np.log(exponents)]
            )
    return np.array(made)


def fit_saturation(curves: LearningCurves) -> Law:
    """Fits L = E + A N^-a + B D'^-b with data that lose their value by repetition.

        D' = U + U r (1 - exp(-R / r)),  U = min(T, D),  R = max(T / D - 1, 0)

    [Muennighoff et al. 2023, Eq. 5 and 11], with T the examples seen, D the distinct
    examples and r the number of repetitions after which the value has fallen to 1 / e.
    Their effective number of parameters is left out. If the logs lack the train size,
    the law predicts nothing.

    Args:
        curves: of several sizes and times.
    """
    if np.any(curves.train_size <= 0):
        return no_law(curves)
    targets = make_targets(curves, True)
    if len(targets.epoch) <= 6:
        return no_law(curves)

    def variables(num_params, epoch, train_size):
        unique = np.minimum(epoch, 1.0) * train_size
        repeats = np.maximum(epoch - 1.0, 0.0)
        return np.stack([np.log(num_params), np.log(unique), repeats], axis=1)

    centre = np.append(_at(variables, targets)[:, :2].mean(axis=0), 0.0)
    points = _at(variables, targets) - centre
    starts = _saturation_starts(points, targets.mean[0])

    def function(parameters, points=points):
        return saturation_log_loss(parameters, points)

    names = "E", "A", "B", "a", "b", "r"
    return _finish(
        curves, targets, function, starts, lambda *at: variables(*at) - centre, names
    )


def saturation_log_loss(
    parameters: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns log L [batch, points] and its Jacobian [batch, points, parameters].

    Args:
        parameters: [batch, 6] log E, log A, log B, log a, log b, log r.
        points: [points, 3] log N, log U, R.
    """
    floor, of_size, of_data, log_a, log_b, log_r = parameters.T[:, :, None]
    a, b = (np.exp(np.clip(each, *LOG_EXPONENTS)) for each in (log_a, log_b))
    r = np.exp(np.clip(log_r, *LOG_REPEATS))
    size, unique, repeats = points.T
    spent = repeats / r
    used = -np.expm1(-spent)  # 1 - exp(-R / r)
    data = unique + np.log1p(r * used)
    terms = np.stack(np.broadcast_arrays(floor, of_size - a * size, of_data - b * data))
    value = np.logaddexp.reduce(terms)
    share = np.exp(terms - value)
    by_rate = -b * share[2] * r * (used - spent * np.exp(-spent)) / (1 + r * used)
    slope = [*share, -a * size * share[1], -b * data * share[2], by_rate]
    return value, np.stack(slope, axis=2)


def _saturation_starts(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    losses, made = np.exp(goal), []
    size, unique, repeats = points.T
    for a, b, rate in itertools.product(*SATURATION_STARTS):
        data = unique + np.log1p(-rate * np.expm1(-repeats / rate))
        columns = np.exp(-np.stack([a * size, b * data], axis=1))
        for share in FLOORS:
            floor = share * losses.min()
            above = losses - floor
            size_of, *_ = np.linalg.lstsq(
                columns / above[:, None], np.ones(len(goal)), rcond=None
            )
            least = losses.min() * 1e-3 / columns.max(axis=0)
            amplitudes = np.log(np.maximum(size_of, least))
            made.append([np.log(floor), *amplitudes, *np.log([a, b, rate])])
    return np.array(made)


def _at(variables, targets: Targets) -> np.ndarray:
    return variables(targets.num_params, targets.epoch, targets.train_size)


def _finish(
    curves: LearningCurves,
    targets: Targets,
    function,
    starts: np.ndarray,
    variables,
    names: tuple[str, ...],
) -> Law:
    """Fits a function of the variables and returns the law."""
    fits = fit_from_grid(function, starts, targets.mean, targets.weight)
    best = fits.parameters

    def log_loss(num_params, epoch, train_size, which):
        return function(best[which], variables(num_params, epoch, train_size))[0]

    told = told_apart(function, best[0], targets.weight[0])
    values = map(float, np.exp(np.minimum(best[0], MOST)))
    return finish_law(
        log_loss,
        curves,
        converged=bool(fits.converged[0]),
        identified=bool(told > IDENTIFIED),
        parameters=dict(zip(names, values, strict=True)),
    )
