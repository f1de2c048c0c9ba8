"""Errors of laws on held-out runs: whole sizes, or all later times, are left out."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.laws.axis_laws import fit_no_change
from scaletime_jax.laws.law import EVERY, Law, make_targets
from scaletime_jax.laws.predictors import PREDICTORS, Predictor
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import ceiling_of
from scaletime_jax.runs.learning_curves import LearningCurves, learning_curves
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.estimates import Estimate, Resamples
from scaletime_jax.track import Track, quiet
from scaletime_jax.words import count_of

# Directions of extrapolation: from small to large networks, from short to long runs.
DIRECTIONS = ("num_params", "epoch")
TOWARDS = {"num_params": "larger networks", "epoch": "longer training"}
BASELINE, CLAIMED = "no change", "scale-time"


class Split(NamedTuple):
    """The part of the runs that laws are fitted to.

    Attributes:
        sizes: number of sizes, the smallest ones; None for half of the sizes and at
            least three, but not all.
        epochs: length of training; None for a tenth of the longest run.
    """

    sizes: int | None = None
    epochs: float | None = None


class Trial(NamedTuple):
    """One law on the held-out points of one train size.

    Attributes:
        fields: setting and train_size.
        direction: axis along which the law was extrapolated.
        predictor: the law's name.
        errors: [1 + resamples] mean |log(predicted / true)| over points evenly spaced
            in log time at which something had been learned. Where the law predicts
            nothing, the last loss measured along the direction is the prediction.
        reached: share of these points at which the law predicts a loss.
        covered: share of runs, at the points reached, inside the law's 95% intervals.
        converged: whether the fits of all train sizes converged.
        identified: whether the data determine the parameters of all these fits.
        resamples: resamples of the errors.
    """

    fields: dict
    direction: str
    predictor: str
    errors: np.ndarray
    reached: float
    covered: float | None
    converged: bool
    identified: bool
    resamples: Resamples


class Points(NamedTuple):
    """What was held out of one train size, where something had been learned.

    Attributes:
        num_params: [points].
        epoch: [points].
        train_size: [points].
        truth: [1 + resamples, points] mean log loss, by a bootstrap of the seeds.
        runs: [points, seeds] log loss.
    """

    num_params: np.ndarray
    epoch: np.ndarray
    train_size: np.ndarray
    truth: np.ndarray
    runs: np.ndarray


class Case(NamedTuple):
    """What laws are fitted to and asked for.

    Attributes:
        fields: the setting.
        direction: along which laws are extrapolated.
        known: what they are fitted to.
        held_out: train sizes, with what they are asked for.
        stand_in: what is last measured, for where a law does not reach.
    """

    fields: dict
    direction: str
    known: LearningCurves
    held_out: list[tuple[float, Points]]
    stand_in: Law


class Score(NamedTuple):
    """A law in one direction, over all train sizes of a setting.

    Attributes:
        fields: the setting.
        direction: axis along which the law was extrapolated.
        predictor: the law's name.
        error: mean over train sizes of the mean |log(predicted / true)|.
        against_claimed: log of scale-time's error over this law's, both over all train
            sizes; below 0 where scale-time predicts better.
        reached: mean over train sizes of `Trial.reached`.
        covered: mean over train sizes of `Trial.covered`.
        converged: whether all fits converged.
        identified: whether the data determine the parameters of all fits.
    """

    fields: dict
    direction: str
    predictor: str
    error: Estimate
    against_claimed: Estimate
    reached: float
    covered: float | None
    converged: bool
    identified: bool


def backtest(
    table: pd.DataFrame,
    split: Split,
    threshold: float | None = None,
    track: Track = quiet,
) -> list[Trial]:
    """Returns a trial of each law in each setting, direction and train size.

    Args:
        table: one row per run and evaluation.
        split: the part of the runs that laws are fitted to.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, where known.
        track: shows the progress.

    Raises:
        InputError: no runs are left to predict.
    """
    cases: list[Case] = []
    for fields, rows in split_table(table, setting_of(table)):
        curves = learning_curves(rows, ceiling=ceiling_of(rows, threshold))
        cases += make_cases(curves, fields, split)
    trials = try_laws(cases, track=track)
    if not trials:
        raise InputError(
            "no setting has two sizes to fit a law to, and a larger size to predict, "
            "with anything learned; give more sizes or longer runs."
        )
    if split.sizes and "num_params" not in {trial.direction for trial in trials}:
        raise InputError(
            f"no setting has more than {count_of(split.sizes, 'size')}, so no size is "
            "left to predict; give fewer sources.",
            sources=None,
        )
    return trials


def try_laws(
    cases: Sequence[Case],
    predictors: Sequence[Predictor] = PREDICTORS,
    track: Track = quiet,
) -> list[Trial]:
    """Returns a trial for each case, law and train size, in this order."""
    pairs = list(itertools.product(cases, predictors))
    return [trial for each in track(pairs, "laws tried") for trial in try_law(*each)]


def try_law(case: Case, predictor: Predictor) -> list[Trial]:
    """Returns a trial of one law for each train size of what was held out."""
    law = predictor.fit(case.known, case.direction)
    return [
        _try(law, case.stand_in, points)._replace(
            fields={**case.fields, "train_size": int(size) or None},
            direction=case.direction,
            predictor=predictor.name,
        )
        for size, points in case.held_out
    ]


def make_cases(curves: LearningCurves, fields: dict, split: Split) -> list[Case]:
    """Returns a case of one setting for each direction that leaves enough."""
    cases = []
    for direction in DIRECTIONS:
        halves = divide(curves, direction, split)
        if halves is not None:
            known, held_out = halves
            stand_in = fit_no_change(known, direction)
            points = list(held_out_points(held_out))
            cases.append(Case(fields, direction, known, points, stand_in))
    return cases


def divide(
    curves: LearningCurves, direction: str, split: Split
) -> tuple[LearningCurves, LearningCurves] | None:
    """Returns the curves to fit and the curves to predict; None if they are too few."""
    sizes = np.unique(curves.num_params)
    if direction == "num_params":
        count = split.sizes or max(min(3, len(sizes) - 1), -(-len(sizes) // 2))
        if count < 2 or count >= len(sizes):
            return None
        small = curves.num_params < sizes[count]
        known, held_out = curves.where(small), curves.where(~small)
    else:
        known = curves.until(split.epochs or float(curves.epoch[-1]) / 10)
        late = curves.epoch > (known.epoch[-1] if len(known.epoch) else 0)
        held_out = curves._replace(epoch=curves.epoch[late], logs=curves.logs[:, late])
        if len(known.epoch) < 2 or len(held_out.epoch) == 0 or len(sizes) < 2:
            return None
    if not known.learned.any() or not held_out.learned.any():
        return None
    return known, held_out


def held_out_points(held_out: LearningCurves) -> Iterator[tuple[float, Points]]:
    """Returns each train size with its points, where something had been learned."""
    for size in np.unique(held_out.train_size):
        part = held_out.where(held_out.train_size == size)
        # which sizes are left out concerns the fit alone
        targets = make_targets(part.over_seeds, learned=True)
        if len(targets.epoch):
            at = targets.num_params, targets.epoch, targets.train_size
            yield size, Points(*at, targets.mean, targets.runs)


def _try(law: Law, stand_in: Law, points: Points) -> Trial:
    at = points.num_params, points.epoch, points.train_size
    logs, last = law.log_loss(*at, EVERY), stand_in.log_loss(*at, EVERY)
    # the same points for all laws: points at which the stand-in has a value
    last = np.where(np.isfinite(last[:1]), last, np.nan)
    filled = np.where(np.isfinite(logs) & np.isfinite(last), logs, last)
    with np.errstate(invalid="ignore"):
        truth = points.truth[:1] if law.resamples.leaves_out else points.truth
        errors = _mean(np.abs(filled - truth), axis=1)
    reached = np.isfinite(logs[0])
    predicted = law.predict(*at)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = np.log(predicted.low)[:, None], np.log(predicted.high)[:, None]
        inside = (low <= points.runs) & (points.runs <= high)
    counted = reached[:, None] & np.isfinite(points.runs)
    covered = float(inside[counted].mean()) if counted.any() else None
    how = float(reached.mean()), covered, law.converged, law.identified
    return Trial({}, "", "", errors, *how, law.resamples)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    there = np.isfinite(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def score(trials: Sequence[Trial]) -> list[Score]:
    """Returns the trials averaged over train sizes."""
    groups: dict[tuple, list[Trial]] = {}
    for trial in trials:
        setting = tuple(v for k, v in trial.fields.items() if k != "train_size")
        groups.setdefault((setting, trial.direction, trial.predictor), []).append(trial)
    means = {
        key: np.mean([trial.errors for trial in members], axis=0)
        for key, members in groups.items()
    }
    scores = []
    for (setting, direction, predictor), members in groups.items():
        first = members[0]
        claimed = means[setting, direction, CLAIMED]
        mine = means[setting, direction, predictor]
        covered = [m.covered for m in members if m.covered is not None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(claimed / mine)
        scores.append(
            Score(
                {k: v for k, v in first.fields.items() if k != "train_size"},
                direction,
                predictor,
                first.resamples.estimate(mine),
                first.resamples.estimate(ratio),
                float(np.mean([m.reached for m in members])),
                float(np.mean(covered)) if covered else None,
                first.converged,
                first.identified,
            )
        )
    return scores
