"""Test losses of one setting as an array, to which laws are fitted."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.runs.curves import at_epochs

PER_DECADE = 10
SAME_RUNG = 1.25
# Share of curves with several seeds up to which the seeds say too little.
MOST_SINGLE = 0.5


class Units(NamedTuple):
    """What is left out in turn to resample runs of which most have one seed.

    Attributes:
        of: [curves] number of the unit of each curve, from 0.
        number: number of units.
    """

    of: np.ndarray
    number: int


class LearningCurves(NamedTuple):
    """Log test loss of networks that differ in size, train size and seed alone.

    Attributes:
        num_params: [curves] trainable parameters.
        train_size: [curves] training examples; 0 for curves of unknown train size,
            which are fitted together.
        epoch: [times] > 0, evenly spaced in their logarithm.
        logs: [curves, times, seeds] log test loss, interpolated by power laws between
            evaluations; NaN where not recorded or after a run diverged.
        ceiling: log loss above which nothing has been learned; no value of `logs` is
            above it.
        evaluated: for each curve, the epochs at which its runs were evaluated; None for
            the grid `epoch`.
        fixed_units: `units` of the curves from which these were selected, where they
            are kept; None to find them anew.
    """

    num_params: np.ndarray
    train_size: np.ndarray
    epoch: np.ndarray
    logs: np.ndarray
    ceiling: float = np.inf
    evaluated: tuple[np.ndarray, ...] | None = None
    fixed_units: Units | None = None

    def where(self, curves: np.ndarray) -> "LearningCurves":
        """Returns the curves selected by a mask [curves]."""
        return self._replace(
            num_params=self.num_params[curves],
            train_size=self.train_size[curves],
            logs=self.logs[curves],
            evaluated=None
            if self.evaluated is None
            else tuple(self.evaluated[k] for k in np.flatnonzero(curves)),
            fixed_units=self.fixed_units
            and self.fixed_units._replace(of=self.fixed_units.of[curves]),
        )

    def until(self, epoch: float) -> "LearningCurves":
        """Returns the curves up to an epoch.

        Values between a curve's last evaluation up to the epoch and the next evaluation
        are removed, because they were interpolated from a later loss.
        """
        early = self.epoch <= epoch * (1 + 1e-9)
        logs = self.logs[:, early].copy()
        for curve, times in zip(logs, self.evaluated or (), strict=False):
            last = max(times[times <= epoch * (1 + 1e-9)], default=0.0)
            curve[self.epoch[early] > last * (1 + 1e-9)] = np.nan
        return self._replace(epoch=self.epoch[early], logs=logs)

    def after(self, epoch: float) -> "LearningCurves":
        """Returns the curves from an epoch on."""
        late = self.epoch >= epoch * (1 - 1e-9)
        return self._replace(epoch=self.epoch[late], logs=self.logs[:, late])

    @property
    def second_half(self) -> "LearningCurves":
        """The curves from half of the longest recorded time on."""
        recorded = self.epoch[np.isfinite(self.logs).any(axis=(0, 2))]
        return self.after(recorded[-1] / 2 if len(recorded) else np.inf)

    @property
    def rungs(self) -> np.ndarray:
        """The rung of each curve [curves], counted from the smallest sizes.

        A size within a factor of `SAME_RUNG` of the next smaller one is on its rung:
        families of models have several shapes of nearly one size.
        """
        sizes = np.unique(self.num_params)
        climbs = np.diff(np.log(sizes)) >= np.log(SAME_RUNG)
        rung = np.concatenate([[0], np.cumsum(climbs)])
        return rung[np.searchsorted(sizes, self.num_params)]

    @property
    def seeds(self) -> int:
        """The number of seeds."""
        return int(self.logs.shape[2])

    @property
    def units(self) -> Units:
        """What is left out in turn to resample the runs.

        The rungs, where most curves have one seed; else one unit, which is not left out
        because there are seeds to resample.
        """
        if self.fixed_units is not None:
            return self.fixed_units
        seeds = np.isfinite(self.logs).any(axis=1).sum(axis=1)
        if np.mean(seeds > 1) > MOST_SINGLE:
            return self.over_seeds.units
        return Units(self.rungs, int(self.rungs.max()) + 1)

    @property
    def over_seeds(self) -> "LearningCurves":
        """The same curves, of which nothing but seeds is resampled."""
        one = Units(np.zeros(len(self.num_params), int), 1)
        return self._replace(fixed_units=one)

    @property
    def learned(self) -> np.ndarray:
        """Whether the mean is below the ceiling by 1% or more [curves, times]."""
        with np.errstate(invalid="ignore"):
            return self.mean < self.ceiling - 0.01

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of log loss over seeds [curves, times], NaN for one."""
        there = np.isfinite(self.logs)
        rest = np.where(there, self.logs - self.mean[:, :, None], 0.0)
        free = there.sum(axis=2) - 1
        variance = (rest**2).sum(axis=2) / np.maximum(free, 1)
        return np.where(free > 0, np.sqrt(variance), np.nan)

    @property
    def mean(self) -> np.ndarray:
        """Mean log loss over the recorded seeds [curves, times], NaN without any."""
        there = np.isfinite(self.logs)
        count = there.sum(axis=2)
        total = np.where(there, self.logs, 0.0).sum(axis=2)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @property
    def sem(self) -> np.ndarray:
        """Standard error of the mean [curves, times], NaN for one seed."""
        count = np.isfinite(self.logs).sum(axis=2)
        return np.asarray(self.spread / np.sqrt(np.maximum(count, 1)))


