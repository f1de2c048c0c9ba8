"""The exponent of size at several thresholds of the loss."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.laws.resampling import kept_units, resamples_of
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import ceiling_of
from scaletime_jax.runs.learning_curves import LearningCurves, learning_curves
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.censored import fit_censored_line
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.lines import MIN_SIZES
from scaletime_jax.track import Track, quiet

# Shares of the guessing loss removed, early in training and late.
SCANNED = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 0.9)
THRESHOLDS = 9
PER_DECADE = 20


class ThresholdScan(NamedTuple):
    """log(epochs to the threshold) = constant - kappa log num_params, per threshold.

    Attributes:
        fields: setting and train_size.
        thresholds: [thresholds] test losses, falling.
        shares: shares of the guessing loss that the thresholds remove; None if the
            guessing loss is not known, when thresholds are spread over the losses that
            the sizes reach.
        kappa: estimate at each threshold, by maximum likelihood. A run that never
            reached the threshold counts as censored at its last epoch. No value where
            fewer than three sizes have a run that reached the threshold.
        reached: [thresholds] share of runs that reached the threshold.
    """

    fields: dict
    thresholds: np.ndarray
    shares: tuple[float, ...] | None
    kappa: list[Estimate]
    reached: np.ndarray


def scan_thresholds(
    table: pd.DataFrame,
    threshold: float | None = None,
    shares: Sequence[float] = SCANNED,
    track: Track = quiet,
) -> list[ThresholdScan]:
    """Returns a scan for each setting and train size with three sizes or more.

    Args:
        table: one row per run and evaluation.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, where known. All thresholds of the scan are below this loss.
        shares: shares of the guessing loss to be removed, in order. They define the
            thresholds if the guessing loss is known.
        track: shows the progress.
    """
    scans, cells = [], [*split_table(table, (*setting_of(table), "train_size"))]
    for fields, rows in track(cells, "settings scanned"):
        if rows.num_params.nunique() >= MIN_SIZES:
            ceiling = ceiling_of(rows, threshold)
            curves = learning_curves(rows, PER_DECADE, ceiling)
            known = tuple(shares) if np.isfinite(ceiling) else None
            scans.append(_scan(fields, curves, known))
    return scans


def _scan(
    fields: dict, curves: LearningCurves, shares: tuple[float, ...] | None
) -> ThresholdScan:
    if shares is None:
        levels = np.linspace(*_range(curves), THRESHOLDS + 2)[1:-1]
    else:
        levels = curves.ceiling + np.log1p(-np.array(shares))
    crossed = [log_crossings(curves, level) for level in levels]
    epochs = np.stack([c[0] for c in crossed])  # [levels, curves, seeds]
    bound = np.stack([c[1] for c in crossed])
    there = np.isfinite(epochs)
    x = np.repeat(np.log(curves.num_params), curves.seeds)
    resamples = resamples_of(curves)
    if resamples.leaves_out:
        drawn = kept_units(curves)[:, None, :, None] * there
    else:
        drawn = resamples.weights[:, None, None] * there
    flat = len(levels), -1
    y, side = np.where(there, epochs, 0.0).reshape(flat), bound.reshape(flat)
    lines = fit_censored_line(x, y, side, drawn.reshape(len(drawn), *flat))
    sizes = (there & (bound == 0)).any(axis=2).sum(axis=1)
    kappa = [
        resamples.estimate(-lines.slope[:, k])
        if sizes[k] >= MIN_SIZES
        else Estimate(None, None)
        for k in range(len(levels))
    ]
    reached = np.sum(there & (bound < 1), axis=(1, 2)) / there.sum(axis=(1, 2))
    return ThresholdScan(fields, np.exp(levels), shares, kappa, reached)


def _range(curves: LearningCurves) -> tuple[float, float]:
    """Returns the range of log losses where sizes differ; all start above the top."""
    with np.errstate(invalid="ignore"):
        lowest = np.nanmin(np.where(np.isfinite(curves.logs), curves.logs, np.inf), 1)
    first = curves.logs[:, 0]
    top = float(np.nanmin(first)) if np.isfinite(first).any() else 0.0
    # the third-lowest of the sizes' lowest losses: below it no slope has three sizes
    reach = np.sort(np.where(np.isfinite(lowest), lowest, np.inf).min(axis=1))
    return top, min(float(reach[MIN_SIZES - 1]), top)


def log_crossings(
    curves: LearningCurves, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns log epochs until log loss first falls below a level, and their bounds.

    Args:
        curves: curves, interpolated along power laws.
        level: log loss.

    Returns:
        [curves, seeds] log epochs, NaN for runs without any; and 0 where the value is
        exact, 1 where it is a lower bound (the last epoch of a run that never reached
        the level), -1 where it is an upper bound (the first epoch of a run that was
        already below the level).
    """
    time, logs = np.log(curves.epoch), curves.logs
    known = np.isfinite(logs)
    below = known & (logs < level)
    at = np.argmax(below, axis=1)
    got = below.any(axis=1)
    begin = np.argmax(known, axis=1)
    end = logs.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    row, seed = np.indices(at.shape)
    before = np.maximum(at - 1, 0)
    high, low = logs[row, before, seed], logs[row, at, seed]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (high - level) / (high - low)
        inside = time[before] + part * (time[at] - time[before])
    at_first = got & (at == begin)
    log_epochs = np.where(got, np.where(at_first, time[begin], inside), time[end])
    log_epochs = np.where(known.any(axis=1), log_epochs, np.nan)
    return log_epochs, np.where(got, np.where(at_first, -1, 0), 1)
