"""A plan in sentences."""

from collections.abc import Sequence

import numpy as np

from scaletime_jax.laws.backtest import TOWARDS
from scaletime_jax.laws.budget import Budget
from scaletime_jax.laws.budget_plans import BudgetPlan
from scaletime_jax.laws.measured import Measured
from scaletime_jax.laws.next_runs import NextRuns
from scaletime_jax.laws.planner import WIDEST, Option, Plan, Proposal
from scaletime_jax.runs.clock import Clock
from scaletime_jax.words import count_of, short, tell_error

# Factor by which rounding may carry a plan beyond the measured range.
SLIGHTLY = 1.01
NAMES = {"num_params": "size", "epoch": "training time"}
BOUNDED = {"num_params": "sizes", "epoch": "training times"}
WHOLE = 0.95  # share of the budget above which it is spent
LITTLE = 0.95  # share of the interval left by runs that hardly narrow it
# What is told of the plan for a budget.
OF_BUDGET = (
    "budget",
    "parameters",
    "training time",
    "train size",
    "test loss",
    "95% interval of one run",
    "95% interval of the mean",
    "sizes that do as well",
    "law",
    "best measured within the budget",
    "remarks",
)
TRAIN_NOTHING = "Train nothing new"


def describe_plan(
    plan: Plan, budget: Budget, measured: Measured | None = None
) -> list[str]:
    """Returns the plan in sentences: the best run, its error and its limits."""
    best, choice, clock = plan.best, plan.choice, budget.clock
    off = " and ".join(
        f"{tell_error(error)} for {TOWARDS[direction]}"
        for direction, error in choice.errors.items()
        if error is not None
    )
    resamples = choice.law.resamples
    least, most = map(short, plan.as_good)
    several = resamples.freedom > 0 and not resamples.leaves_out
    of_mean = f"; the mean over seeds [{plan.mean[0]:.3g}, {plan.mean[1]:.3g}]"
    lines = [
        f"{short(best.num_params)} parameters for {_time(best, clock)}: test loss "
        f"{best.loss:.3g} [{best.low:.3g}, {best.high:.3g}]"
        f"{of_mean if several else ''}, within {budget}.",
        f"From {least} to {most} parameters the predicted loss is the same within the "
        "law's error.",
        *_describe_measured(measured, best, clock),
        f"Law: {choice.name}. Its error on held-out runs is {off}.",
    ]
    lines += _describe_reach(plan) or [
        "The plan lies within the measured sizes and times."
    ]
    lines += _describe_limits(plan)
    lines += _describe_spare(plan, budget)
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


def _describe_reach(plan: Plan) -> list[str]:
    return [
        f"The {NAMES[name]} lies outside the measured range by a factor of "
        f"{factor:.2g}."
        for name, factor in plan.beyond.items()
        if factor > SLIGHTLY
    ]


def _describe_limits(plan: Plan) -> list[str]:
    return [
        f"The plan ends at the {name} of the search; the best run may lie beyond it."
        for name in plan.at_limit
    ]


def _describe_spare(plan: Plan, budget: Budget) -> list[str]:
    """Returns that a larger budget does not help, where the best leaves some over."""
    best = plan.best
    share = best.epoch / float(budget.epochs(best.num_params, best.train_size))
    if share > WHOLE or plan.at_limit:
        return []
    return [
        f"The run takes {share:.1%} of the budget: on these data, more compute is not "
        "predicted to help."
    ]


def _time(option: Option | Measured, clock: Clock) -> str:
    """Returns how long, and on how much data."""
    of = f" of {short(option.train_size)} examples" if option.train_size > 0 else ""
    return clock.tell(option.epoch) + of


def _describe_measured(
    measured: Measured | None, best: Option, clock: Clock
) -> list[str]:
    if measured is None:
        return ["No measured run is within the budget."]
    lines = [
        "The best measured within the budget: test loss "
        f"{_tell_measured(measured, clock)}."
    ]
    return lines + _describe_gain(measured, best)


