"""The best size, training time and train size for a budget."""

from typing import NamedTuple

import numpy as np

from scaletime_jax.errors import InputError
from scaletime_jax.laws.budget import Budget, make_limits
from scaletime_jax.laws.budget_plans import BudgetPlan, plan_budgets
from scaletime_jax.laws.measured import Measured, best_within, measured_means
from scaletime_jax.laws.next_runs import find_next_runs
from scaletime_jax.laws.planner import (
    Option,
    Plan,
    Proposal,
    choose_plan,
    propose_plans,
)
from scaletime_jax.laws.ranking import Choice, rank_laws
from scaletime_jax.runs.clock import Clock
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import ceiling_of, check_threshold
from scaletime_jax.runs.learning_curves import LearningCurves, learning_curves
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.studies.plan_request import Request, check, make_budget
from scaletime_jax.studies.plan_rows import (
    budget_rows,
    exchange_rows,
    next_rows,
    option_row,
    size_rows,
)
from scaletime_jax.studies.plan_words import (
    describe_budgets,
    describe_exchange,
    describe_next_runs,
    describe_plan,
    why_passed_over,
)
from scaletime_jax.studies.result import Result, finite
from scaletime_jax.track import Track, quiet

NAME = "plan"
TITLE = "Size, training time and train size of the least loss on a budget"
CAPTION = (
    "Draws the predicted loss on one budget, and a map of sizes and times. Left: test "
    "loss against size, each size trained for as long as the budget allows, with the "
    "95% interval of one run; the circle is the best size, the thick part of the axis "
    "marks the sizes whose loss is the same within the error, and grey areas lie "
    "beyond the measured sizes. Right: lines of equal predicted loss at the best train "
    "size; dots are measured, and dashes are the budget."
)
GRID = 60


class DrawnPlan(NamedTuple):
    """The numbers of a plan that the figure shows.

    Attributes:
        setting: columns that all runs share.
        budget: the budget in words.
        time: name of the unit of the training time, such as 'epochs'.
        best: the option of the least predicted loss.
        as_good: smallest and largest num_params that do as well as the best.
        frontier: options along the budget.
        measured: [2, points] sizes and times of evaluations, at the best train size.
        sizes: [columns] of the map.
        epochs: [rows] of the map, times.
        loss: [rows, columns] predicted loss; NaN where the law predicts nothing.
    """

    setting: dict
    budget: str
    time: str
    best: Option
    as_good: tuple[float, float]
    frontier: list[Option]
    measured: np.ndarray
    sizes: np.ndarray
    epochs: np.ndarray
    loss: np.ndarray


def study(
    runs: Runs,
    request: Request,
    threshold: float | None = None,
    track: Track = quiet,
) -> Result:
    """Returns the size, epochs and train size of the least test loss on a budget.

    Args:
        runs: runs of one setting, whose examples or tokens seen are known.
        request: budget and limits.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, and no threshold for logs.
        track: shows the progress.

    Raises:
        InputError: the request is impossible, or the runs are not enough for a plan.
    """
    check(request)
    budget = make_budget(request, runs)
    setting = only_setting(runs)
    check_threshold(threshold)
    curves = learning_curves(runs.table, ceiling=ceiling_of(runs.table, threshold))
    limits = make_limits(
        curves, request.max_num_params, request.max_epochs, request.max_train_size
    )
    choices = rank_laws(curves, budget, limits, track)
    chosen = [each for each in choices if request.law in (None, each.name)]
    proposals = propose_plans(curves, budget, chosen)
    plan = choose_plan(proposals)
    means = measured_means(runs.table)
    measured = best_within(means, budget, limits)
    exchange = exchange_rows(plan, budget)
    known = BudgetPlan(budget, plan, "", measured)
    around = plan_budgets(curves, means, known, chosen, limits, track)
    tables = {
        "budget": [option_row(each, budget.clock) for each in plan.frontier],
        "exchange": exchange,
        "budgets": budget_rows(around, budget.clock),
        "sizes": size_rows(runs),
    }
    laws = [_summarise_law(each, proposals, plan, budget.clock) for each in choices]
    summary = _summarise(plan, budget, exchange, laws, measured)
    notes = describe_plan(plan, budget, measured)
    if request.next_runs:
        of_next = budget._replace(amount=request.next_budget or budget.amount)
        proposed = find_next_runs(curves, plan, of_next, request.next_runs, track)
        tables["next_runs"] = next_rows(proposed, budget.clock)
        summary["next_runs"] = {**proposed._asdict(), "runs": tables["next_runs"]}
        notes += describe_next_runs(proposed, of_next)
    return Result(
        NAME,
        TITLE,
        CAPTION,
        [],
        tables,
        {
            "setting": setting,
            **summary,
            "budgets": describe_budgets(around),
            "how_read": runs.notes,
        },
        {"plan": _drawn(plan, curves, setting, budget)},
        notes + describe_exchange(exchange, budget.clock),
    )


