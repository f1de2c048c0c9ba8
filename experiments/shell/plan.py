"""The flags of a plan, and what they make: budget, limits, law."""

import numpy as np
import pandas as pd
from absl import flags

from scaletime_jax.errors import InputError
from scaletime_jax.laws.budget import Budget, Limits
from scaletime_jax.laws.planner import Plan
from scaletime_jax.laws.ranking import JOINT, Choice
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.runs.select import SETTING, split_table
from scaletime_jax.stats.lines import Line, straight_line
from shell import flags as shared_flags
from shell.runs import Runs

BUDGETS = [
    flags.DEFINE_float(
        "budget_flops", None, "Floating-point operations that training may take."
    ),
    flags.DEFINE_float(
        "budget_seconds",
        None,
        "Seconds that training may take, at the rate at which the runs were trained; "
        "logs need a column seconds, since the start of each run.",
    ),
    flags.DEFINE_float(
        "budget_examples", None, "Examples that training may see: epochs x train size."
    ),
]
FLOPS_PER_PARAM = flags.DEFINE_float(
    "flops_per_param",
    6.0,
    "Operations a parameter and example: 6 for dense networks (2 forward, 4 backward); "
    "convolutions use their weights many times over.",
)
MAX_NUM_PARAMS = flags.DEFINE_float(
    "max_num_params", None, "Largest size; ten times the largest measured if not set."
)
MAX_EPOCHS = flags.DEFINE_float(
    "max_epochs", None, "Longest training; ten times the longest measured if not set."
)
MAX_TRAIN_SIZE = flags.DEFINE_float(
    "max_train_size", None, "Most training data, of the train sizes measured."
)
LAW = flags.DEFINE_enum(
    "law",
    None,
    [each.name for each in JOINT],
    "Law to plan by; if not set that with the narrowest interval.",
)
WORDS = {"num_params": "larger networks", "epoch": "longer training"}
BEYOND = 10.0


def check_flags() -> None:
    """Refuses impossible flags, before anything is read or trained."""
    given = [flag for flag in BUDGETS if flag.value is not None]
    if len(given) != 1:
        names = ", ".join(f"--{flag.name}" for flag in BUDGETS)
        raise InputError(f"give one of {names}; {len(given)} are given.")
    limits = MAX_NUM_PARAMS, MAX_EPOCHS, MAX_TRAIN_SIZE
    set_ones = [flag for flag in limits if flag.value is not None]
    shared_flags.check_positive(*given, *set_ones, FLOPS_PER_PARAM)


def only_setting(runs: Runs) -> dict:
    """Returns what all runs share; a plan is for one setting."""
    for name in SETTING:
        values = sorted(runs.table[name].unique())
        if len(values) > 1:
            words = " and ".join(map(str, values))
            flag = {"learning_rate": "learning_rates"}.get(name, name)
            raise InputError(
                f"the runs mix {name} {words}; a plan is for one, choose with "
                f"--{flag}={values[0]}."
            )
    [(fields, _)] = split_table(runs.table, SETTING)
    return fields


def make_budget(runs: Runs) -> Budget:
    """Returns what a run may cost, with what an example costs at each size."""
    [(flag, amount)] = [(f, float(f.value)) for f in BUDGETS if f.value is not None]
    rate = {
        "budget_flops": lambda size: FLOPS_PER_PARAM.value * size,
        "budget_examples": lambda size: np.ones_like(size, dtype=float),
    }
    unit = {"budget_flops": "FLOP", "budget_examples": "examples"}
    per_example = rate.get(flag.name) or measured_rate(runs)
    return Budget(amount, unit.get(flag.name, "seconds"), per_example)


def measured_rate(runs: Runs):
    """Returns num_params -> seconds an example, a power law through what runs took."""
    sizes = runs.table.drop_duplicates("run_id").set_index("run_id").num_params
    rows = [rate for unit in runs.metadata for rate in unit.get("rates", [])]
    rows = [rate for rate in rows if rate["run_id"] in sizes.index]
    for unit in runs.metadata:
        if "configs" in unit:
            there = [run for run in unit["run_ids"] if run in sizes.index]
            rows.append(
                {
                    "num_params": int(sizes[there[0]]),
                    "examples": sum(
                        c["train_size"] * c["epochs"] for c in unit["configs"]
                    ),
                    "seconds": unit.get("device_seconds", unit["wall_seconds"]),
                }
            )
    if not rows:
        raise InputError(
            "--budget_seconds: the runs do not say how long they took; add a column "
            "seconds (since the start of the run), or give --budget_flops."
        )
    rates = pd.DataFrame(rows)
    x = np.log(rates.num_params.to_numpy(float))
    y = np.log((rates.seconds / rates.examples).to_numpy(float))
    line = straight_line(x, y) if np.ptp(x) > 0 else Line(1.0, float(np.mean(y - x)))
    return lambda size: np.exp(line.intercept + line.slope * np.log(size))


def make_limits(curves: LearningCurves) -> Limits:
    """Returns where to look: to ten times beyond what was measured, if not told."""
    least, most = curves.num_params.min(), curves.num_params.max()
    highest = MAX_NUM_PARAMS.value or BEYOND * most
    sizes = np.unique(curves.train_size)
    if MAX_TRAIN_SIZE.value is not None:
        sizes = sizes[sizes <= MAX_TRAIN_SIZE.value]
    if highest < least:
        raise InputError(
            f"--max_num_params={highest:g} is below the smallest size measured, "
            f"{least:g}; train smaller networks or allow larger ones."
        )
    if len(sizes) == 0:
        raise InputError(
            f"--max_train_size={MAX_TRAIN_SIZE.value:g} is below the least train size "
            f"measured, {curves.train_size.min():g}."
        )
    epochs = MAX_EPOCHS.value or BEYOND * float(curves.epoch[-1])
    return Limits((float(least), float(highest)), epochs, list(map(float, sizes)))


def chosen(choices: list[Choice]) -> list[Choice]:
    """Returns the law of --law, or all."""
    return [each for each in choices if LAW.value in (None, each.name)]


def map_losses(plan: Plan, curves: LearningCurves) -> tuple:
    """Returns the points measured, and predicted losses over sizes and times."""
    n = plan.best.train_size
    mine = curves.where(curves.train_size == n)
    size, epoch = np.meshgrid(mine.num_params, mine.epoch, indexing="ij")
    there = np.isfinite(mine.logs).any(axis=2)
    longest = max(*(each.epoch for each in plan.frontier), float(curves.epoch[-1]))
    least, most = plan.choice.limits.num_params
    sizes = np.geomspace(least, most, 60)
    epochs = np.geomspace(curves.epoch[0], longest, 60)
    across, along = np.meshgrid(sizes, epochs)
    at = across.ravel(), along.ravel(), np.full(across.size, n)
    loss = np.exp(plan.choice.law.log_loss(*at)[0]).reshape(across.shape)
    return np.stack([size[there], epoch[there]]), (sizes, epochs, loss)
