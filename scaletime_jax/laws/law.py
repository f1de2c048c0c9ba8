"""Fitted laws, which predict losses with intervals at any size, time and train size."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scaletime_jax.laws.resampling import by_own_size, resample_means, resamples_of
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.estimates import Resamples, t_quantile

# Scatter is measured on runs within this factor of the requested time, up or down.
NEARBY = np.sqrt(10)
MOST = 700.0  # whose exponential still is a number
# (num_params, epoch, train_size, which of the rows) -> [rows, points]
LogLoss = Callable[[np.ndarray, np.ndarray, np.ndarray, slice], np.ndarray]
EVERY, DATA = slice(None), slice(1)  # rows: data and resamples, or the data alone


class Prediction(NamedTuple):
    """Test loss of one more run.

    Attributes:
        mean: [points] geometric mean; NaN where the law predicts nothing.
        low: [points] lower end of the 95% interval.
        high: [points] upper end.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Scatter(NamedTuple):
    """Standard deviation of runs about a law, by train size and time.

    The scatter contains the differences between seeds and the misfit of the law, both
    on the curves that the law was fitted to. Where most sizes have one seed, runs are
    compared with the fit that leaves out their size.

    Attributes:
        train_size: [sizes].
        epoch: [times].
        deviation: [sizes, times] standard deviation of log loss, at nearby times.
        misfit: [sizes, times] standard deviation of the means over seeds, at nearby
            times.
        runs: [sizes] number of runs.
    """

    train_size: np.ndarray
    epoch: np.ndarray
    deviation: np.ndarray
    misfit: np.ndarray
    runs: np.ndarray

    def at(self, epoch: np.ndarray, train_size: np.ndarray):
        """Returns deviation, misfit and runs [points], of the nearest size and time."""
        sizes, times = np.log(self.train_size + 1), np.log(self.epoch)
        row = np.abs(np.log(train_size + 1)[:, None] - sizes).argmin(axis=1)
        column = np.abs(np.log(epoch)[:, None] - times).argmin(axis=1)
        at = row, column
        return self.deviation[at], self.misfit[at], self.runs[row]


class Law(NamedTuple):
    """A fitted predictor.

    Attributes:
        log_loss: (num_params, epoch, train_size, which), the first three [points], ->
            [rows, points]. The rows are the fits to the data and to each resample;
            the slice `which` selects some of them. NaN where the law predicts nothing.
        scatter: of runs about the law.
        resamples: resamples of the rows.
        converged: whether the fit converged.
        identified: whether the data determine the parameters.
        parameters: values by name.
    """

    log_loss: LogLoss
    scatter: Scatter
    resamples: Resamples
    converged: bool
    identified: bool
    parameters: dict[str, float]

    def best(self, num_params, epoch, train_size) -> np.ndarray:
        """Returns the log loss [points] of the fit to the data."""
        return self.log_loss(num_params, epoch, train_size, DATA)[0]

    def predict(self, num_params, epoch, train_size, of_mean=False) -> Prediction:
        """Returns the loss of one more run, or the mean loss, with its 95% interval.

        The interval contains the error of the fit, by its resamples, and the scatter
        of runs about the fit, or the misfit of their means. The interval is
        Student's t with Welch and Satterthwaite's degrees of freedom. The interval does
        not contain errors that the law makes only where nothing was measured.

        Args:
            num_params: [points], or one number.
            epoch: [points], or one number.
            train_size: [points], or one number.
            of_mean: whether the mean over seeds is predicted. Its interval is at most
                that of one run, whose degrees of freedom are better known.
        """
        size, time, examples = np.broadcast_arrays(
            *(np.atleast_1d(v).astype(float) for v in (num_params, epoch, train_size))
        )
        logs = self.log_loss(size, time, examples, EVERY)
        # without resamples there is no error; else NaN where they predict nothing
        freedom = self.resamples.freedom
        error = self.resamples.error(logs) if freedom else 0.0
        scatter, misfit, runs = self.scatter.at(time, examples)

        def reach_of(own):
            variance = error**2 + own**2
            parts = error**4 / max(1, freedom) + own**4 / np.maximum(1, runs - 1)
            free = np.fmax(variance**2 / np.fmax(parts, 1e-300), 1.0)
            return t_quantile(free) * np.sqrt(variance)

        reach = reach_of(scatter)
        if of_mean:
            reach = np.minimum(reach, reach_of(misfit))
        mean = np.minimum(logs[0], MOST)
        low, high = mean - reach, np.minimum(mean + reach, MOST)
        return Prediction(np.exp(mean), np.exp(low), np.exp(high))


class Targets(NamedTuple):
    """Curves as points to fit, for each resample.

    Attributes:
        num_params: [points].
        epoch: [points].
        train_size: [points].
        mean: [1 + resamples, points] log loss, NaN where the resample has no run.
        weight: [1 + resamples, points] 1, or 0 where the resample has no run.
        runs: [points, seeds] log loss.
        own: [points] the row that leaves out the point's size; None where none does.
    """

    num_params: np.ndarray
    epoch: np.ndarray
    train_size: np.ndarray
    mean: np.ndarray
    weight: np.ndarray
    runs: np.ndarray
    own: np.ndarray | None


