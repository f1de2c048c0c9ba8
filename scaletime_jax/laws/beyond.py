"""The error of a law beyond the runs: its error on held-out runs, by distance."""

from typing import NamedTuple

import numpy as np

from scaletime_jax.laws.backtest import Split, divide
from scaletime_jax.laws.ranking import Choice
from scaletime_jax.runs.learning_curves import LearningCurves

# A mean absolute error as a standard deviation, of Gaussian errors.
AS_DEVIATION = np.sqrt(np.pi / 2)


class Ends(NamedTuple):
    """The last recorded time of each curve with any, by size and train size.

    Attributes:
        num_params: [curves] trainable parameters.
        train_size: [curves] training examples.
        epoch: [curves] the last recorded time.
    """

    num_params: np.ndarray
    train_size: np.ndarray
    epoch: np.ndarray

    def near(self, num_params: np.ndarray, train_size: np.ndarray):
        """Returns the largest size and the longest time at each size, each [points].

        Both are of runs with the train size of each point, or the nearest one that has
        a recorded time. The longest time at a size is that of the next smaller and the
        next larger size, of which the longer one counts: one pass over much data with a
        large network says nothing of a small one after as many tokens.
        """
        largest, longest = np.empty(len(num_params)), np.empty(len(num_params))
        for k, (size, n) in enumerate(zip(num_params, train_size, strict=True)):
            away = np.abs(np.log((self.train_size + 1) / (n + 1)))
            mine = away == away.min()
            sizes, times = self.num_params[mine], self.epoch[mine]
            largest[k] = sizes.max()
            below = sizes[sizes <= size * (1 + 1e-9)].max(initial=sizes.min())
            above = sizes[sizes >= size * (1 - 1e-9)].min(initial=sizes.max())
            longest[k] = times[(sizes == below) | (sizes == above)].max()
        return largest, longest


class Growth(NamedTuple):
    """Growth of the standard deviation of a law's error beyond the runs.

    Attributes:
        num_params: for each factor e in size; 0 where not known.
        epoch: for each factor e in training time; 0 where not known.
    """

    num_params: float
    epoch: float

    def miss(self, ends: Ends, num_params, epoch, train_size) -> np.ndarray:
        """Returns the standard deviation [points] of the error beyond the runs."""
        largest, longest = ends.near(num_params, train_size)
        larger = np.maximum(np.log(num_params / largest), 0.0)
        longer = np.maximum(np.log(epoch / longest), 0.0)
        return np.hypot(self.num_params * larger, self.epoch * longer)


class Beyond(NamedTuple):
    """A law's error beyond the runs.

    Attributes:
        growth: of the error.
        ends: of the runs.
    """

    growth: Growth
    ends: Ends

    def miss(self, num_params, epoch, train_size) -> np.ndarray:
        """Returns the standard deviation [points] of the error."""
        return self.growth.miss(self.ends, num_params, epoch, train_size)

    def and_one(self, num_params: float, epoch: float, train_size: float) -> "Beyond":
        """Returns the error beyond the runs and one more."""
        one = Ends(*(np.array([each]) for each in (num_params, train_size, epoch)))
        pairs = zip(self.ends, one, strict=True)
        return self._replace(ends=Ends(*map(np.concatenate, pairs)))


def beyond_of(curves: LearningCurves, choice: Choice) -> Beyond:
    """Returns the error of a law beyond the curves that it was fitted to."""
    return Beyond(growth_of(curves, choice), ends_of(curves))


def ends_of(curves: LearningCurves) -> Ends:
    """Returns the ends of the curves that have any value."""
    ran = np.isfinite(curves.mean)
    last = np.array([curves.epoch[row].max(initial=0.0) for row in ran])
    some = last > 0
    return Ends(curves.num_params[some], curves.train_size[some], last[some])


def growth_of(curves: LearningCurves, choice: Choice) -> Growth:
    """Returns the error on held-out runs over the log distance to these runs."""
    found = {"num_params": 0.0, "epoch": 0.0}
    for direction in found:
        error, halves = choice.errors[direction], divide(curves, direction, Split())
        if error is not None and halves is not None:
            ends = [getattr(each, direction).max() for each in (curves, halves[0])]
            found[direction] = AS_DEVIATION * error / np.log(ends[0] / ends[1])
    return Growth(**found)
