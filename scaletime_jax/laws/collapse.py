"""The exponent at which curves of all sizes become one function of progress.

Progress is num_params^kappa x epochs. `studies.equivalence` judges the remainder of
the fit, and `laws.scale_time` predicts with the exponent.
"""

from typing import NamedTuple

import numpy as np

from scaletime_jax.laws.resampling import kept_units, resamples_of
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.lines import MIN_SIZES
from scaletime_jax.stats.local_exponents import simultaneous
from scaletime_jax.stats.mean_curve import functional_f_test

CLAIMED = 1 / 3  # [BF24, App. B]
KAPPAS = np.linspace(-0.5, 1.5, 201)
# Least share of a curve's time that overlaps with the curve of the next size.
MIN_OVERLAP = 0.25
# Of log loss where curves overlap: a standard deviation of 1%.
LEAST_VARIANCE = 1e-4
BLOCK = 32  # exponents tried at once: what fits a cache
WHOLE = 0.75


def best_kappas(curves: LearningCurves) -> np.ndarray:
    """Returns the exponent [1 + resamples] of the data and of resamples.

    NaN if the curves hardly overlap at any exponent, or a resample has no whole seed.
    """
    resamples = resamples_of(curves)
    if resamples.leaves_out:
        mean = curves._replace(logs=curves.mean[:, :, None])
        return np.array([_best_kappa(mean.where(kept)) for kept in kept_units(curves)])
    whole = _whole_seeds(curves)
    weights = resamples.weights[:, whole]
    known = weights.sum(axis=1) > 0
    found = np.full(len(weights), np.nan)
    if known[0] and len(curves.num_params) > 1:
        kappas, left, total = collapse_grams(keep_whole(curves), KAPPAS)
        if len(kappas) >= 3:
            found[known] = least_left(kappas, left, total, weights[known])
    return found


def _best_kappa(curves: LearningCurves) -> float:
    """Returns the exponent of one seed's curves, NaN for fewer than two."""
    if len(curves.num_params) < 2:
        return float("nan")
    kappas, left, total = collapse_grams(keep_whole(curves), KAPPAS)
    if len(kappas) < 3:
        return float("nan")
    return float(least_left(kappas, left, total, np.ones((1, 1)))[0])


def _whole_seeds(curves: LearningCurves) -> np.ndarray:
    """Returns which seeds [seeds] are present at all sizes and diverged at no size.

    A run that ended a little earlier than others is whole. A run that lacks a quarter
    of the times of another seed is not.
    """
    times = np.isfinite(curves.logs).sum(axis=1)
    return np.all(times >= WHOLE * times.max(axis=1, keepdims=True), axis=0)


def keep_whole(curves: LearningCurves) -> LearningCurves:
    """Returns the curves of the whole seeds, at the times that these seeds share."""
    logs = curves.logs[:, :, _whole_seeds(curves)]
    shared = np.isfinite(logs).all(axis=2, keepdims=True)
    return curves._replace(logs=np.where(shared, logs, np.nan))


def _shift(curves: LearningCurves, kappas: np.ndarray) -> np.ndarray:
    """Returns [kappas, sizes, places, seeds] over log progress, NaN where unknown."""
    time = np.log(curves.epoch)
    step, last = time[1] - time[0], len(time) - 1
    shift = kappas[:, None] * np.log(curves.num_params / curves.num_params[0])
    first = time[0] + shift.min(axis=1)
    longest = np.max(time[-1] + shift.max(axis=1) - first)
    # in steps: where each place lies on each curve's own grid
    start = (first[:, None] - time[0] - shift) / step
    at = start[:, :, None] + np.arange(1 + int(np.floor(longest / step + 1e-9)))
    below = np.floor(at + 1e-9).astype(int)
    part = np.clip(at - below, 0.0, 1.0)[..., None]
    inside = (below >= 0) & (at <= last + 1e-9)
    row = np.arange(len(curves.num_params))[:, None]
    left = curves.logs[row, np.clip(below, 0, last)]
    right = curves.logs[row, np.clip(below + 1, 0, last)]
    # at a place on the grid the neighbour has no weight, even if it is missing
    value = np.where(part > 1e-9, (1 - part) * left + part * right, left)
    return np.where(inside[..., None], value, np.nan)


