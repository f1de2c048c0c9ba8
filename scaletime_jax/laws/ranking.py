"""The laws that can plan, fitted to all runs and tested on held-out runs."""

from collections.abc import Container
from typing import NamedTuple

import numpy as np

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import (
    BASELINE,
    DIRECTIONS,
    Split,
    Trial,
    make_cases,
    try_laws,
)
from scaletime_jax.laws.budget import Budget, Limits
from scaletime_jax.laws.law import Law
from scaletime_jax.laws.predictors import PREDICTORS
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.lines import MIN_SIZES
from scaletime_jax.track import Track, quiet
from scaletime_jax.words import count_of, tell_error

JOINT = [each for each in PREDICTORS if each.joint]
NO_CHANGE = next(each for each in PREDICTORS if each.name == BASELINE)
# Mean |log(predicted / true)| beyond which a law is not trusted outside the runs.
MOST_ERROR = np.log(2)
SIZES = 61
# A law's weight is its error on held-out runs, at least LEAST_ERROR, to this power.
DISCERNMENT, LEAST_ERROR = 4.0, 0.003


class Choice(NamedTuple):
    """A law with its errors on held-out runs.

    Attributes:
        name: the law's name.
        law: the law fitted to all runs.
        errors: mean |log(predicted / true)| by direction, over train sizes; None if
            nothing could be held out.
        limits: limits of the search. Along the directions in `kept_in` they end at the
            largest measured value.
        kept_in: why the law does not plan beyond the runs, by direction, for each
            direction in which its error is a factor of two or more, above the error of
            predicting no change, or not known.
        reaches: share of the options within budget and limits that the law predicts.
        rivals: all laws fitted to the runs, with their weights.
    """

    name: str
    law: Law
    errors: dict[str, float | None]
    limits: Limits
    kept_in: dict[str, str]
    reaches: float
    rivals: tuple[tuple[float, Law], ...] = ()

    @property
    def error(self) -> float:
        """Mean error over the directions in which the law could be tested."""
        known = [e for e in self.errors.values() if e is not None]
        return float(np.mean(known)) if known else np.inf


def rank_laws(
    curves: LearningCurves, budget: Budget, limits: Limits, track: Track = quiet
) -> list[Choice]:
    """Returns the laws that can plan, sorted by their error on held-out runs.

    The error is the mean over directions: larger networks from smaller ones, longer
    training from shorter.

    Args:
        curves: of runs.
        budget: what a run may cost.
        limits: where to look.
        track: shows the progress.

    Raises:
        InputError: the runs are too few, or too short, to fit a law.
    """
    sizes = np.unique(curves.num_params)
    if len(sizes) < MIN_SIZES:
        raise InputError(
            f"the runs have {count_of(len(sizes), 'size')} (num_params); a plan needs "
            f"at least {MIN_SIZES} to measure the effect of size."
        )
    tried = [NO_CHANGE, *JOINT]
    trials = try_laws(make_cases(curves, {}, Split()), tried, track)
    if not trials:
        raise InputError(
            "the runs are too short for a plan: without the largest networks or the "
            "later epochs, nothing has been learned from which to predict them; train "
            "longer."
        )
    choices, unchanged = [], _errors(trials, NO_CHANGE.name)
    for each in track(JOINT, "laws fitted"):
        law = each.fit(curves, "num_params")
        errors = _errors(trials, each.name)
        kept_in = {
            direction: reason
            for direction, error in errors.items()
            if (reason := _distrust(error, unchanged[direction]))
        }
        narrow = _keep_in(limits, kept_in, curves)
        choice = Choice(each.name, law, errors, narrow, kept_in, reaches=0.0)
        choices.append(at_budget(choice, budget))
    rivals = _weigh(choices)
    choices = [each._replace(rivals=rivals) for each in choices]
    return sorted(choices, key=lambda each: each.error)


def dispute(
    choice: Choice, num_params, epoch, train_size, between: bool = False
) -> np.ndarray:
    """Returns the root mean square difference of log loss to all laws.

    The laws are weighted by their errors on held-out runs. A law that predicts no loss
    at a point has no say there.

    Args:
        choice: the law.
        num_params: [points].
        epoch: [points].
        train_size: [points].
        between: whether differences of log loss between points are compared.

    Returns:
        [points], or [points, points] for differences between points.
    """
    own = choice.law.best(num_params, epoch, train_size)
    shape = own.shape * (2 if between else 1)
    squares, total = np.zeros(shape), np.zeros(shape)
    for weight, law in choice.rivals:
        with np.errstate(invalid="ignore"):
            apart = law.best(num_params, epoch, train_size) - own
            square = (between_points(apart) if between else apart) ** 2
        known = np.isfinite(square)
        squares += np.where(known, weight * square, 0.0)
        total += weight * known
    return np.sqrt(squares / np.maximum(total, 1e-300))


def between_points(values: np.ndarray) -> np.ndarray:
    """Returns the values [..., points] less those at each point [..., points, points].

    Two laws, or two resamples, differ less in such differences than in losses.
    """
    return values[..., :, None] - values[..., None, :]


def _weigh(choices: list[Choice]) -> tuple[tuple[float, Law], ...]:
    """Returns the laws with weights that fall with their errors on held-out runs."""
    errors = np.maximum([each.error for each in choices], LEAST_ERROR)
    weights = errors**-DISCERNMENT
    total = weights.sum()
    if not total > 0:
        return ()
    laws = [each.law for each in choices]
    return tuple(zip(map(float, weights / total), laws, strict=True))


def at_budget(choice: Choice, budget: Budget) -> Choice:
    """Returns the choice with its reach on a budget; all else is the same on each."""
    at = _affordable(budget, choice.limits)
    return choice._replace(reaches=float(np.isfinite(choice.law.best(*at)).mean()))


def _distrust(error: float | None, unchanged: float | None) -> str:
    """Returns why a law is not trusted beyond the runs, a clause; '' if it is.

    Args:
        error: of the law on held-out runs, None if not known.
        unchanged: of predicting no change.
    """
    if error is None:
        return "no run could be held out to test the law"
    factor = f"the law's error on held-out runs is {tell_error(error)}"
    if error > MOST_ERROR:
        return f"{factor}, more than two"
    if unchanged is not None and error > unchanged:
        return f"{factor}, and that of predicting no change {tell_error(unchanged)}"
    return ""


def _keep_in(limits: Limits, kept_in: Container[str], curves: LearningCurves) -> Limits:
    low, high = limits.num_params
    if "num_params" in kept_in:
        high = max(low, min(high, float(curves.num_params.max())))
    if "epoch" in kept_in:
        limits = limits._replace(epoch=min(limits.epoch, float(curves.epoch[-1])))
    return limits._replace(num_params=(low, high))


def _errors(trials: list[Trial], name: str) -> dict[str, float | None]:
    """Returns the mean error of a predictor by direction; None where not tested."""
    found: dict[str, float | None] = {}
    for direction in DIRECTIONS:
        mine = [t for t in trials if (t.predictor, t.direction) == (name, direction)]
        errors = [trial.errors[0] for trial in mine]
        found[direction] = (
            float(np.nanmean(errors)) if np.isfinite(errors).any() else None
        )
    return found


def _affordable(budget: Budget, limits: Limits):
    """Returns num_params, epoch and train_size of options that use the whole budget."""
    sizes = np.geomspace(*limits.num_params, SIZES)
    at = []
    for n in limits.train_sizes:
        epochs = np.minimum(budget.epochs(sizes, n), limits.epoch)
        at.append(np.stack([sizes, epochs, np.full(SIZES, n)]))
    return np.concatenate(at, axis=1)
