"""The rows of a plan's tables."""

import numpy as np

from scaletime_jax.laws.budget import Budget
from scaletime_jax.laws.budget_plans import BudgetPlan
from scaletime_jax.laws.next_runs import NextRuns
from scaletime_jax.laws.planner import Option, Plan
from scaletime_jax.runs.clock import Clock
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.result import finite

ROUNDING = 1e-9  # factor by which rounding may carry a plan beyond a limit


def option_row(option: Option, clock: Clock) -> dict:
    """Returns an option with its time under the name of the unit."""
    return {
        clock.unit if name == "epoch" else name: finite(value)
        for name, value in option._asdict().items()
        if name != "train_size" or value > 0
    }


def budget_rows(plans: list[BudgetPlan], clock: Clock) -> list[dict]:
    """Returns a row for each budget, with None for what is not there.

    Args:
        plans: by budget.
        clock: unit of the training time, which names its columns.
    """
    return [_budget_row(each, clock) for each in plans]


def _budget_row(each: BudgetPlan, clock: Clock) -> dict:
    plan, measured = each.plan, each.measured
    best = plan and plan.best
    mean, as_good = (plan.mean, plan.as_good) if plan else ((None,) * 2,) * 2
    return {
        "budget": each.budget.amount,
        "num_params": best and finite(best.num_params),
        clock.unit: best and finite(best.epoch),
        "train_size": best and (finite(best.train_size) or None),
        "loss": best and finite(best.loss),
        "low": best and finite(best.low),
        "high": best and finite(best.high),
        "mean_low": finite(mean[0]),
        "mean_high": finite(mean[1]),
        "as_good_low": finite(as_good[0]),
        "as_good_high": finite(as_good[1]),
        "law": plan and plan.choice.name,
        "measured_num_params": measured and measured.num_params,
        f"measured_{clock.unit}": measured and measured.epoch,
        "measured_train_size": measured and (measured.train_size or None),
        "measured_loss": measured and measured.loss,
        "refused": each.refused,
    }


def exchange_rows(plan: Plan, budget: Budget) -> list[dict]:
    """Returns the trade-off table: larger sizes for shorter times."""
    rows, limits = [], plan.choice.limits
    for option in plan.exchange:
        affords = budget.epochs(np.array(option.num_params), option.train_size)
        within = option.num_params <= limits.num_params[1] * (1 + ROUNDING)
        within &= option.epoch <= limits.epoch * (1 + ROUNDING)
        rows.append(
            {
                **option_row(option, budget.clock),
                "share_of_budget": option.epoch / float(affords),
                "within_limits": bool(within),
            }
        )
    return rows


def size_rows(runs: Runs) -> list[dict]:
    """Returns a row for each size and train size: its seeds, times and best loss."""
    unit = runs.clock.unit
    rows = runs.table[runs.table.epoch > 0]
    rows = rows.assign(train_size=rows.train_size.fillna(0))
    found = rows.groupby(["train_size", "num_params"]).agg(
        runs=("run_id", "nunique"),
        evaluations=("epoch", "size"),
        first=("epoch", "min"),
        last=("epoch", "max"),
        best_loss=("test_loss", "min"),
    )
    return [
        {
            "num_params": int(each.num_params),
            "train_size": float(each.train_size) or None,
            "runs": int(each.runs),
            "evaluations": int(each.evaluations),
            f"first_{unit}": float(each.first),
            f"last_{unit}": float(each.last),
            "best_loss": finite(each.best_loss),
        }
        for each in found.reset_index().itertuples()
    ]


def next_rows(proposed: NextRuns, clock: Clock) -> list[dict]:
    """Returns a row for each run to make next."""
    names = "num_params", clock.unit, "train_size"
    rows = [dict(zip(names, run, strict=True)) for run in proposed.runs]
    return [{**row, "train_size": row["train_size"] or None} for row in rows]