def learning_curves(
    rows: pd.DataFrame, per_decade: int = PER_DECADE, ceiling: float = np.inf
) -> LearningCurves:
    """Returns the curves of one setting, ordered by train size, then by size.

    Runs with the same seed are matched, because they share their data. If fewer than
    two seeds are present at all sizes, runs are numbered instead.

    Args:
        rows: one row per run and evaluation; runs differ in `num_params`,
            `train_size` and `seed` alone.
        per_decade: times for each decade.
        ceiling: test loss above which nothing has been learned, such as the guessing
            loss. Losses above the ceiling are set to the ceiling.
    """
    trained = rows.epoch[rows.epoch > 0]
    low, high = np.log10([trained.min(), trained.max()])
    count = 1 + max(1, round((high - low) * per_decade))
    epochs = np.logspace(low, high, count)
    cells, curves, evaluated = [], [], []
    # groups copy every column that they are given
    needed = ["train_size", "num_params", "seed", "epoch", "test_loss"]
    rows = rows[needed].assign(train_size=rows.train_size.fillna(0))
    for cell, runs in rows.groupby(["train_size", "num_params"], sort=True):
        cells.append(cell)
        evaluated.append(np.unique(runs.epoch.to_numpy(float)))
        curves.append({s: _resample(run, epochs) for s, run in runs.groupby("seed")})
    common = set.intersection(*(set(seeds) for seeds in curves))
    if len(common) < 2:
        curves = [dict(enumerate(seeds.values())) for seeds in curves]
    names = sorted(set().union(*curves))
    nothing = np.full(count, np.nan)
    logs = [np.stack([c.get(s, nothing) for s in names], axis=-1) for c in curves]
    train_size, num_params = np.array(cells, float).T
    clipped = np.minimum(np.stack(logs), np.log(ceiling))
    return LearningCurves(
        num_params,
        train_size,
        epochs,
        clipped,
        float(np.log(ceiling)),
        tuple(evaluated),
    )


def _resample(run: pd.DataFrame, epochs: np.ndarray) -> np.ndarray:
    order = np.argsort(run.epoch.to_numpy(float))
    recorded = run.epoch.to_numpy(float)[order]
    losses = run.test_loss.to_numpy(float)[order, None]
    if not np.any(recorded > 0):
        return np.full(len(epochs), np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(at_epochs(recorded, losses, epochs)[:, 0]))