def only_setting(runs: Runs) -> dict:
    """Returns the setting of the runs.

    Raises:
        InputError: the runs are of several settings.
    """
    names = setting_of(runs.table)
    settings = [fields for fields, _ in split_table(runs.table, names)]
    for name in names:
        values = list(dict.fromkeys(fields[name] for fields in settings))
        if len(values) > 1:
            values.sort(key=lambda value: (value is None, value))
            raise InputError(
                f"the runs mix {name} {' and '.join(map(str, values))}; a plan needs "
                f"one {name}, choose one.",
                **{name: values[0]},
            )
    return settings[0]


def _summarise(
    plan: Plan,
    budget: Budget,
    exchange: list[dict],
    laws: list[dict],
    measured: Measured | None,
) -> dict:
    best = {
        **option_row(plan.best, budget.clock),
        "mean": plan.mean,
        "as_good": plan.as_good,
        "beyond": plan.beyond,
        "at_limit": plan.at_limit,
        "law": plan.choice.name,
    }
    return {
        "budget": {"amount": budget.amount, "unit": budget.unit},
        "best": best,
        "best_measured": measured and measured._asdict(),
        "exchange": exchange,
        "laws": laws,
    }


def _summarise_law(
    choice: Choice, proposals: list[Proposal], plan: Plan, clock: Clock
) -> dict:
    """Returns a law in numbers: its errors, its best run and why it does not plan."""
    mine = next((p for p in proposals if p.choice.name == choice.name), None)
    own = mine.plan if mine else None
    return {
        "law": choice.name,
        "errors": choice.errors,
        "kept_in": choice.kept_in,
        "reaches": choice.reaches,
        "converged": choice.law.converged,
        "identified": choice.law.identified,
        "parameters": {k: finite(v) for k, v in choice.law.parameters.items()},
        "best": own and option_row(own.best, clock),
        "mean": own and tuple(map(finite, own.mean)),
        "passed_over": why_passed_over(mine, proposals, plan),
    }


def _drawn(
    plan: Plan, curves: LearningCurves, setting: dict, budget: Budget
) -> DrawnPlan:
    n = plan.best.train_size
    mine = curves.where(curves.train_size == n)
    size, epoch = np.meshgrid(mine.num_params, mine.epoch, indexing="ij")
    there = np.isfinite(mine.logs).any(axis=2)
    longest = max(*(each.epoch for each in plan.frontier), float(curves.epoch[-1]))
    sizes = np.geomspace(*plan.choice.limits.num_params, GRID)
    epochs = np.geomspace(curves.epoch[0], longest, GRID)
    across, along = np.meshgrid(sizes, epochs)
    at = across.ravel(), along.ravel(), np.full(across.size, n)
    loss = np.exp(plan.choice.law.best(*at)).reshape(across.shape)
    return DrawnPlan(
        setting,
        str(budget),
        budget.clock.plural,
        plan.best,
        plan.as_good,
        plan.frontier,
        np.stack([size[there], epoch[there]]),
        sizes,
        epochs,
        loss,
    )
