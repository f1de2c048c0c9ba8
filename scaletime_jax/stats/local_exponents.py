"""Exponents between neighbouring sizes, and the slope of straight curves."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

from scaletime_jax.stats.estimates import (
    CONFIDENCE,
    Estimate,
    jackknife,
    t_quantile,
)
from scaletime_jax.stats.lines import MIN_SIZES, TOO_FEW, LineFit, fit_line

# Largest change of the local exponent from end to end of a straight curve.
BEND = 0.1
DRAWS = 4_000  # of the largest |t|


class LocalExponents(NamedTuple):
    """Exponents of a value against size, from each size to the next.

    Attributes:
        sizes: [pairs] geometric mean of two neighbouring sizes.
        values: [pairs] d log value / d log size between the two sizes.
        intervals: [pairs, 2] simultaneous 95% intervals: in 95% of cases all intervals
            contain the true values; None for fewer than two seeds.
        bend: change of the local exponent of a parabola from the smallest size to the
            largest; no value for fewer than three sizes.
        fit: the line through all sizes; None if the curve is not straight.
        without_smallest: the line through all sizes but the smallest; None if these are
            not straight.
    """

    sizes: np.ndarray
    values: np.ndarray
    intervals: np.ndarray | None
    bend: Estimate
    fit: LineFit | None
    without_smallest: LineFit | None


def local_exponents(sizes: np.ndarray, values: np.ndarray) -> LocalExponents:
    """Returns the exponents of the mean over seeds between neighbouring sizes.

    With exponents b_k and their standard errors e_k by the jackknife over seeds, the
    intervals are b_k +- c e_k, where c is the 95% quantile of the largest |t_k| for
    seeds with the scatter of the jackknife (max-t).

    Args:
        sizes: [sizes] > 0, ascending, two or more.
        values: [sizes, seeds] > 0, the same seeds at all sizes.
    """
    sizes, values = np.asarray(sizes, float), np.asarray(values, float)
    logs = np.log(sizes)
    between = np.exp((logs[1:] + logs[:-1]) / 2)
    found = _between(logs, values)
    bend = bend_of(sizes, values)
    return LocalExponents(
        between,
        found,
        _simultaneous(logs, values, found),
        bend,
        _line(sizes, values, bend),
        _line(sizes[1:], values[1:], bend_of(sizes[1:], values[1:])),
    )


def single_slope(found: LocalExponents | None) -> tuple[Estimate, str]:
    """Returns the slope of a straight curve of three or more sizes, or the reason."""
    if found is None or len(found.values) + 1 < MIN_SIZES:
        return Estimate(None, None), TOO_FEW
    if found.fit is None:
        low, high = found.values.min(), found.values.max()
        words = f"no single slope: local exponents from {low:.2f} to {high:.2f}"
        return Estimate(None, None), words
    return Estimate(found.fit.slope, found.fit.slope_ci, found.bend.freedom), ""


def exponent_rows(
    found: LocalExponents | None, size_name: str = "effective_size"
) -> list[dict]:
    """Returns a table row for each pair of neighbouring sizes."""
    if found is None:
        return []
    rows: list[dict] = []
    for pair, (size, value) in enumerate(zip(found.sizes, found.values, strict=True)):
        low, high = None, None
        if found.intervals is not None:
            low, high = map(float, found.intervals[pair])
        ends = {"exponent": float(value), "low": low, "high": high}
        rows.append({size_name: float(size), **ends})
    return rows


def bend_of(sizes: np.ndarray, values: np.ndarray) -> Estimate:
    """Returns the change of the local exponent from end to end.

    The exponents are of a parabola of log mean value over log size, by least squares.

    Args:
        sizes: [sizes] > 0, ascending.
        values: [sizes, seeds].
    """
    if len(sizes) < MIN_SIZES:
        return Estimate(None, None)
    logs = np.log(sizes)

    def bend(each):
        mean = each.mean(axis=1)
        if not np.all(mean > 0):
            return np.nan
        return 2 * np.polyfit(logs, np.log(mean), 2)[0] * (logs[-1] - logs[0])

    return jackknife(bend, values)


def is_straight(bend: Estimate) -> bool:
    """Whether a curve may be straight: its interval contains a bend of at most BEND."""
    if bend.value is None:
        return False
    low, high = bend.interval or (bend.value, bend.value)
    return low <= BEND and high >= -BEND


def bend_p_value(bend: Estimate) -> float | None:
    """Returns the p-value of no bend; None without an interval."""
    if bend.value is None or bend.interval is None or bend.freedom is None:
        return None
    error = (bend.interval[1] - bend.value) / t_quantile(bend.freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(2 * stdtr(bend.freedom, -np.divide(abs(bend.value), error)))


def _line(sizes: np.ndarray, values: np.ndarray, bend: Estimate) -> LineFit | None:
    return fit_line(sizes, values) if is_straight(bend) else None


def _between(logs: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.diff(np.log(values.mean(axis=-1))) / np.diff(logs)


def _simultaneous(
    logs: np.ndarray, values: np.ndarray, found: np.ndarray
) -> np.ndarray | None:
    """Returns the max-t intervals [pairs, 2]."""
    seeds = values.shape[1]
    if seeds < 2:
        return None
    each = [_between(logs, np.delete(values, i, axis=1)) for i in range(seeds)]
    return simultaneous(found, np.array(each))


def simultaneous(found: np.ndarray, without: np.ndarray) -> np.ndarray:
    """Returns simultaneous 95% intervals [statistics, 2], by max-t.

    Args:
        found: [statistics] values for all seeds.
        without: [seeds, statistics] values without each seed, for two or more seeds.
    """
    seeds = len(without)
    around = without - without.mean(axis=0)
    error = np.sqrt((seeds - 1) * np.mean(around**2, axis=0))
    scattered = error > 1e-12  # a smaller error is rounding: the seeds are copies
    reach = np.zeros_like(error)
    if scattered.any():
        apart = (around / np.where(scattered, error, 1))[:, scattered]
        reach[scattered] = max_t_quantile(apart, seeds) * error[scattered]
    return np.stack([found - reach, found + reach], axis=1)


def max_t_quantile(scatter: np.ndarray, seeds: int) -> float:
    """Returns the 95% quantile of the largest of several dependent |t|.

    Each t has its own standard error, estimated from the seeds. Correlations are shrunk
    by 1 / (seeds - 1), because correlations over five seeds are too large by chance,
    which would make the quantile too small.

    Args:
        scatter: [rows, statistics] rows with the correlations of the statistics.
        seeds: number of seeds, two or more.
    """
    around = scatter - scatter.mean(axis=0)
    around = around / np.sqrt(np.mean(around**2, axis=0))
    rng = np.random.default_rng(0)
    # random mixtures of rows have the correlations of the rows
    drawn = rng.normal(size=(DRAWS, seeds, len(around))) @ around / np.sqrt(len(around))
    alone = 1 / (seeds - 1)
    drawn = np.sqrt(1 - alone) * drawn + np.sqrt(alone) * rng.normal(size=drawn.shape)
    t = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / np.sqrt(seeds))
    return float(np.quantile(np.abs(t).max(axis=1), CONFIDENCE))
