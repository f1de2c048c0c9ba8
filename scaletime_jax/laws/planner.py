"""The best size, training time and train size within a budget."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scaletime_jax.errors import InputError
from scaletime_jax.laws.beyond import Beyond, beyond_of, ends_of
from scaletime_jax.laws.budget import Budget, Limits
from scaletime_jax.laws.law import EVERY, Law, Prediction
from scaletime_jax.laws.ranking import Choice, between_points, dispute
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.estimates import t_quantile

SIZES, TIMES, ZOOMS = 61, 25, 2
LEAST_REACH = 0.5  # shares of the epochs that the budget affords
# The widest interval of the mean loss that is a plan, as the ratio of its ends.
WIDEST = 2.0
EXCHANGES = (0.25, 0.5, 1.0, 2.0, 4.0)


class Option(NamedTuple):
    """A size, with the training time that the budget affords for this size.

    Attributes:
        num_params: trainable parameters.
        epoch: of training.
        train_size: examples.
        loss: predicted test loss of one run.
        low: lower end of its 95% interval.
        high: upper end of its 95% interval.
    """

    num_params: float
    epoch: float
    train_size: float
    loss: float
    low: float
    high: float


class Plan(NamedTuple):
    """The recommended run, with the alternatives to it.

    Attributes:
        best: the option of the least predicted loss.
        exchange: smaller and larger networks, trained longer or shorter in proportion.
        frontier: options along the budget, at the best train size.
        beyond: factors by which the best lies outside the measured range, by name; 1
            inside the range.
        choice: the law of the plan.
        mean: ends of the 95% interval of the mean loss of such runs: without the
            scatter of single runs, which no plan can remove.
        at_limit: names of the limits at which the best lies.
    """

    best: Option
    exchange: list[Option]
    frontier: list[Option]
    beyond: dict[str, float]
    choice: Choice
    mean: tuple[float, float]
    at_limit: list[str]

    @property
    def as_good(self) -> tuple[float, float]:
        """Smallest and largest num_params that do as well as the best on this budget.

        These are the sizes around the best whose loss is not above that of any size on
        the frontier by more than the error of their difference, with one standard
        deviation of the law's misfit of the means over seeds and of its difference to
        other laws. Losses are compared under the same resample. Far from the best, a
        size is told from sizes nearer to the best before it is told from the best.
        """
        return _as_good(self.choice, [*self.frontier, self.best])


class Proposal(NamedTuple):
    """The plan of one law, or the reason why the law has none.

    Attributes:
        choice: the law.
        plan: None if the law has no plan.
        width: median log width of the law's 95% intervals at the best options of all
            laws, with its difference to the other laws; infinite if the law has no
            interval at one of them.
        refused: why there is no plan, a clause; '' if there is one.
    """

    choice: Choice
    plan: Plan | None
    width: float
    refused: str

    @property
    def spread(self) -> float:
        """The ratio of the ends of the plan's interval of the mean loss."""
        if self.plan is None or not np.isfinite(self.plan.mean).all():
            return np.inf
        low, high = self.plan.mean
        return high / low


def best_plan(
    curves: LearningCurves, budget: Budget, choices: Sequence[Choice]
) -> Plan:
    """Returns the plan of the law with the narrowest prediction intervals.

    Args:
        curves: the curves that the laws were fitted to.
        budget: the most that a run may cost.
        choices: some or all of the laws that `rank_laws` returns.

    Raises:
        InputError: no law is good enough for a plan.
    """
    return choose_plan(propose_plans(curves, budget, choices))


def propose_plans(
    curves: LearningCurves, budget: Budget, choices: Sequence[Choice]
) -> list[Proposal]:
    """Returns what each law plans, in the order of the choices.

    The intervals are compared at the best options of all laws. They contain the scatter
    of the runs, the error of the fit and, beyond the runs, the error on held-out runs.
    For the comparison the difference to the other laws is added, because a law alone
    may be sure of a loss that no other law predicts. Their median is compared, because
    a law that plans far from the others would decide the mean: all others are unsure of
    its run.

    Args:
        curves: the curves that the laws were fitted to.
        budget: the most that a run may cost.
        choices: some or all of the laws that `rank_laws` returns.
    """
    found = [_propose(curves, budget, each) for each in choices]
    plans = [each.plan for each in found if each.plan]
    if not plans:
        return found
    at = np.array([plan.best[:3] for plan in plans]).T
    for k, each in enumerate(found):
        if each.plan:
            options = _options(each.choice, beyond_of(curves, each.choice), *at)
            apart = t_quantile(np.inf) * dispute(each.choice, *at)
            found[k] = each._replace(width=_middle_width(options, apart))
    return found