def make_targets(curves: LearningCurves, learned: bool = False) -> Targets:
    """Returns the points at which at least one seed was recorded.

    Args:
        curves: to fit.
        learned: leaves out losses at the ceiling, for laws without a plateau.
    """
    count, times, seeds = curves.logs.shape
    runs = curves.logs.reshape(-1, seeds)
    there = np.isfinite(runs)
    kept = curves.learned.ravel() if learned else there.any(axis=1)
    means = resample_means(curves)
    mean = means.reshape(len(means), count * times)[:, kept]
    own = by_own_size(curves)
    return Targets(
        np.repeat(curves.num_params, times)[kept],
        np.tile(curves.epoch, count)[kept],
        np.repeat(curves.train_size, times)[kept],
        mean,
        np.isfinite(mean).astype(float),
        runs[kept],
        None if own is None else np.repeat(own, times)[kept],
    )


def finish_law(
    log_loss: LogLoss,
    curves: LearningCurves,
    converged: bool,
    identified: bool,
    parameters: dict[str, float],
    held_out: LogLoss | None = None,
) -> Law:
    """Returns the law with its scatter on the curves that it was fitted to.

    The law can follow the mean of n runs of a size, which leaves (n - 1) / n of their
    variance; the scatter corrects for this. Where sizes are left out in turn, runs are
    predicted by the fit without their size. `held_out` predicts the curves where
    `log_loss` would only return each curve itself.
    """
    targets = make_targets(curves)
    at = targets.num_params, targets.epoch, targets.train_size
    fitted = predicted = (held_out or log_loss)(*at, DATA)[0]
    if held_out is None and targets.own is not None:
        without = log_loss(*at, EVERY)[targets.own, np.arange(len(targets.own))]
        predicted = np.where(np.isfinite(without), without, fitted)
    fitted, predicted = (np.minimum(e, curves.ceiling) for e in (fitted, predicted))
    rest = (targets.runs - predicted[:, None]) ** 2
    if curves.seeds > 1 and held_out is None and targets.own is None:
        rest *= curves.seeds / (curves.seeds - 1)
    sizes = np.unique(curves.train_size)
    mean_rest = (targets.mean[0] - fitted)[:, None] ** 2
    where = [targets.train_size == size for size in sizes]
    deviation, misfit = (
        np.stack([_nearby(square[w], targets.epoch[w], curves.epoch) for w in where])
        for square in (rest, mean_rest)
    )
    runs = [
        np.isfinite(curves.logs[curves.train_size == size]).any(axis=1).sum()
        for size in sizes
    ]
    scatter = Scatter(sizes, curves.epoch, deviation, misfit, np.array(runs))
    return Law(
        lambda *at: np.minimum(log_loss(*at), curves.ceiling),
        scatter,
        resamples_of(curves),
        converged,
        identified,
        parameters,
    )


def _nearby(square: np.ndarray, epoch: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Returns the root of the mean of squares near each time [times].

    Where no squares are near, the squares at the nearest time that has some are taken.
    """
    found = np.full(len(times), np.nan)
    for k, time in enumerate(times):
        ratio = epoch / time
        near = square[(ratio <= NEARBY) & (ratio >= 1 / NEARBY)]
        if np.isfinite(near).any():
            found[k] = np.sqrt(np.nanmean(near))
    known = np.flatnonzero(np.isfinite(found))
    if known.size == 0:
        return found
    return found[known[np.abs(np.arange(len(times))[:, None] - known).argmin(axis=1)]]


def no_law(curves: LearningCurves) -> Law:
    """Returns a law that predicts nothing, for curves without points to fit."""
    rows = range(resamples_of(curves).rows)
    return finish_law(
        lambda n, t, d, which: np.full((len(rows[which]), len(n)), np.nan),
        curves,
        converged=False,
        identified=False,
        parameters={},
    )


def by_train_size(curves: LearningCurves, fit: Callable[[LearningCurves], Law]) -> Law:
    """Returns a law that has its own fit for each train size of the curves."""
    sizes = np.unique(curves.train_size)
    curves = curves._replace(fixed_units=curves.units)  # the same rows for all laws
    laws = {size: fit(curves.where(curves.train_size == size)) for size in sizes}
    resamples = resamples_of(curves)

    def log_loss(num_params, epoch, train_size, which):
        rows = range(resamples.rows)[which]
        logs = np.full((len(rows), len(num_params)), np.nan)
        for size, law in laws.items():
            mine = train_size == size
            if mine.any():
                at = num_params[mine], epoch[mine], train_size[mine]
                logs[:, mine] = law.log_loss(*at, which)
        return logs

    scatters = [law.scatter for law in laws.values()]
    return Law(
        log_loss,
        Scatter(
            sizes,
            curves.epoch,
            np.concatenate([each.deviation for each in scatters]),
            np.concatenate([each.misfit for each in scatters]),
            np.concatenate([each.runs for each in scatters]),
        ),
        resamples,
        converged=all(law.converged for law in laws.values()),
        identified=all(law.identified for law in laws.values()),
        parameters={
            f"{name} (n = {size:g})" if len(sizes) > 1 else name: value
            for size, law in laws.items()
            for name, value in law.parameters.items()
        },
    )
