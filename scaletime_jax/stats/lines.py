"""Straight lines, most of them on log axes."""

from typing import NamedTuple

import numpy as np

from scaletime_jax.stats.estimates import jackknife

MIN_SIZES = 3  # a line through two points always fits
TOO_FEW = f"fewer than {MIN_SIZES} sizes have a value for every seed"


class Line(NamedTuple):
    """y = slope x + intercept."""

    slope: float
    intercept: float


def straight_line(x: np.ndarray, y: np.ndarray) -> Line:
    """Fits a line by least squares.

        slope = sum_i (x_i - mean x) y_i / sum_i (x_i - mean x)^2

    Args:
        x: [points], not all equal.
        y: [points].
    """
    centred = x - x.mean()
    slope = float(y @ centred / (centred @ centred))
    return Line(slope, float(y.mean() - slope * x.mean()))


def log_line(sizes: np.ndarray, values: np.ndarray) -> Line:
    """Fits log mean value against log size; NaN if a mean is not above 0.

    Args:
        sizes: [sizes] > 0, not all equal.
        values: [sizes, draws].
    """
    mean = values.mean(axis=1)
    if not np.all(mean > 0):
        return Line(np.nan, np.nan)
    return straight_line(np.log(sizes), np.log(mean))


class LineFit(NamedTuple):
    """log value = slope * log size + constant.

    Attributes:
        slope: the exponent.
        slope_ci: 95% interval of the slope over seeds; None for a single seed.
        r_squared: share of the variance of log value that the line explains; None if
            the values do not vary.
    """

    slope: float
    slope_ci: tuple[float, float] | None
    r_squared: float | None


def fit_line(sizes: np.ndarray, values: np.ndarray) -> LineFit:
    """Fits the mean over seeds by least squares on log axes.

    A seed is left out at all sizes at once, because its runs share their data.

    Args:
        sizes: [sizes] > 0.
        values: [sizes, seeds] > 0.
    """
    slope = log_line(sizes, values).slope
    x, y = np.log(sizes), np.log(values.mean(axis=1))
    residual = y - y.mean() - slope * (x - x.mean())
    total = np.sum((y - y.mean()) ** 2)
    r_squared = float(1 - residual @ residual / total) if np.ptp(y) > 0 else None
    interval = jackknife(lambda each: log_line(sizes, each).slope, values).interval
    return LineFit(slope, interval, r_squared)


def fit_columns(fit: LineFit | None) -> dict:
    """Returns the numbers of the fit by name, None without a fit."""
    return fit._asdict() if fit else dict.fromkeys(LineFit._fields)


def describe_fit(fit: LineFit | None) -> str:
    """Returns the fit in words."""
    if fit is None:
        return f"no slope: {TOO_FEW}"
    words = f"slope {fit.slope:+.2f}"
    if fit.slope_ci is not None:
        words += f" [{fit.slope_ci[0]:+.2f}, {fit.slope_ci[1]:+.2f}]"
    if fit.r_squared is not None:
        words += f", R^2 {fit.r_squared:.2f}"
    return words