def _propose(curves: LearningCurves, budget: Budget, choice: Choice) -> Proposal:
    if choice.reaches < LEAST_REACH:
        share = f"for {choice.reaches:.0%} of the sizes that the budget affords"
        return Proposal(choice, None, np.inf, f"it predicts a loss {share}")
    try:
        return Proposal(choice, make_plan(curves, budget, choice), np.inf, "")
    except InputError as error:
        return Proposal(choice, None, np.inf, str(error).rstrip("."))


def choose_plan(proposals: Sequence[Proposal]) -> Plan:
    """Returns the plan of the law with the narrowest intervals.

    Laws that know the loss of their own plan within a factor of `WIDEST` come first.

    Raises:
        InputError: no law has a plan, or none is sure enough of its loss.
    """
    planned = [each for each in proposals if each.plan]
    if not planned:
        for each in proposals:
            if each.choice.reaches >= LEAST_REACH:
                raise InputError(f"{each.refused}.")
        raise InputError(
            "no law predicts losses for this budget: the runs are too small or too "
            "short; lower the budget or train larger networks for longer."
        )
    sure = [each for each in planned if each.spread <= WIDEST]
    narrowest = min(sure or planned, key=lambda each: each.width)
    plan = narrowest.plan
    if plan is None or not np.isfinite(narrowest.width):
        raise InputError(
            "no law has an interval for these runs; train more sizes or seeds."
        )
    if not sure:
        low, high = plan.mean
        raise InputError(
            f"no law knows the loss at this budget within a factor of {WIDEST:g}: the "
            f"law with the narrowest interval, {plan.choice.name}, gives "
            f"{plan.best.loss:.3g} [{low:.3g}, {high:.3g}] for its best run; lower the "
            "budget, or train runs nearer to it."
        )
    return plan


def _middle_width(options: list[Option], apart: np.ndarray) -> float:
    """Returns the median log width of intervals with the difference to other laws.

    It is infinite if the law has no interval at one of the options.
    """
    widths = np.array([np.log(each.high / each.low) for each in options])
    widths = np.hypot(widths, 2 * apart)
    return float(np.median(widths)) if np.isfinite(widths).all() else np.inf


def make_plan(curves: LearningCurves, budget: Budget, choice: Choice) -> Plan:
    """Returns the best option that the budget affords by one law, with alternatives.

    Sizes and times are searched on a grid, then on a finer grid around the best. Times
    shorter than the budget allows are options too, because losses can rise again.

    Raises:
        InputError: the law predicts no loss within the budget.
    """
    limits, beyond = choice.limits, beyond_of(curves, choice)
    at = _search(choice.law, curves, budget, limits)
    alone = [np.array([each]) for each in at]
    best = _options(choice, beyond, *alone)[0]
    mean = choice.law.predict(at[0], at[1], at[2], of_mean=True)
    mean = _widen(mean, beyond.miss(*alone))
    frontier = _options(choice, beyond, *_along(budget, limits, at))
    factors = np.array(EXCHANGES)
    sizes, epochs = best.num_params * factors, best.epoch / factors
    exchange = _options(choice, beyond, sizes, epochs, np.full(len(sizes), at[2]))
    return Plan(
        best,
        exchange,
        frontier,
        _beyond(curves, best),
        choice,
        (float(mean[1][0]), float(mean[2][0])),
        _at_limit(budget, limits, best),
    )


def _search(law: Law, curves: LearningCurves, budget: Budget, limits: Limits):
    low, high = np.log(limits.num_params)
    first, found = float(curves.epoch[0]), None
    for n in limits.train_sizes:
        sizes = np.linspace(low, high, SIZES)
        longest = np.minimum(budget.epochs(np.exp(sizes), n), limits.epoch).max()
        least = min(-1.0, np.log(first / longest))  # as short as was measured
        share = np.linspace(least, 0.0, TIMES)
        for _ in range(1 + ZOOMS):
            size, part = (each.ravel() for each in np.meshgrid(np.exp(sizes), share))
            epoch = np.minimum(budget.epochs(size, n), limits.epoch) * np.exp(part)
            loss = law.best(size, epoch, np.full(len(size), float(n)))
            loss = np.where(epoch >= first * (1 - 1e-9), loss, np.nan)
            if not np.isfinite(loss).any():
                break
            k = int(np.nanargmin(loss))
            if found is None or loss[k] < found[0] - 1e-12:
                found = float(loss[k]), (size[k], epoch[k], float(n))
            sizes = _around(sizes, np.log(size[k]), low, high)
            share = _around(share, part[k], least, 0.0)
    if found is None:
        raise InputError(
            f"a budget of {budget} is out of the law's range: "
            "it is too small for the smallest network, or the law predicts no loss "
            "within it; change the budget or train other runs."
        )
    return found[1]


