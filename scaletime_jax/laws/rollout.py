"""Errors of laws by distance: each rung is predicted from all rungs below it.

A rung is a size (several shapes of nearly one size are one rung) in the second half of
its training, or the second half of a time. The law that predicted the lower
rungs best is the law that one would have chosen before the top rung was run, so that
its error on the top rung is an honest one.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import (
    BASELINE,
    DIRECTIONS,
    Case,
    Points,
    held_out_points,
    try_law,
)
from scaletime_jax.laws.law import Law, finish_law
from scaletime_jax.laws.predictors import PREDICTORS, Predictor
from scaletime_jax.laws.resampling import resample_means
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import ceiling_of
from scaletime_jax.runs.learning_curves import LearningCurves, learning_curves
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.estimates import Estimate, Resamples
from scaletime_jax.track import Track, quiet

LEAST = 2  # rungs that a law is fitted to
MOST = 6  # sources in a direction, evenly spaced
SMALLEST = 1e-9  # error that counts, below which there are rounding errors


def last_measured(curves: LearningCurves, axis: str = "") -> Law:
    """Predicts the last loss of the largest known size: no change in any direction.

    Unlike `axis_laws.fit_no_change`, also of sizes that were trained for longer than
    any known size. Train sizes that are not among the curves have no prediction.
    """
    means = resample_means(curves)

    def log_loss(num_params, epoch, train_size, which):
        logs = np.full((len(means[which]), len(num_params)), np.nan)
        for point, at in enumerate(zip(num_params, epoch, train_size, strict=True)):
            size, end, examples = at
            known = (curves.train_size == examples) & (curves.num_params <= size)
            early = curves.epoch <= end * (1 + 1e-9)
            there = np.isfinite(means[0]) & known[:, None] & early
            for curve in np.flatnonzero(there.any(axis=1)):  # a larger one is better
                value = means[which, curve, np.flatnonzero(there[curve])[-1]]
                logs[:, point] = np.where(np.isfinite(value), value, logs[:, point])
        return logs

    return finish_law(log_loss, curves, True, True, {})


# All laws, where the baseline predicts in any direction.
LAWS = tuple(
    each._replace(fit=last_measured) if each.name == BASELINE else each
    for each in PREDICTORS
)


class Rung(NamedTuple):
    """One law on one rung.

    Attributes:
        fields: the setting.
        direction: 'num_params' or 'epoch'.
        predictor: the law's name.
        source: largest size, or longest time, that the law was fitted to.
        target: the size predicted, or the end of the times predicted.
        errors: [1 + resamples] mean |log(predicted / true)| over the points of the rung
            and over train sizes. Where the law predicts nothing the last measured loss
            is the prediction.
        reached: share of points at which the law predicts a loss.
        covered: share of runs inside the law's 95% intervals.
        resamples: resamples of the errors.
    """

    fields: dict
    direction: str
    predictor: str
    source: float
    target: float
    errors: np.ndarray
    reached: float
    covered: float | None
    resamples: Resamples

    @property
    def error(self) -> Estimate:
        """The mean error with its interval."""
        return self.resamples.estimate(self.errors)

    @property
    def distance(self) -> float:
        """The factor of size, or of time, between the rung and the data."""
        return self.target / self.source


class Chosen(NamedTuple):
    """The law that the lower rungs choose, on the top rung.

    Attributes:
        law: the chosen law on the top rung, fitted to all rungs below.
        unchanged: predicting no change, on the same rung.
        hindsight: the law with the smallest error on the top rung.
        against_unchanged: log of the error of the chosen law over that of no change.
        below: geometric mean of the errors of the chosen law on the lower rungs.
    """

    law: Rung
    unchanged: Rung
    hindsight: Rung
    against_unchanged: Estimate
    below: float


class _Source(NamedTuple):
    """What laws are fitted to, and the rungs that they predict from it."""

    case: Case
    largest: float
    targets: list[float]  # of each train size of what was held out


def roll_out(
    table: pd.DataFrame,
    threshold: float | None = None,
    predictors: Sequence[Predictor] = LAWS,
    track: Track = quiet,
) -> list[Rung]:
    """Returns each law on each rung, from each number of lower rungs.

    Args:
        table: one row per run and evaluation.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, where known.
        predictors: the laws.
        track: shows the progress.

    Raises:
        InputError: no setting has three sizes, or times over a factor of 8.
    """
    sources: list[_Source] = []
    for fields, rows in split_table(table, setting_of(table)):
        curves = learning_curves(rows, ceiling=ceiling_of(rows, threshold))
        for direction in DIRECTIONS:
            sources += _sources(curves, fields, direction)
    if not sources:
        raise InputError(
            "no setting has three sizes, or losses at times over a factor of 8; give "
            "more sizes or longer runs."
        )
    pairs = list(itertools.product(sources, predictors))
    return [rung for each in track(pairs, "laws rolled out") for rung in _try(*each)]


def choose(rungs: Sequence[Rung]) -> list[Chosen]:
    """Returns the law that the lower rungs choose, in each setting and direction.

    The chosen law has the smallest geometric mean of errors over all rungs below the
    top one, each predicted from fewer rungs. In an arithmetic mean the farthest rungs,
    whose errors are largest, would choose alone. Settings whose top rung is the only
    one predicted give no choice.
    """
    groups: dict[tuple, list[Rung]] = {}
    for rung in rungs:
        key = *rung.fields.values(), rung.direction
        groups.setdefault(key, []).append(rung)
    return [made for each in groups.values() if (made := _choose(each)) is not None]


def _choose(rungs: Sequence[Rung]) -> Chosen | None:
    top = max(rung.target for rung in rungs)
    last = max(rung.source for rung in rungs)
    final = {
        rung.predictor: rung
        for rung in rungs
        if rung.target == top and rung.source == last and np.isfinite(rung.errors[0])
    }
    below: dict[str, list[float]] = {name: [] for name in final}
    for rung in rungs:
        measured = rung.reached > 0 and np.isfinite(rung.errors[0])
        if rung.target < top and rung.predictor in final and measured:
            below[rung.predictor].append(float(rung.errors[0]))
    most = max(map(len, below.values()), default=0)
    # a law is compared on the rungs of all laws
    means = {
        name: float(np.exp(np.mean(np.log(np.maximum(errors, SMALLEST)))))
        for name, errors in below.items()
        if errors and len(errors) == most
    }
    if not means or BASELINE not in final:
        return None
    name = min(means, key=lambda each: means[each])
    chosen, unchanged = final[name], final[BASELINE]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(chosen.errors / unchanged.errors)
    return Chosen(
        chosen,
        unchanged,
        min(final.values(), key=lambda each: each.errors[0]),
        chosen.resamples.estimate(ratio),
        means[name],
    )


def _sources(curves: LearningCurves, fields: dict, direction: str) -> Iterator[_Source]:
    for largest, known, rungs in _divisions(curves, direction):
        held_out: list[tuple[float, Points]] = []
        targets: list[float] = []
        for target, rung in rungs:
            of_sizes = list(held_out_points(rung))
            held_out += of_sizes
            targets += [target] * len(of_sizes)
        if known.learned.any() and held_out:
            stand_in = last_measured(known)
            case = Case(fields, direction, known, held_out, stand_in)
            yield _Source(case, largest, targets)


def _divisions(
    curves: LearningCurves, direction: str
) -> Iterator[tuple[float, LearningCurves, list[tuple[float, LearningCurves]]]]:
    """Yields the largest rung known, its curves, and the rungs above."""
    count = int(curves.rungs.max()) + 1
    if direction == "num_params":
        tops = [curves.num_params[curves.rungs == k].max() for k in range(count)]
        for at in _spread(count - LEAST):
            below = curves.rungs < LEAST + at
            above = [
                (float(tops[k]), curves.where(curves.rungs == k).second_half)
                for k in range(LEAST + at, count)
            ]
            yield float(tops[LEAST + at - 1]), curves.where(below), above
        return
    ends = curves.epoch[-1] / 2.0 ** np.arange(MOST)[::-1]
    for at, largest in enumerate(ends[:-1]):
        known = curves.until(largest)
        if len(known.epoch) < LEAST or count < LEAST:
            continue
        above = []
        for first, end in itertools.pairwise(ends[at:]):
            late = (curves.epoch > first * (1 + 1e-9)) & (
                curves.epoch <= end * (1 + 1e-9)
            )
            part = curves._replace(epoch=curves.epoch[late], logs=curves.logs[:, late])
            above.append((float(end), part))
        yield float(largest), known, above


def _spread(count: int) -> list[int]:
    """Returns at most MOST of the numbers below `count`, the last among them."""
    if count <= 0:
        return []
    return sorted({round(x) for x in np.linspace(0, count - 1, min(count, MOST))})


def _try(source: _Source, predictor: Predictor) -> Iterator[Rung]:
    trials = try_law(source.case, predictor)
    for target, members in itertools.groupby(
        zip(source.targets, trials, strict=True), key=lambda each: each[0]
    ):
        mine = [trial for _, trial in members]
        covered = [trial.covered for trial in mine if trial.covered is not None]
        yield Rung(
            source.case.fields,
            source.case.direction,
            predictor.name,
            source.largest,
            target,
            np.mean([trial.errors for trial in mine], axis=0),
            float(np.mean([trial.reached for trial in mine])),
            float(np.mean(covered)) if covered else None,
            mine[0].resamples,
        )
