"""A plan in words and rows."""

import numpy as np

from scaletime_jax.laws.budget import Budget
from scaletime_jax.laws.planner import Plan
from shell import cli
from shell import plan as plan_cli


def describe(plan: Plan, budget: Budget) -> str:
    """Returns the plan in words."""
    best, choice = plan.best, plan.choice
    lines = [
        f"{best.num_params:,.0f} parameters for {best.epoch:.3g} epochs of "
        f"{best.train_size:,.0f} examples: test loss {best.loss:.3g} "
        f"[{best.low:.3g}, {best.high:.3g}] within {budget.amount:g} {budget.unit}.",
        f"Sizes from {plan.as_good[0]:,.0f} to {plan.as_good[1]:,.0f} do as well, "
        "within the law's error.",
        f"By {choice.name}, off on held-out runs by a factor of "
        + " and ".join(
            f"{np.exp(error):.2f} for {plan_cli.WORDS[direction]}"
            for direction, error in choice.errors.items()
            if error is not None
        )
        + ".",
    ]
    outside = {name: factor for name, factor in plan.beyond.items() if factor > 1.01}
    lines += [
        f"Its {name} lies {factor:.2g} times beyond what was measured."
        for name, factor in outside.items()
    ] or ["It lies within the sizes and times measured."]
    lines += [f"It is at the limit: {name}." for name in plan.at_limit]
    lines += [
        f"Nothing beyond the runs is planned along {direction}: there the law is off "
        "by a factor of two on held-out runs, or could not be tried."
        for direction in choice.kept_in
    ]
    if not choice.law.identified:
        lines.append(
            "The runs do not determine each of the law's parameters by itself."
        )
    return "\n".join(lines)


def exchange_rows(plan: Plan, budget: Budget) -> list[dict]:
    """Returns the trade-off table: more size for less time."""
    rows = []
    for option in plan.exchange:
        affords = budget.epochs(np.array(option.num_params), option.train_size)
        share = option.epoch / float(affords)
        row = {name: cli.number(value) for name, value in option._asdict().items()}
        limits = plan.choice.limits
        within = option.num_params <= limits.num_params[1] * (1 + 1e-9)
        within &= option.epoch <= limits.epoch * (1 + 1e-9)
        rows.append({**row, "share_of_budget": share, "within_limits": bool(within)})
    return rows


def print_exchange(rows: list[dict]) -> None:
    """Prints the trade-off table."""
    for row in rows:
        loss = "beyond what is planned"
        if row["loss"] is not None and row["within_limits"]:
            loss = f"loss {row['loss']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"
        print(
            f"  {row['num_params']:>14,.0f} parameters  {row['epoch']:>9.3g} epochs  "
            f"{row['share_of_budget']:>5.0%} of the budget  {loss}"
        )
