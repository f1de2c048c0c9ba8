"""A number with its interval, over seeds or over sizes left out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
RESAMPLES = 200


class Estimate(NamedTuple):
    """A statistic of runs.

    Attributes:
        value: the number, None if the runs do not determine it.
        interval: 95% interval over seeds, or over sizes left out; None for too few.
        freedom: degrees of freedom of Student's t in the interval; None for the normal
            distribution.
    """

    value: float | None
    interval: tuple[float, float] | None
    freedom: int | None = None


def jackknife(statistic: Callable[..., float], *values: np.ndarray) -> Estimate:
    """Returns a statistic of seeds with its interval.

    Leaving out one seed at a time gives the standard error

        se^2 = (n - 1) / n sum_i (statistic_i - mean of them)^2

    and the interval is Student's t with n - 1 degrees of freedom. With only five seeds
    the interval covers the truth in 95% of cases, where a percentile bootstrap covers
    about 85%.

    Args:
        statistic: smooth function of arrays like `values` with fewer seeds.
        *values: [..., seeds], the same seeds in all arrays; a seed with a value that is
            not finite is left out.
    """
    finite = [np.isfinite(v).all(axis=tuple(range(v.ndim - 1))) for v in values]
    kept = [v[..., np.all(finite, axis=0)] for v in values]
    seeds = kept[0].shape[-1]
    value = float(statistic(*kept)) if seeds else float("nan")
    if not np.isfinite(value):
        return Estimate(None, None)
    if seeds < 2:
        return Estimate(value, None)
    without = np.array(
        [statistic(*(np.delete(v, i, axis=-1) for v in kept)) for i in range(seeds)]
    )
    error = np.sqrt((seeds - 1) * np.var(without))
    if not np.isfinite(error):  # without one of the seeds there is no value
        return Estimate(value, None)
    reach = float(t_quantile(seeds - 1) * error)
    return Estimate(value, (value - reach, value + reach), seeds - 1)


def describe_estimate(estimate: Estimate) -> str:
    """Returns value and interval in words."""
    if estimate.value is None:
        return "not measured"
    words = f"{estimate.value:+.3g}"
    if estimate.interval is not None:
        words += f" [{estimate.interval[0]:+.3g}, {estimate.interval[1]:+.3g}]"
    return words


def u_depth(values: np.ndarray) -> Estimate:
    """Returns the height of a curve's lower end above its lowest inner point.

    This depth of a U is above 0 for a curve that falls and rises again, and below 0 for
    a monotonic curve. Lower end and lowest point are chosen by the other seeds, so that
    the least of several noisy values is not mistaken for a dip: for noise alone the
    expected depth is 0, and with five seeds the interval is above 0, or below 0, in 4
    to 6% of cases.

    Args:
        values: [points, seeds] along the curve; at least three points and two seeds.
    """
    values = values[:, np.isfinite(values).all(axis=0)]
    seeds = values.shape[1]
    if seeds < 2 or len(values) < 3:
        return Estimate(None, None)
    others = values.sum(axis=1, keepdims=True) - values
    each = np.arange(seeds)
    lowest = values[1:-1][np.argmin(others[1:-1], axis=0), each]
    ends, of_others = values[[0, -1]], others[[0, -1]]
    end = ends[np.argmin(of_others, axis=0), each]
    return jackknife(np.mean, (end - lowest)[None])


def seed_weights(seeds: int, resamples: int = RESAMPLES) -> np.ndarray:
    """Returns the weights of a bootstrap over seeds, for batches of fits.

    Args:
        seeds: number of seeds.
        resamples: number of resamples, drawn with replacement.

    Returns:
        [1 + resamples, seeds]; each row sums to 1, and the first row has equal weights.
        A single seed gives the first row alone.
    """
    if seeds < 2:
        return np.ones((1, seeds))
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    return np.vstack([np.ones(seeds), drawn]) / seeds


def bootstrap_error(resampled: np.ndarray, seeds: int) -> np.ndarray:
    """Returns the standard error of a statistic from its bootstrap over seeds.

    The standard deviation over resamples of n seeds is too small by a factor of
    sqrt((n - 1) / n), which is corrected.

    Args:
        resampled: [1 + resamples, ...] the statistic by `seed_weights`; NaN where a
            resample does not determine it.
        seeds: n.

    Returns:
        [...]; NaN for a single seed, or where a tenth of the resamples fail.
    """
    drawn = resampled[1:]
    if len(drawn) == 0:
        return np.full(resampled.shape[1:], np.nan)
    finite = np.isfinite(drawn)
    count = finite.sum(axis=0)
    mean = np.where(finite, drawn, 0.0).sum(axis=0) / np.maximum(count, 1)
    variance = np.where(finite, drawn - mean, 0.0) ** 2
    error = np.sqrt(variance.sum(axis=0) / np.maximum(count - 1, 1))
    error *= np.sqrt(seeds / (seeds - 1))
    return np.where(count >= 0.9 * len(drawn), error, np.nan)


class Resamples(NamedTuple):
    """Resamples of a fit's data: a bootstrap over seeds, or sizes left out in turn.

    Attributes:
        weights: [1 + resamples, units] of the seeds, or of the sizes of runs with one
            seed; the first row has equal weights.
        leaves_out: whether each resample leaves out one unit.
    """

    weights: np.ndarray
    leaves_out: bool

    @property
    def words(self) -> str:
        """Where the interval comes from, a sentence; '' where it is from seeds."""
        if self.leaves_out:
            return "One seed: intervals are from leaving out one size at a time."
        return "" if self.freedom else "One seed of too few sizes: no interval."

    @property
    def rows(self) -> int:
        """The number of rows, 1 + resamples."""
        return len(self.weights)

    @property
    def freedom(self) -> int:
        """The degrees of freedom of the error, 0 where there is no error."""
        return self.weights.shape[1] - 1

    def error(self, resampled: np.ndarray) -> np.ndarray:
        """Returns the standard error [...] of a statistic [1 + resamples, ...].

        A bootstrap has the error of `bootstrap_error`, units left out in turn that of
        `jackknife`; NaN where there is none.
        """
        if not self.leaves_out:
            return bootstrap_error(resampled, self.weights.shape[1])
        return np.asarray(np.sqrt(self.freedom * np.var(resampled[1:], axis=0)))

    def estimate(self, resampled: np.ndarray) -> Estimate:
        """Returns a statistic with its interval, Student's t times the error.

        Percentiles of a bootstrap of five seeds would cover about 85%.

        Args:
            resampled: [1 + resamples] the statistic by row of the weights.
        """
        value = float(resampled[0])
        if not np.isfinite(value):
            return Estimate(None, None)
        error = float(self.error(resampled))
        if not np.isfinite(error):
            return Estimate(value, None)
        reach = float(t_quantile(self.freedom) * error)
        return Estimate(value, (value - reach, value + reach), self.freedom)


def over_seeds(seeds: int) -> Resamples:
    """Returns a bootstrap over seeds, with no resamples of a single seed."""
    return Resamples(seed_weights(seeds), leaves_out=False)


def leaving_out(units: int) -> Resamples:
    """Returns resamples that leave out one of two or more units in turn."""
    others = (1 - np.eye(units)) / (units - 1)
    return Resamples(np.vstack([np.full(units, 1 / units), others]), leaves_out=True)


def t_quantile(freedom):
    """Returns the half-width of a 95% interval in standard errors.

    Args:
        freedom: [...] degrees of freedom, >= 1.
    """
    return stdtrit(freedom, (1 + CONFIDENCE) / 2)
