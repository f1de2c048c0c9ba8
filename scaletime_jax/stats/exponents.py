"""Exponents of power laws, their ranges, and the regime of a loss."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from scaletime_jax.arguments import require, require_positive
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.lines import log_line
from scaletime_jax.stats.local_exponents import bend_of, is_straight
from scaletime_jax.stats.robust_fit import IDENTIFIED, told_apart
from scaletime_jax.words import count_of

MIN_POINTS = 4
# Largest distance from 1 of the exponent of a variance.
NEAR_ONE = 0.05
# Least share of the limit in a loss at which the limit dominates.
LIMIT_RULES = 0.5
FREE_EXPONENTS = 0.01, 10.0


class PowerLaw(NamedTuple):
    """L = offset + coefficient * size^-exponent.

    Attributes:
        exponent: exponent with its interval over draws.
        coefficient: None without a fit.
        offset: 0 if no offset was fitted.
        sizes: smallest and largest size fitted.
        warning: reason not to rely on exponent or offset; None without a reason.
    """

    exponent: Estimate
    coefficient: float | None
    offset: Estimate
    sizes: tuple[float, float]
    warning: str | None


def fit_power_law(
    sizes: np.ndarray, losses: np.ndarray, with_offset: bool = False
) -> PowerLaw:
    """Fits a power law to means over draws.

    Without an offset the fit is a straight line of log loss against log size. With an
    offset

        sum_i ((offset + coefficient x_i^-exponent) / L_i - 1)^2,  offset >= 0,

    is minimised. The problem is linear in offset and coefficient for each exponent, so
    only the exponent is searched for. Intervals are from `jackknife` over draws.

    Args:
        sizes: [sizes] > 0.
        losses: [sizes, draws], the same draws at all sizes; a single draw gives no
            interval.
        with_offset: whether L may tend to a limit above 0.

    Raises:
        InputError: shapes do not match, sizes are not positive.
    """
    sizes, losses = _check(sizes, losses)
    span = float(sizes.min()), float(sizes.max())
    if len(np.unique(sizes)) < (3 + with_offset):
        return no_fit(sizes, "no fit: too few sizes")
    if not np.all(losses.mean(axis=1) > 0):
        return no_fit(sizes, "no fit: losses are not above 0")
    if not with_offset:
        exponent = jackknife(lambda each: -log_line(sizes, each).slope, losses)
        log_coefficient = log_line(sizes, losses).intercept
        return PowerLaw(
            exponent, float(np.exp(log_coefficient)), Estimate(0.0, None), span, None
        )
    exponent = jackknife(lambda each: _offset_fit(sizes, each)[0], losses)
    offset = jackknife(lambda each: _offset_fit(sizes, each)[2], losses)
    fitted = _offset_fit(sizes, losses)
    return PowerLaw(
        exponent, fitted[1], offset, span, _warning(sizes, fitted, exponent)
    )


def no_fit(sizes: np.ndarray, reason: str) -> PowerLaw:
    """Returns a power law without numbers.

    Args:
        sizes: [sizes].
        reason: why nothing was fitted.
    """
    nothing = Estimate(None, None)
    span = float(sizes.min()), float(sizes.max())
    return PowerLaw(nothing, None, nothing, span, reason)


def exponent_gap(sizes: np.ndarray, first: np.ndarray, second: np.ndarray) -> Estimate:
    """Returns the first exponent less the second, with its interval over draws.

    Args:
        sizes: [sizes] > 0.
        first: [sizes, draws] losses.
        second: [sizes, draws] losses of the same draws.
    """

    def gap(one, other):
        return log_line(sizes, other).slope - log_line(sizes, one).slope

    return jackknife(gap, first, second)


def select_range(
    sizes: np.ndarray,
    losses: np.ndarray,
    bend: Callable[[np.ndarray, np.ndarray], Estimate] = bend_of,
) -> np.ndarray:
    """Returns the sizes to fit: the longest straight range on log axes.

    A range of four or more consecutive sizes is straight if the local exponent of a
    parabola through the range changes by at most BEND from end to end, or if the
    interval of the change over draws contains such a change. The widest straight range
    is taken, or the range at larger sizes if two are equally wide.

    Args:
        sizes: [sizes] > 0, ascending.
        losses: [sizes, draws].
        bend: change of the local exponent of (sizes, losses) from end to end.

    Returns:
        [sizes] true in the range; all false without a straight range.

    Raises:
        InputError: shapes do not match, sizes are not positive.
    """
    sizes, losses = _check(sizes, losses)
    best, widest = np.zeros(len(sizes), bool), 0.0
    for first in range(len(sizes) - MIN_POINTS, -1, -1):
        for last in range(first + MIN_POINTS, len(sizes) + 1):
            width = np.log(sizes[last - 1] / sizes[first])
            if width <= widest * (1 + 1e-9):
                continue
            if is_straight(bend(sizes[first:last], losses[first:last])):
                best, widest = np.zeros(len(sizes), bool), width
                best[first:last] = True
    return best


class Regime(NamedTuple):
    """The regime of a loss in the sense of [B21, Sec. 2].

    Attributes:
        name: 'variance-limited', 'resolution-limited' or 'undecided'.
        law: power law of the loss less its limit.
        limit_share: share of the limit in the loss at the largest size.
        reason: the applied rule with its numbers, in words.
    """

    name: str
    law: PowerLaw
    limit_share: float
    reason: str


def classify_regime(
    sizes: np.ndarray, losses: np.ndarray, limits: np.ndarray | None = None
) -> Regime:
    """Returns whether variance or resolution limits the loss, over data or over size.

    Variance-limited: the limit is at least half of the loss at the largest size, and
    the loss less its limit falls with exponent 1, as a variance does (the interval
    comes within 0.05 of 1). Resolution-limited: the limit is less than half of the
    loss, and the exponent's interval lies above 0.

    Args:
        sizes: [sizes] > 0; D or P, or for finite pools their `variance_sizes`.
        losses: [sizes, draws].
        limits: [draws] or [sizes, draws], the loss at infinite size, subtracted from
            each draw before averaging; if None, an offset is fitted.

    Raises:
        InputError: shapes do not match, sizes are not positive.
    """
    sizes, losses = _check(sizes, losses)
    if limits is None:
        law = fit_power_law(sizes, losses, with_offset=True)
        limit = law.offset.value or 0.0
    else:
        law = fit_power_law(sizes, losses - np.asarray(limits))
        limit = float(np.broadcast_to(limits, losses.shape)[np.argmax(sizes)].mean())
    share = limit / float(losses[np.argmax(sizes)].mean())
    value = law.exponent.value
    if value is None:
        return Regime("undecided", law, share, law.warning or "no fit")
    low, high = law.exponent.interval or (value, value)
    reason = (
        f"exponent {value:.3f} [{low:.3f}, {high:.3f}] above a limit that is "
        f"{share:.0%} of the loss at the largest size"
    )
    if law.warning:
        return Regime("undecided", law, share, f"{reason}; {law.warning}")
    if share >= LIMIT_RULES and low <= 1 + NEAR_ONE and high >= 1 - NEAR_ONE:
        return Regime("variance-limited", law, share, reason)
    if share < LIMIT_RULES and low > 0:
        return Regime("resolution-limited", law, share, reason)
    return Regime("undecided", law, share, reason)


def variance_sizes(sizes: np.ndarray, pool: int | float) -> np.ndarray:
    """Returns 1 / (1 / n - 1 / pool), the equivalent number of independent draws.

    The variance of a mean over n distinct members of a pool is proportional to
    1 / n - 1 / pool.

    Args:
        sizes: [...] n, below the pool.
        pool: number of members; infinity for independent draws.

    Raises:
        InputError: a size is not below pool.
    """
    sizes = np.asarray(sizes, float)
    require(sizes < pool, "sizes must be below the size of the pool.")
    return sizes / (1 - sizes / pool)


def _check(sizes, losses) -> tuple[np.ndarray, np.ndarray]:
    sizes, losses = np.asarray(sizes, float), np.asarray(losses, float)
    require_positive("sizes", sizes)
    require(
        losses.ndim == 2 and losses.shape[0] == len(sizes) > 0 < losses.shape[1],
        f"losses must be [sizes, draws] with {count_of(len(sizes), 'size')}, got "
        f"{losses.shape}.",
    )
    return sizes, losses


def _offset_fit(sizes: np.ndarray, losses: np.ndarray) -> tuple[float, float, float]:
    """Returns exponent, coefficient and offset; NaN without a fit."""
    mean = losses.mean(axis=1)
    if not np.all(mean > 0):
        return np.nan, np.nan, np.nan
    scaled = sizes / np.exp(np.log(sizes).mean())

    def solve(exponent):
        columns = np.stack([scaled**-exponent, np.ones(len(mean))], axis=1)
        columns = columns / mean[:, None]
        found, *_ = np.linalg.lstsq(columns, np.ones(len(mean)), rcond=None)
        if found[1] < 0:
            only = columns[:, 0]
            found = np.array([only.sum() / (only @ only), 0.0])
        return found, float(np.sum((columns @ found - 1) ** 2))

    grid = np.geomspace(*FREE_EXPONENTS, 61)
    at = int(np.argmin([solve(each)[1] for each in grid]))
    bounds = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    exponent = minimize_scalar(
        lambda each: solve(each)[1],
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-9},
    ).x
    (coefficient, offset), _ = solve(exponent)
    back = coefficient * (sizes[0] / scaled[0]) ** exponent
    return float(exponent), float(back), float(offset)


def _warning(sizes: np.ndarray, fitted, exponent: Estimate) -> str | None:
    """Returns the reason not to rely on a fit with an offset, or None."""
    a, coefficient, offset = fitted
    falling = coefficient * sizes**-a

    def function(parameters):
        slope = np.stack([falling, -a * falling * np.log(sizes), np.ones(len(sizes))])
        scale = falling + offset
        return (falling + offset)[None], (slope / scale).T[None]

    told = told_apart(function, np.array([0.0, 0.0, 0.0]), np.ones(len(sizes)))
    apart = "exponent and offset cannot be told apart"
    if told <= IDENTIFIED or not FREE_EXPONENTS[0] * 1.1 < a < FREE_EXPONENTS[1] / 1.1:
        return f"{apart} by these sizes"
    if exponent.interval is None:
        return None
    low, high = exponent.interval
    if low <= 0 or high > 2 * a:
        return f"{apart}: exponent {a:.3g} [{low:.3g}, {high:.3g}]"
    return None
