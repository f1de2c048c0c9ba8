"""The request for a plan: one budget, and limits."""

import math
from typing import NamedTuple

from scaletime_jax.arguments import require_number
from scaletime_jax.errors import InputError
from scaletime_jax.laws.budget import (
    Budget,
    examples_budget,
    flops_budget,
    seconds_budget,
)
from scaletime_jax.laws.ranking import JOINT
from scaletime_jax.runs.clock import EPOCHS
from scaletime_jax.runs.read import Runs

BUDGETS = ("budget_flops", "budget_seconds", "budget_examples")
NUMBERS = (
    "flops_per_param",
    "max_num_params",
    "max_epochs",
    "max_train_size",
    "next_budget",
)
MOST_NEXT = 20  # runs
LAWS = tuple(each.name for each in JOINT)


class Request(NamedTuple):
    """The request for a plan: one budget, and limits.

    Attributes:
        budget_flops: floating-point operations that training may take.
        budget_seconds: seconds that training may take, at the rate of the runs.
        budget_examples: examples, or tokens, that training may see.
        flops_per_param: operations for each parameter and example or token: 6 for
            dense networks (2 forward, 4 backward); more for convolutions, which reuse
            their weights.
        max_num_params: the largest size; if None ten times the largest measured.
        max_epochs: the longest training, in the unit of the runs' time; if None ten
            times the longest measured.
        max_train_size: the most training data, of the train sizes measured.
        law: law of the plan, one of `LAWS`; if None the law with the narrowest
            intervals.
        next_runs: most runs to propose that narrow the plan's interval most.
        next_budget: what these may cost together, in the budget's unit; if None as much
            as the budget.
    """

    budget_flops: float | None = None
    budget_seconds: float | None = None
    budget_examples: float | None = None
    flops_per_param: float = 6.0
    max_num_params: float | None = None
    max_epochs: float | None = None
    max_train_size: float | None = None
    law: str | None = None
    next_runs: int = 0
    next_budget: float | None = None


def check(request: Request) -> None:
    """Raises InputError if the request is impossible for all runs."""
    given = [name for name in BUDGETS if getattr(request, name) is not None]
    if len(given) != 1:
        raise InputError(
            f"give one of {', '.join(BUDGETS)}; {len(given)} are given.",
            **dict.fromkeys(BUDGETS),
        )
    for name in (*given, *NUMBERS):
        value = getattr(request, name)
        require_number(name, value)
        if value is not None and not 0 < value < math.inf:
            raise InputError(
                f"{name} must be above 0 and finite, got {value:g}.", **{name: None}
            )
    if request.law not in (None, *LAWS):
        raise InputError(
            f"unknown law {request.law!r}; choose one of {', '.join(map(repr, LAWS))}.",
            law=None,
        )
    require_number("next_runs", request.next_runs, whole=True)
    if not 0 <= request.next_runs <= MOST_NEXT:
        raise InputError(
            f"next_runs must be from 0 to {MOST_NEXT}, got {request.next_runs}.",
            next_runs=None,
        )


def make_budget(request: Request, runs: Runs) -> Budget:
    """Returns the budget, with the cost of an example at each size.

    Raises:
        InputError: the budget is in seconds, and the durations of the runs are not
            known; or the examples seen in a unit of their time are not known.
    """
    clock = runs.clock
    if clock.unit == EPOCHS:
        runs.require(("train_size",), "a plan")
    elif not clock.counts_examples:
        raise InputError(
            "the runs count steps, whose cost is not known; give the examples, or "
            "tokens, of a step.",
            batch_size=None,
        )
    if request.budget_flops is not None:
        return flops_budget(float(request.budget_flops), request.flops_per_param, clock)
    if request.budget_examples is not None:
        return examples_budget(float(request.budget_examples), clock)
    assert request.budget_seconds is not None
    return seconds_budget(float(request.budget_seconds), runs)
