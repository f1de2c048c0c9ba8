"""The best loss measured within a budget."""

import numpy as np
import pandas as pd
import pytest

from scaletime_jax.laws.budget import Limits, flops_budget
from scaletime_jax.laws.measured import best_measured

BUDGET = flops_budget(6 * 100 * 10 * 4, 6.0)  # 100 parameters for 4 epochs of 10
LIMITS = Limits((100, 1000), 100.0, [10.0])


def runs(**columns):
    index = pd.MultiIndex.from_product(
        [[50, 100, 200], [1, 2], [0, 1, 2, 4, 8]],
        names=["num_params", "seed", "epoch"],
    )
    table = index.to_frame(index=False)
    table["test_loss"] = 1 / (table.num_params * (1.0 + table.epoch))
    table["test_loss"] *= np.where(table.seed == 1, 0.5, 2.0)
    return table.assign(**{"train_size": 10, **columns})


def test_the_best_within_the_budget_is_a_mean_over_seeds():
    """All sizes spend the budget; the loss falls with size x epoch + size."""
    found = best_measured(runs(), BUDGET, LIMITS)
    assert (found.num_params, found.epoch, found.train_size) == (200, 2, 10)
    assert found.loss == pytest.approx(1 / 600) and found.runs == 2


def test_where_a_seed_is_missing_the_other_is_not_the_best():
    table = runs()
    alone = (table.num_params == 200) & (table.epoch == 2) & (table.seed == 2)
    table.loc[alone, "test_loss"] = np.nan
    found = best_measured(table, BUDGET, LIMITS)
    assert (found.num_params, found.epoch) == (100, 4)


def test_limits_are_limits():
    found = best_measured(runs(), BUDGET, LIMITS._replace(epoch=1.0))
    assert (found.num_params, found.epoch) == (200, 1)
    found = best_measured(runs(), BUDGET, LIMITS._replace(num_params=(50, 100)))
    assert (found.num_params, found.epoch) == (100, 4)
    assert best_measured(runs(), BUDGET, LIMITS._replace(train_sizes=[20.0])) is None
    assert best_measured(runs(), BUDGET._replace(amount=1.0), LIMITS) is None


def test_an_unknown_train_size_is_one():
    table = runs(train_size=np.nan)
    of_one = BUDGET._replace(clock=BUDGET.clock._replace(unit="tokens"))
    found = best_measured(table, of_one, LIMITS._replace(train_sizes=[0.0]))
    assert found.train_size == 0 and found.num_params == 200