def _residuals(
    shifted: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns the residuals of the curves where two or more overlap.

    Args:
        shifted: [kappas, sizes, places, seeds].

    Returns:
        Where two or more curves overlap, [kappas, sizes, places]; the values there, and
        the values less the mean over sizes at each place, both [kappas, sizes, places,
        seeds] and 0 elsewhere; and the degrees of freedom [kappas] of these residuals:
        points less places.
    """
    there = np.isfinite(shifted).all(axis=3)
    there &= there.sum(axis=1, keepdims=True) >= 2
    values = np.where(there[..., None], shifted, 0.0)
    count = there.sum(axis=1)
    mean = values.sum(axis=1) / np.maximum(count, 1)[..., None]
    rest = np.where(there[..., None], values - mean[:, None], 0.0)
    return there, values, rest, count.sum(axis=1) - (count > 0).sum(axis=1)


def _overlap(curves: LearningCurves, kappas: np.ndarray) -> np.ndarray:
    """Returns the least share of a size's time that overlaps with the next size."""
    recorded = np.isfinite(curves.logs).all(axis=2)
    time = np.log(curves.epoch)
    first = time[np.argmax(recorded, axis=1)]
    last = time[len(time) - 1 - np.argmax(recorded[:, ::-1], axis=1)]
    shift = kappas[:, None] * np.log(curves.num_params)
    starts, ends = first + shift, last + shift
    common = np.minimum(ends[:, 1:], ends[:, :-1])
    common -= np.maximum(starts[:, 1:], starts[:, :-1])
    shorter = np.minimum((last - first)[1:], (last - first)[:-1])
    return np.min(common / np.maximum(shorter, 1e-12), axis=1)


def collapse_grams(
    curves: LearningCurves, kappas: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns residual and total variance of curves, as quadratic forms in the seeds.

    With weights w on the seeds, w^T left w is the mean square of the residuals of the
    weighted mean curves, and w^T total w the variance of these curves, both over the
    places where two or more sizes overlap. One form serves every resample.

    Args:
        curves: one train size; all seeds have the same places.
        kappas: exponents.

    Returns:
        The kappas at which neighbouring sizes overlap enough; left [kappas, seeds,
        seeds]; and total, of the same shape.
    """
    kappas = kappas[_overlap(curves, kappas) >= MIN_OVERLAP]
    kept, left, total = [], [], []
    for first in range(0, len(kappas), BLOCK):
        block = kappas[first : first + BLOCK]
        there, values, rest, freedom = _residuals(_shift(curves, block))
        points = np.maximum(there.sum(axis=(1, 2)), 2)[:, None, None]
        mean = values.sum(axis=(1, 2))[:, None, None] / points[..., None]
        squares = _gram(np.where(there[..., None], values - mean, 0.0))
        varied = np.einsum("kss->k", squares / points) / curves.seeds
        # else the curves vary no more than by rounding and chance
        used = (freedom >= MIN_SIZES) & (varied >= LEAST_VARIANCE)
        kept += [*block[used]]
        left += [*(_gram(rest) / np.maximum(freedom, 1)[:, None, None])[used]]
        total += [*(squares / (points - 1))[used]]
    return np.array(kept), np.array(left), np.array(total)


def _gram(values: np.ndarray) -> np.ndarray:
    """Returns [kappas, seeds, seeds] products, summed over sizes and places."""
    flat = values.reshape(len(values), -1, values.shape[-1])
    return np.swapaxes(flat, 1, 2) @ flat


def least_left(
    kappas: np.ndarray, left: np.ndarray, total: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Returns the kappa of the least residual share [resamples], by row of weights."""
    shares = np.einsum("bs,kst,bt->bk", weights, left, weights)
    shares /= np.einsum("bs,kst,bt->bk", weights, total, weights)
    at = np.argmin(shares, axis=1)
    inner = np.clip(at, 1, len(kappas) - 2)
    row = np.arange(len(weights))
    low, mid, high = (shares[row, inner + offset] for offset in (-1, 0, 1))
    bend = low - 2 * mid + high
    move = np.where(bend > 0, (low - high) / (2 * np.where(bend > 0, bend, 1)), 0.0)
    step = kappas[1] - kappas[0]
    fine = kappas[inner] + np.clip(move, -1, 1) * step
    return np.where(at == inner, fine, kappas[at])


class PairKappas(NamedTuple):
    """The exponent at which the curves of two neighbouring sizes coincide.

    Attributes:
        num_params: [pairs] geometric mean of the two sizes.
        values: [pairs] NaN where two curves hardly overlap at the best exponent.
        intervals: [pairs, 2] simultaneous 95% intervals; NaN where there is no value;
            None for fewer than two whole seeds.
    """

    num_params: np.ndarray
    values: np.ndarray
    intervals: np.ndarray | None


def pair_kappas(curves: LearningCurves) -> PairKappas:
    """Returns the exponents of neighbouring sizes.

    Args:
        curves: one train size; all seeds have the same places.
    """
    seeds, sizes = curves.seeds, curves.num_params
    leave_one_out = (1 - np.eye(seeds)) / max(seeds - 1, 1)
    weights = np.vstack([np.full(seeds, 1 / seeds), leave_one_out])
    if seeds < 2:
        weights = weights[:1]
    found = np.full((len(sizes) - 1, len(weights)), np.nan)
    for pair in range(len(sizes) - 1):
        two = curves._replace(
            num_params=sizes[pair : pair + 2],
            train_size=curves.train_size[pair : pair + 2],
            logs=curves.logs[pair : pair + 2],
        )
        kappas, left, total = collapse_grams(two, KAPPAS)
        if len(kappas) >= 3:
            best = least_left(kappas, left, total, weights)
            inside = kappas[0] < best[0] < kappas[-1]
            found[pair] = best if inside else np.nan
    between = np.sqrt(sizes[1:] * sizes[:-1])
    if seeds < 2:
        return PairKappas(between, found[:, 0], None)
    intervals = np.full((len(sizes) - 1, 2), np.nan)
    known = np.isfinite(found).all(axis=1)
    if known.any():
        intervals[known] = simultaneous(found[known, 0], found[known, 1:].T)
    return PairKappas(between, found[:, 0], intervals)


class Remainder(NamedTuple):
    """The residual of the mean curves about one common function.

    Attributes:
        error: root mean square of the residual of log loss, after subtracting the mean
            square expected by chance.
        in_spreads: error in units of the standard deviation over seeds (the root of a
            mean variance); below 0 where the residual is smaller than expected by
            chance.
        p_value: probability of a residual at least as large by chance alone.
    """

    error: float
    in_spreads: Estimate
    p_value: float


def remaining_error(curves: LearningCurves, kappa: float) -> Remainder:
    """Returns the residual of the curves at one exponent.

    The interval of `in_spreads` is from the jackknife of the squared error, in units of
    the mean variance over seeds; its ends are the roots of that interval's ends. The
    uncertainty of the variance over seeds is not included.

    Args:
        curves: one train size, three or more seeds, all with the same places.
        kappa: the exponent.
    """
    there, values, rest, freedom = (
        each[0] for each in _residuals(_shift(curves, np.array([kappa])))
    )
    values, rest = values[there], rest[there]

    def square(rest):
        seeds = rest.shape[1]
        # products of different seeds keep only the part that the seeds share
        products = np.sum(rest.sum(axis=1) ** 2) - np.sum(rest**2)
        return products / (seeds * (seeds - 1)) / freedom

    unit = max(float(np.mean(np.var(values, axis=1, ddof=1))), 1e-18)
    found = jackknife(lambda each: square(each) / unit, rest)
    ends = [np.sign(each) * np.sqrt(abs(each)) for each in found.interval or ()]
    value = None if found.value is None else float(np.sqrt(max(found.value, 0.0)))
    interval = (float(ends[0]), float(ends[1])) if ends else None
    return Remainder(
        float(np.sqrt(max(square(rest), 0.0))),
        Estimate(value, interval, found.freedom),
        functional_f_test(rest),
    )
