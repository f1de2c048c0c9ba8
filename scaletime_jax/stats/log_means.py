"""Exponents of means over seeds of the logarithm, as in [B21, A.1].

The mean of the logarithm weighs all seeds alike, where the mean of the loss is mostly
the mean of the seeds with a large loss. A line through mean logarithms is the mean of
the lines of single seeds.
"""

from typing import NamedTuple

import numpy as np

from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.lines import MIN_SIZES, straight_line
from scaletime_jax.stats.local_exponents import simultaneous


def log_mean(values: np.ndarray) -> np.ndarray:
    """Returns [sizes] mean over seeds of the logarithm; minus infinity with a zero.

    Args:
        values: [sizes, seeds] >= 0.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values).mean(axis=1))


def log_error(values: np.ndarray) -> np.ndarray:
    """Returns [sizes] standard error over seeds of the mean logarithm.

    Args:
        values: [sizes, seeds] > 0; one seed has an error of 0.
    """
    logs = np.log(values)
    seeds = logs.shape[1]
    if seeds < 2:
        return np.zeros(len(logs))
    return np.asarray(logs.std(axis=1, ddof=1) / np.sqrt(seeds))


class NeighbourSlopes(NamedTuple):
    """Slopes of a mean logarithm over log size, from each size to the next.

    Attributes:
        sizes: [pairs] geometric mean of two neighbouring sizes.
        values: [pairs] the slopes.
        intervals: [pairs, 2] simultaneous 95% intervals over seeds; None for one seed.
    """

    sizes: np.ndarray
    values: np.ndarray
    intervals: np.ndarray | None


def neighbour_slopes(sizes: np.ndarray, values: np.ndarray) -> NeighbourSlopes:
    """Returns the slopes of the mean logarithm between neighbouring sizes, by max-t.

    Args:
        sizes: [sizes] > 0, ascending, two or more.
        values: [sizes, seeds] > 0.
    """
    steps = np.diff(np.log(sizes))
    each = np.diff(np.log(values), axis=0) / steps[:, None]
    found, seeds = each.mean(axis=1), each.shape[1]
    intervals = None
    if seeds > 1:
        without = (each.sum(axis=1)[:, None] - each) / (seeds - 1)
        intervals = simultaneous(found, without.T)
    return NeighbourSlopes(np.exp(_middles(np.log(sizes))), found, intervals)


def _middles(values: np.ndarray) -> np.ndarray:
    return np.asarray((values[1:] + values[:-1]) / 2)


def seed_exponents(sizes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns [seeds] slopes of log value against log size.

    Args:
        sizes: [sizes] > 0, not all equal.
        values: [sizes, seeds] > 0.
    """
    logs = np.log(sizes)
    return np.array([straight_line(logs, each).slope for each in np.log(values).T])


def mean_bend(sizes: np.ndarray, values: np.ndarray) -> Estimate:
    """Returns the change of the local exponent from end to end.

    The exponents are of a parabola of the mean log value over log size, by least
    squares, as in `local_exponents.bend_of`.

    Args:
        sizes: [sizes] > 0, ascending.
        values: [sizes, seeds] > 0; no value for fewer than three sizes.
    """
    if len(sizes) < MIN_SIZES:
        return Estimate(None, None)
    logs = np.log(sizes)
    curvature = np.polyfit(logs, np.log(values), 2)[0]
    return jackknife(np.mean, (2 * curvature * (logs[-1] - logs[0]))[None])
