"""A plan in sentences."""

from collections.abc import Sequence

import numpy as np

from scaletime_jax.laws.backtest import TOWARDS
from scaletime_jax.laws.budget import Budget
from scaletime_jax.laws.measured import Measured
from scaletime_jax.laws.planner import Option, Plan
from scaletime_jax.runs.clock import Clock
from scaletime_jax.words import short

# Factor by which rounding may carry a plan beyond the measured range.
SLIGHTLY = 1.01
NAMES = {"num_params": "size", "epoch": "training time"}
BOUNDED = {"num_params": "sizes", "epoch": "training times"}
TRAIN_NOTHING = "Train nothing new"


def describe_plan(
    plan: Plan, budget: Budget, measured: Measured | None = None
) -> list[str]:
    """Returns the plan in sentences: the best run, its error and its limits."""
    best, choice, clock = plan.best, plan.choice, budget.clock
    off = " and ".join(
        f"{np.exp(error):.2f} for {TOWARDS[direction]}"
        for direction, error in choice.errors.items()
        if error is not None
    )
    resamples = choice.law.resamples
    several = resamples.freedom > 0 and not resamples.leaves_out
    of_mean = f"; the mean over seeds [{plan.mean[0]:.3g}, {plan.mean[1]:.3g}]"
    lines = [
        f"{short(best.num_params)} parameters for {_time(best, clock)}: test loss "
        f"{best.loss:.3g} [{best.low:.3g}, {best.high:.3g}]"
        f"{of_mean if several else ''}, within {budget}.",
        f"From {short(plan.as_good[0])} to {short(plan.as_good[1])} parameters the "
        "predicted loss is the same within the law's error.",
        *_describe_measured(measured, best, clock),
        f"Law: {choice.name}. Its error on held-out runs is a factor of {off}.",
    ]
    lines += [
        f"The {NAMES[name]} lies outside the measured range by a factor of "
        f"{factor:.2g}."
        for name, factor in plan.beyond.items()
        if factor > SLIGHTLY
    ] or ["The plan lies within the measured sizes and times."]
    lines += [
        f"The plan ends at the {name} of the search; the best run may lie beyond it."
        for name in plan.at_limit
    ]
    lines += [
        f"The plan stays within the measured {BOUNDED[direction]}, because {reason}."
        for direction, reason in choice.kept_in.items()
    ]
    if resamples.words:
        lines.append(resamples.words)
    if not choice.law.identified:
        lines.append(
            "Different values of the law's parameters fit the runs equally well, so no "
            "single parameter is a result."
        )
    return lines


def _time(option: Option | Measured, clock: Clock) -> str:
    """Returns how long, and on how much data."""
    of = f" of {short(option.train_size)} examples" if option.train_size > 0 else ""
    return clock.tell(option.epoch) + of


def _describe_measured(
    measured: Measured | None, best: Option, clock: Clock
) -> list[str]:
    if measured is None:
        return ["No measured run is within the budget."]
    loss = f"{measured.loss:.3g}"
    seeds = f", mean of {measured.runs} seeds" if measured.runs > 1 else ""
    lines = [
        f"The best measured within the budget: test loss {loss}{seeds}, with "
        f"{short(measured.num_params)} parameters after {_time(measured, clock)}."
    ]
    if best.loss >= measured.loss:
        lines.append(
            f"{TRAIN_NOTHING}: no run within the budget is predicted to do better "
            "than the best measured."
        )
    return lines


def describe_exchange(rows: Sequence[dict], clock: Clock) -> list[str]:
    """Returns a line for each row of the trade-off table."""
    lines = []
    for row in rows:
        loss = "outside the plan's limits"
        if row["loss"] is not None and row["within_limits"]:
            loss = f"loss {row['loss']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"
        lines.append(
            f"  {short(row['num_params']):>10} parameters  "
            f"{clock.tell(row[clock.unit]):>14}  "
            f"{row['share_of_budget']:>5.0%} of the budget  {loss}"
        )
    return lines
