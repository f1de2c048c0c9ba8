"""The exponent of size at every loss: does it depend on where one looks?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import ceiling_of
from scaletime_jax.runs.learning_curves import LearningCurves, learning_curves
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.censored import fit_censored_line
from scaletime_jax.stats.estimates import Estimate, bootstrap, seed_weights
from scaletime_jax.stats.lines import MIN_SIZES
from scaletime_jax.track import Track, quiet

# Shares of the guessing loss removed, early in training and late.
SCANNED = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 0.9)
THRESHOLDS = 9
PER_DECADE = 20


class ThresholdScan(NamedTuple):
    """log epochs to the threshold = constant - kappa log num_params, per threshold.

    Attributes:
        fields: setting and train_size.
        thresholds: [thresholds] test losses, falling.
        shares: of the guessing loss, removed there; None where what guessing costs is
            not known, and thresholds are spread over the losses that sizes reach.
        kappa: at each; by maximum likelihood, in which a run that never got there
            counts as longer than it ran; no value where fewer than three sizes have a
            run that did.
        reached: [thresholds] share of runs that got there.
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
        threshold: test loss above which nothing has been learned; if None that of
            guessing, where it is known. The thresholds looked at are below.
        shares: of that loss to be removed, in order; thresholds where it is known.
        track: told how far this is.
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
    drawn = seed_weights(curves.seeds)[:, None, None] * there
    flat = len(levels), -1
    y, side = np.where(there, epochs, 0.0).reshape(flat), bound.reshape(flat)
    lines = fit_censored_line(x, y, side, drawn.reshape(len(drawn), *flat))
    sizes = (there & (bound == 0)).any(axis=2).sum(axis=1)
    kappa = [
        bootstrap(-lines.slope[:, k], curves.seeds)
        if sizes[k] >= MIN_SIZES
        else Estimate(None, None)
        for k in range(len(levels))
    ]
    reached = np.sum(there & (bound < 1), axis=(1, 2)) / there.sum(axis=(1, 2))
    return ThresholdScan(fields, np.exp(levels), shares, kappa, reached)


def _range(curves: LearningCurves) -> tuple[float, float]:
    """Returns log losses between which sizes can be told: all start above the first."""
    with np.errstate(invalid="ignore"):
        lowest = np.nanmin(np.where(np.isfinite(curves.logs), curves.logs, np.inf), 1)
    first = curves.logs[:, 0]
    top = float(np.nanmin(first)) if np.isfinite(first).any() else 0.0
    # the third size by how far it gets: below, no slope has three sizes
    reach = np.sort(np.where(np.isfinite(lowest), lowest, np.inf).min(axis=1))
    return top, min(float(reach[MIN_SIZES - 1]), top)


def log_crossings(
    curves: LearningCurves, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns log epochs until log loss first falls below a level, and what they are.

    Args:
        curves: along power laws between their times.
        level: log loss.

    Returns:
        [curves, seeds] log epochs, NaN for runs that have none; and 0 where they are
        exact, 1 for the last epoch of a run that never got there, -1 for the first of
        one that was below it then.
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
