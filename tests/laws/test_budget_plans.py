"""Plans for budgets around one, by laws that are fitted once."""

import numpy as np
import pandas as pd
import pytest
from drawn import draw

from scaletime_jax.laws.budget import Limits, flops_budget
from scaletime_jax.laws.budget_plans import BudgetPlan, budgets_around, plan_budgets
from scaletime_jax.laws.measured import measured_means
from scaletime_jax.laws.planner import make_plan
from scaletime_jax.laws.power_laws import fit_additive
from scaletime_jax.laws.ranking import Choice, at_budget
from scaletime_jax.laws.scale_time import fit_scale_time

BUDGET = flops_budget(6 * 1e4 * 100 * 500, 6.0)
LIMITS = Limits((1e3, 4e6), 1e5, [500.0])
ERRORS = {"num_params": 0.03, "epoch": 0.03}


@pytest.fixture(scope="module")
def curves():
    found = draw(lambda n, t, d: 0.002 + n**-0.4 + 0.2 * t**-0.7, scatter=0.02)
    return found.where(found.train_size == 500)


def choice_of(curves, fit):
    return Choice("law", fit(curves), ERRORS, LIMITS, {}, 0.0)


def test_budgets_are_even_steps_about_the_one_asked_for():
    amounts = np.array([each.amount for each in budgets_around(BUDGET)])
    middle = len(amounts) // 2
    assert amounts[middle] == BUDGET.amount
    steps = np.diff(np.log(amounts))
    np.testing.assert_allclose(steps, steps[0], atol=0.01)  # of three digits
    np.testing.assert_allclose(amounts[[0, -1]] / BUDGET.amount, [0.01, 100], rtol=5e-3)


def test_a_law_reaches_fewer_options_on_a_larger_budget(curves):
    """Scale-time predicts nothing beyond the largest progress measured."""
    choice = choice_of(curves, fit_scale_time)
    larger = [b for b in budgets_around(BUDGET) if b.amount >= BUDGET.amount]
    reaches = [at_budget(choice, each).reaches for each in larger]
    assert (np.diff(reaches) <= 0).all() and reaches[-1] < 0.5 < reaches[0]
    known = BudgetPlan(BUDGET, make_plan(curves, BUDGET, choice), "", None)
    means = measured_means(draw_table(curves))
    *_, last = plan_budgets(curves, means, known, [choice], LIMITS)
    assert last.plan is None and last.refused.startswith("no law predicts losses for")


def test_the_reach_is_judged_anew_for_each_budget(curves):
    """The choices given reach nothing; the law does."""
    choice = choice_of(curves, fit_additive)
    plan = make_plan(curves, BUDGET, choice)
    table = draw_table(curves)
    known = BudgetPlan(BUDGET, plan, "", None)
    found = plan_budgets(curves, measured_means(table), known, [choice], LIMITS)
    assert found[len(found) // 2] is known
    others = [each for each in found if each is not known]
    assert all(each.plan and not each.refused for each in others[6:])
    losses = [each.plan.best.loss for each in others[6:]]
    assert losses == sorted(losses, reverse=True)  # more compute, less loss
    assert others[-1].measured.loss <= others[0].measured.loss


def draw_table(curves):
    """The curves as rows of a table."""
    size, epoch = np.meshgrid(curves.num_params, curves.epoch, indexing="ij")
    return pd.DataFrame(
        {
            "num_params": size.ravel(),
            "train_size": 500.0,
            "epoch": epoch.ravel(),
            "test_loss": np.exp(curves.mean).ravel(),
        }
    )
