"""Quantities of learning curves at equal loss, and their slopes over size."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

LEVELS = 20  # losses at which two curves are compared
# Least change of log loss, and least distance below the ceiling, that is compared.
LEAST = 0.01


class Along(NamedTuple):
    """Quantities along the training of networks of several sizes.

    Attributes:
        num_params: [sizes] ascending.
        loss: [sizes, seeds, steps] > 0.
        values: quantities [sizes, seeds, steps] by name.
        ceiling: loss above which nothing has been learned.
    """

    num_params: np.ndarray
    loss: np.ndarray
    values: Mapping[str, np.ndarray]
    ceiling: float

    def without(self, seed: int) -> "Along":
        """Returns the quantities without a seed."""
        kept = {name: np.delete(v, seed, axis=1) for name, v in self.values.items()}
        return self._replace(loss=np.delete(self.loss, seed, axis=1), values=kept)


def equal_loss_slopes(along: Along) -> dict[str, np.ndarray]:
    """Returns slopes [pairs] of each quantity between neighbouring sizes, by name.

    The slope of q from size p to size p' is the mean over losses l of

        (log q'(l) - log q(l)) / (log p' - log p),

    where q(l) is q when the loss first falls to l: interpolated in logarithms between
    the mean over seeds of q at two steps. The losses are evenly spaced in their
    logarithm, from just below the ceiling to the least that both sizes reach. The loss
    of a size is the geometric mean over seeds. NaN where two sizes share no such
    losses, or where a quantity is not above 0.

    Args:
        along: the quantities.
    """
    pairs = len(along.num_params) - 1
    found = {name: np.full(pairs, np.nan) for name in along.values}
    least = np.minimum.accumulate(np.log(along.loss).mean(axis=1), axis=1)
    growth = np.diff(np.log(along.num_params))
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = {name: np.log(v.mean(axis=1)) for name, v in along.values.items()}
    for pair in range(pairs):
        two = slice(pair, pair + 2)
        # before the first step there is no time
        top = min(least[two, 1].min(), np.log(along.ceiling) - LEAST)
        bottom = least[two, -1].max()
        if not top - bottom >= LEAST:
            continue
        levels = np.linspace(top, bottom, LEVELS)
        places = [_first_at(each, levels) for each in least[two]]
        for name, curves in logs.items():
            low, high = (
                _interpolate(curve, place)
                for curve, place in zip(curves[two], places, strict=True)
            )
            found[name][pair] = np.mean(high - low) / growth[pair]
    return found


def _first_at(least: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Returns where a curve first falls to each level, in steps of its records.

    Args:
        least: [steps] never rising.
        levels: [levels] not above `least[1]` and not below `least[-1]`.
    """
    after = np.searchsorted(-least, -levels).clip(2, len(least) - 1)
    fall = least[after - 1] - least[after]
    part = np.where(fall > 0, (least[after - 1] - levels) / np.where(fall, fall, 1), 1)
    return np.asarray(after - 1 + part.clip(0, 1))


def _interpolate(curve: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns the curve at fractional places; a weight of 0 drops a neighbour."""
    below = np.floor(places).astype(int).clip(0, len(curve) - 2)
    part = places - below
    right = np.where(part > 0, curve[below + 1], 0.0)
    left = np.where(part < 1, curve[below], 0.0)
    return np.asarray((1 - part) * left + part * right)