def _around(values: np.ndarray, centre: float, low: float, high: float) -> np.ndarray:
    reach = 1.5 * (values[1] - values[0])
    first, last = max(centre - reach, low), min(centre + reach, high)
    return np.linspace(first, last, len(values))


def _epochs_at(budget: Budget, limits: Limits, sizes: np.ndarray, at) -> np.ndarray:
    """Returns the epochs of each size: the best share of the epochs it can afford."""
    share = at[1] / min(float(budget.epochs(at[0], at[2])), limits.epoch)
    return share * np.minimum(budget.epochs(sizes, at[2]), limits.epoch)


def _along(budget: Budget, limits: Limits, at):
    sizes = np.geomspace(*limits.num_params, SIZES)
    return sizes, _epochs_at(budget, limits, sizes, at), np.full(SIZES, at[2])


def _options(
    choice: Choice, beyond: Beyond, num_params, epoch, train_size
) -> list[Option]:
    law = choice.law.predict(num_params, epoch, train_size)
    wider = _widen(law, beyond.miss(num_params, epoch, train_size))
    rows = zip(num_params, epoch, train_size, *wider, strict=True)
    return [Option(*map(float, row)) for row in rows]


def _widen(law: Prediction, miss: np.ndarray):
    mean = np.log(law.mean)
    reach = np.hypot(np.log(law.high) - mean, t_quantile(np.inf) * miss)
    return law.mean, np.exp(mean - reach), np.exp(mean + reach)


def _as_good(choice: Choice, options: list[Option]) -> tuple[float, float]:
    """Returns the first and last size around the best, the last option, of no loss."""
    sizes, epochs, train_size = np.array(options).T[:3]
    logs = choice.law.log_loss(sizes, epochs, train_size, EVERY)
    resamples = choice.law.resamples
    with np.errstate(invalid="ignore"):
        above = between_points(logs)  # the row's loss over the column's
        error = np.nan_to_num(resamples.error(above))
    error *= t_quantile(max(1, resamples.freedom))
    misfit = choice.law.scatter.at(epochs, train_size)[1]
    misfit = np.hypot(misfit[:, None], misfit)
    apart = dispute(choice, sizes, epochs, train_size, between=True)
    worse = (above[0] > np.sqrt(error**2 + misfit**2 + apart**2)).any(axis=1)
    good = np.isfinite(logs[0]) & ~worse
    best, order = sizes[-1], np.argsort(sizes)
    smaller = [k for k in order[::-1] if sizes[k] < best]
    larger = [k for k in order if sizes[k] > best]
    ends = []
    # far away little is known, and sizes beyond worse ones are not meant
    for side in (smaller, larger):
        near = itertools.takewhile(lambda k: good[k], side)
        ends.append(float(([best] + [sizes[k] for k in near])[-1]))
    return ends[0], ends[1]


def _beyond(curves: LearningCurves, best: Option) -> dict[str, float]:
    at = np.array([best.num_params]), np.array([best.train_size])
    largest, longest = ends_of(curves).near(*at)
    least = curves.num_params[curves.train_size == best.train_size].min()
    size = max(best.num_params / largest[0], least / best.num_params)
    time = max(best.epoch / longest[0], curves.epoch[0] / best.epoch)
    return {"num_params": float(max(1.0, size)), "epoch": float(max(1.0, time))}


def _at_limit(budget: Budget, limits: Limits, best: Option) -> list[str]:
    low, high = limits.num_params
    found = {
        "smallest size": best.num_params <= low * 1.001,
        "largest size": best.num_params >= high * 0.999,
        "longest training": best.epoch >= limits.epoch * 0.999,
    }
    return [name for name, there in found.items() if there]
