"""Laws in which size and time are one product."""

import numpy as np
from scipy.optimize import nnls

from scaletime_jax.laws.collapse import CLAIMED, KAPPAS, best_kappas
from scaletime_jax.laws.law import (
    Law,
    by_train_size,
    finish_law,
    make_targets,
    no_law,
)
from scaletime_jax.laws.resampling import resample_means
from scaletime_jax.laws.unified_law import design_matrix, fit_unified_law
from scaletime_jax.runs.learning_curves import LearningCurves

MIN_POINTS = 3


def fit_scale_time(curves: LearningCurves) -> Law:
    """Fits L(p, t) = L(p0, (p / p0) t) for sizes p, p0 and time t [BF24, C.5].

    p is num_params^(1/3); p0 is the nearest size that was trained until (p / p0) t. The
    law has no fitted parameter. It predicts nothing beyond the largest measured
    progress p t.
    """
    return by_train_size(curves, lambda each: _shift_by(each, None))


def fit_scale_time_kappa(curves: LearningCurves) -> Law:
    """Fits the scale-time law with p = num_params^kappa, kappa fitted to the curves.

    kappa is the exponent at which the curves coincide, found as in `equivalence` for
    each resample of the seeds.
    """

    def fit(each: LearningCurves) -> Law:
        return _shift_by(each, best_kappas(each))

    return by_train_size(curves, fit)


def _shift_by(curves: LearningCurves, kappas: np.ndarray | None) -> Law:
    mean = resample_means(curves)
    found = kappas is not None and bool(KAPPAS[1] < kappas[0] < KAPPAS[-2])
    each = np.full(len(mean), CLAIMED) if kappas is None else kappas
    time, sizes = np.log(curves.epoch), np.log(curves.num_params)

    def shifted(num_params, epoch, which, own: bool):
        chosen, kappa = mean[which], each[which, None]
        logs = np.full((len(chosen), len(num_params)), np.nan)
        ratios = np.log(num_params)[:, None] - sizes  # [points, sources]
        nearest = np.argsort(np.abs(ratios), axis=1, kind="stable")
        for source in nearest.T:
            ratio = np.take_along_axis(ratios, source[:, None], axis=1)[:, 0]
            value = _between(time, chosen, source, np.log(epoch) + kappa * ratio)
            value = np.where(own | (np.abs(ratio) > 1e-9), value, np.nan)
            logs = np.where(np.isfinite(logs), logs, value)
            if np.isfinite(logs).all():
                break
        return logs

    return finish_law(
        lambda n, t, _, which: shifted(n, t, which, own=True),
        curves,
        converged=True,
        identified=kappas is None or found,
        parameters={"kappa": float(each[0])},
        held_out=lambda n, t, _, which: shifted(n, t, which, own=False),
    )


def _between(
    time: np.ndarray, curves: np.ndarray, source: np.ndarray, at: np.ndarray
) -> np.ndarray:
    """Returns the curves [batch, points] of the sources [points] at their own times.

    Args:
        time: [times] log epoch, evenly spaced.
        curves: [batch, sources, times].
        source: [points] index of a curve.
        at: [batch, points] log epoch.
    """
    step = time[1] - time[0]
    with np.errstate(invalid="ignore"):
        place = (at - time[0]) / step
        inside = (place >= -1e-9) & (place <= len(time) - 1 + 1e-9)
    place = np.where(inside, place, 0.0)
    below = np.clip(np.floor(place + 1e-9).astype(int), 0, len(time) - 1)
    part = np.clip(place - below, 0.0, 1.0)
    row = np.arange(len(curves))[:, None]
    left = curves[row, source, below]
    right = curves[row, source, np.minimum(below + 1, len(time) - 1)]
    value = np.where(part > 1e-9, (1 - part) * left + part * right, left)
    return np.where(inside, value, np.nan)


def fit_unified(curves: LearningCurves) -> Law:
    """Fits the unified law of p t by non-negative least squares [BF24, Eq. 10].

    Resamples keep the modes and the ridge of the fit to the data, and fit only the
    weights of these modes.
    """
    return by_train_size(curves, _fit_modes)


def _fit_modes(curves: LearningCurves) -> Law:
    targets = make_targets(curves)
    if len(targets.epoch) < MIN_POINTS:
        return no_law(curves)
    progress = np.cbrt(targets.num_params) * targets.epoch
    law = fit_unified_law(progress, np.exp(targets.mean[0]), targets.num_params)
    weights = np.concatenate([[law.offset], law.signal, law.noise / law.rates])
    chosen = np.flatnonzero(weights > 0)

    def columns(progress):
        return design_matrix(progress, law.rates)[:, chosen]

    design = columns(progress)
    fitted = design @ weights[chosen]
    # relative errors about the fit: a small change of log loss is a relative error
    moved = np.where(targets.weight > 0, targets.mean - targets.mean[0], 0.0)
    ridge = law.ridge * len(progress) / np.mean(np.exp(targets.mean[0])) ** 2
    rows = design / fitted[:, None]
    most = (ridge + 1e-10 * np.sum(rows**2)) * np.eye(len(chosen))

    def refit(moved, kept):
        normal = (rows * kept[:, None]).T @ rows + most
        root = np.linalg.cholesky(normal)
        goal = np.linalg.solve(root, normal @ weights[chosen] + rows.T @ moved)
        return _non_negative(root.T, goal)

    if targets.own is None:
        everything = np.ones(len(progress))
        each = np.stack([refit(each, everything) for each in moved])
    else:
        # the fit balances the residuals of all sizes; without one the others move it
        rest = targets.mean[0] - np.log(fitted)
        each = np.stack([refit((kept - 1) * rest, kept) for kept in targets.weight])

    def log_loss(num_params, epoch, train_size, which):
        loss = each[which] @ columns(np.cbrt(num_params) * epoch).T
        return np.log(np.maximum(loss, 1e-300))

    parameters = {"offset": law.offset, "modes": float(len(chosen)), "ridge": law.ridge}
    return finish_law(log_loss, curves, True, True, parameters)


def _non_negative(matrix: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Returns the least-squares weights >= 0, NaN where the solver fails."""
    try:
        return nnls(matrix, goal, maxiter=100 * len(goal))[0]
    except RuntimeError:  # rounding makes some modes indistinguishable
        return np.full(len(goal), np.nan)
