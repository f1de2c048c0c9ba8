"""Plans for budgets around the requested one, by the same fits of the laws."""

from typing import NamedTuple

import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.laws.budget import Budget, Limits
from scaletime_jax.laws.measured import Measured, best_within
from scaletime_jax.laws.planner import Plan, best_plan
from scaletime_jax.laws.ranking import Choice, at_budget
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.track import Track, quiet

WITHIN, STEPS = 100.0, 12  # factor down and up, and the steps of each


class BudgetPlan(NamedTuple):
    """The plan for one budget, or the reason why there is none.

    Attributes:
        budget: the budget.
        plan: None where the planner refuses.
        refused: the planner's sentence; '' if there is a plan.
        measured: the best measured within the budget, None without any.
    """

    budget: Budget
    plan: Plan | None
    refused: str
    measured: Measured | None


def budgets_around(budget: Budget) -> list[Budget]:
    """Returns budgets from a hundredth to a hundred times this one, this one between.

    The steps are equal in the logarithm of the budget, but for rounding to the three
    digits that are shown.
    """
    below, above = (
        [budget.amount * WITHIN ** (k / STEPS) for k in steps]
        for steps in (range(-STEPS, 0), range(1, STEPS + 1))
    )
    shown = [[float(f"{each:.3g}") for each in part] for part in (below, above)]
    amounts = [*shown[0], budget.amount, *shown[1]]
    return [budget._replace(amount=each) for each in amounts]


def plan_budgets(
    curves: LearningCurves,
    means: pd.DataFrame,
    known: BudgetPlan,
    choices: list[Choice],
    limits: Limits,
    track: Track = quiet,
) -> list[BudgetPlan]:
    """Returns a plan for each of `budgets_around`, the known one among them.

    Args:
        curves: the curves that the laws were fitted to.
        means: of the measured losses, as `measured_means` returns them.
        known: the plan for the requested budget.
        choices: the laws that may plan, as `rank_laws` returns them.
        limits: of the search.
        track: shows the progress.
    """
    found = []
    for budget in track(budgets_around(known.budget), "budgets planned"):
        if budget == known.budget:
            found.append(known)
            continue
        plan, refused = None, ""
        try:
            there = [at_budget(each, budget) for each in choices]
            plan = best_plan(curves, budget, there)
        except InputError as error:
            refused = str(error)
        measured = best_within(means, budget, limits)
        found.append(BudgetPlan(budget, plan, refused, measured))
    return found