def _tell_measured(measured: Measured, clock: Clock) -> str:
    seeds = f", mean of {measured.runs} seeds" if measured.runs > 1 else ""
    return (
        f"{measured.loss:.3g}{seeds}, with {short(measured.num_params)} parameters "
        f"after {_time(measured, clock)}"
    )


def _describe_gain(measured: Measured, best: Option) -> list[str]:
    """Returns a sentence if the plan is no better than the best measured."""
    if best.loss < measured.loss:
        return []
    return [
        f"{TRAIN_NOTHING}: no run within the budget is predicted to do better "
        "than the best measured."
    ]


def describe_budgets(plans: Sequence[BudgetPlan]) -> list[dict[str, str]]:
    """Returns the plan for each budget in words, by what they tell.

    The last words, of remarks, are the planner's sentence where there is no plan.
    """
    return [_describe_budget(each) for each in plans]


def _describe_budget(each: BudgetPlan) -> dict[str, str]:
    clock, plan, measured = each.budget.clock, each.plan, each.measured
    told = dict.fromkeys(OF_BUDGET, "")
    told["budget"] = str(each.budget)
    told["remarks"] = each.refused[:1].upper() + each.refused[1:]
    if measured is not None:
        told["best measured within the budget"] = _tell_measured(measured, clock)
    if plan is None:
        return told
    best = plan.best
    remarks = _describe_gain(measured, best) if measured is not None else []
    remarks += _describe_reach(plan) + _describe_limits(plan)
    remarks += _describe_spare(plan, each.budget)
    return told | {
        "parameters": short(best.num_params),
        "training time": clock.tell(best.epoch),
        "train size": short(best.train_size) if best.train_size > 0 else "",
        "test loss": f"{best.loss:.3g}",
        "95% interval of one run": f"{best.low:.3g} to {best.high:.3g}",
        "95% interval of the mean": f"{plan.mean[0]:.3g} to {plan.mean[1]:.3g}",
        "sizes that do as well": " to ".join(map(short, plan.as_good)),
        "law": plan.choice.name,
        "remarks": " ".join(remarks),
    }


def describe_next_runs(proposed: NextRuns, budget: Budget) -> list[str]:
    """Returns the runs to make next, and what they are expected to change."""
    ends = [f"[{low:.3g}, {high:.3g}]" for low, high in (proposed.now, proposed.then)]
    clock, spent = budget.clock, budget._replace(amount=float(f"{proposed.cost:.3g}"))
    runs = [Option(*run, *[np.nan] * 3) for run in proposed.runs]
    told = [f"{short(r.num_params)} parameters for {_time(r, clock)}" for r in runs]
    lines = [
        f"Next runs, with {count_of(proposed.seeds, 'seed')} each and {spent} "
        f"together: {'; '.join(told)}.",
    ]
    widths = [np.log(high / low) for low, high in (proposed.now, proposed.then)]
    lines.append(
        "They are expected to narrow the interval of the mean loss from "
        f"{ends[0]} to {ends[1]}."
    )
    if widths[1] > LITTLE * widths[0]:
        lines.append(
            "Most of the interval is the law's misfit of the runs and its error beyond "
            "them, which runs of this budget hardly change."
        )
    return lines


def why_passed_over(
    proposal: Proposal | None, proposals: Sequence[Proposal], plan: Plan
) -> str:
    """Returns why a law is not the law of the plan, a clause; '' if it is.

    Args:
        proposal: of the law; None if another law was asked for.
        proposals: of all laws that may plan.
        plan: the plan.
    """
    if proposal is None:
        return "another law was asked for"
    name = plan.choice.name
    if proposal.choice.name == name:
        return ""
    if proposal.refused:
        return proposal.refused
    [width] = [each.width for each in proposals if each.choice.name == name]
    if not np.isfinite(proposal.width):
        return "it has no interval for these runs"
    if proposal.spread > WIDEST:
        return "it does not know the loss of its best run within a factor of two"
    ratio = proposal.width / width
    return f"its intervals are {ratio:.3g} times as wide as those of {name}"


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
