"""Resamples of learning curves: of seeds, or of sizes where most have one seed."""

import numpy as np

from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.estimates import Resamples, leaving_out, over_seeds

# Rungs of runs with one seed, for one to be left out: the others still show a bend.
LEAST_RUNGS = 4


def resamples_of(curves: LearningCurves) -> Resamples:
    """Returns the resamples of curves: of seeds, or of rungs left out in turn."""
    if _leaves_out(curves):
        return leaving_out(curves.units.number)
    return over_seeds(curves.seeds)


def _leaves_out(curves: LearningCurves) -> bool:
    return curves.units.number >= LEAST_RUNGS


def resample_means(curves: LearningCurves) -> np.ndarray:
    """Returns the mean log loss [1 + resamples, curves, times].

    The first row is for the data, the others are for resamples; NaN where a resample
    has no run.
    """
    if _leaves_out(curves):
        return np.where(kept_units(curves)[:, :, None], curves.mean, np.nan)
    there = np.isfinite(curves.logs)
    drawn = over_seeds(curves.seeds).weights
    weight = np.tensordot(drawn, there, (1, -1))
    total = np.tensordot(drawn, np.where(there, curves.logs, 0.0), (1, -1))
    some = weight > 1e-12
    return np.where(some, total / np.where(some, weight, 1.0), np.nan)


def kept_units(curves: LearningCurves) -> np.ndarray:
    """Returns which curves each row has [1 + units, curves], all in the first row."""
    rows = np.arange(-1, curves.units.number)[:, None]
    return rows != curves.units.of


def by_own_size(curves: LearningCurves) -> np.ndarray | None:
    """Returns the row [curves] that leaves out the curve; None where none does."""
    return 1 + curves.units.of if _leaves_out(curves) else None
