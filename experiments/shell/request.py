"""Flags of a plan: its budget, its limits, and the runs to make next."""

from typing import Any

from absl import flags

from scaletime_jax.studies.plan_request import LAWS, MOST_NEXT, Request, check

flags.DEFINE_float(
    "budget_flops", None, "Floating-point operations that training may take."
)
flags.DEFINE_float(
    "budget_seconds",
    None,
    "Seconds that training may take, at the speed of the runs; logs need a column "
    "seconds, the time since the start of each run.",
)
flags.DEFINE_float(
    "budget_examples", None, "Examples, or tokens, that training may see."
)
flags.DEFINE_float(
    "flops_per_param",
    6.0,
    "Operations for each parameter and example or token: 6 for dense networks (2 "
    "forward, 4 backward); more for convolutions, which reuse their weights.",
)
flags.DEFINE_float(
    "max_num_params", None, "Largest size; by default ten times the largest measured."
)
flags.DEFINE_float(
    "max_epochs",
    None,
    "Longest training, in the unit of the runs' time; by default ten times the longest "
    "measured.",
)
flags.DEFINE_float(
    "max_train_size", None, "Largest train size, among the measured train sizes."
)
flags.DEFINE_enum(
    "law",
    None,
    LAWS,
    "Law of the plan; by default the law with the narrowest intervals.",
)
flags.DEFINE_integer(
    "next_runs",
    0,
    "Most runs to propose, which narrow the plan's interval most.",
    lower_bound=0,
    upper_bound=MOST_NEXT,
)
flags.DEFINE_float(
    "next_budget",
    None,
    "What the proposed runs may cost together, all seeds, in the unit of the plan's "
    "budget; by default as much as the budget.",
)


def request() -> Request:
    """Returns the request of the flags.

    Raises:
        InputError: the request is impossible for all runs.
    """
    asked: dict[str, Any] = {name: flags.FLAGS[name].value for name in Request._fields}
    found = Request(**asked)
    check(found)
    return found
