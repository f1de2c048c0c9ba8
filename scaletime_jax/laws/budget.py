"""The budget of a run, and the limits of the search for the best run."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.clock import EXAMPLES, PASSES, TOKENS, Clock
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.lines import Line, straight_line
from scaletime_jax.words import plain, short

BEYOND = 10.0


class Budget(NamedTuple):
    """The most that a run may cost.

    Attributes:
        amount: the budget in units of `unit`.
        unit: 'FLOP', 'seconds' or 'examples'.
        per_example: num_params [...] -> cost of training on one example [...].
        clock: unit of the training time that the budget pays for.
    """

    amount: float
    unit: str
    per_example: Callable[[np.ndarray], np.ndarray]
    clock: Clock = PASSES

    def epochs(self, num_params, train_size) -> np.ndarray:
        """Returns the training time that the budget pays for, in units of the clock."""
        per_example = self.per_example(np.asarray(num_params, float))
        return np.asarray(self.amount / (per_example * self.clock.examples(train_size)))

    def __str__(self) -> str:
        """Returns amount and unit."""
        flops = self.unit == "FLOP"
        amount = plain(self.amount) if flops else short(self.amount, 1e4)
        return f"{amount} {self.unit}"


class Limits(NamedTuple):
    """Limits of the search.

    Attributes:
        num_params: smallest and largest size.
        epoch: the longest training, in the unit of the runs' time.
        train_sizes: train sizes to choose from.
    """

    num_params: tuple[float, float]
    epoch: float
    train_sizes: Sequence[float]


def flops_budget(
    amount: float, flops_per_param: float, clock: Clock = PASSES
) -> Budget:
    """Returns a budget of floating-point operations.

    Args:
        amount: number of operations.
        flops_per_param: operations for each parameter and example, or token.
        clock: unit of the training time.
    """
    return Budget(amount, "FLOP", lambda size: flops_per_param * size, clock)


def examples_budget(amount: float, clock: Clock = PASSES) -> Budget:
    """Returns a budget of examples; an example costs the same at every size."""
    unit = TOKENS if clock.unit == TOKENS else EXAMPLES
    return Budget(amount, unit, lambda size: np.ones_like(size, dtype=float), clock)


def seconds_budget(amount: float, runs: Runs) -> Budget:
    """Returns a budget of seconds, at the rate at which the runs were trained.

    Raises:
        InputError: the durations of the runs are not known.
    """
    line = fit_rate(runs)

    def per_example(size: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(line.intercept + line.slope * np.log(size)))

    return Budget(amount, "seconds", per_example, runs.clock)


def fit_rate(runs: Runs) -> Line:
    """Returns log seconds an example as a line in log num_params.

    With a single size, seconds are assumed to be proportional to size.

    Raises:
        InputError: the durations of the runs are not known.
    """
    rates = _measured_rates(runs)
    if not rates:
        raise InputError(
            "the durations of the runs are not known; add a column seconds (since the "
            "start of the run), or give a budget in operations.",
            budget_flops=None,
        )
    table = pd.DataFrame(rates)
    x = np.log(table.num_params.to_numpy(float))
    y = np.log((table.seconds / table.examples).to_numpy(float))
    return straight_line(x, y) if np.ptp(x) > 0 else Line(1.0, float(np.mean(y - x)))


def _measured_rates(runs: Runs) -> list[dict]:
    """Returns num_params, examples and seconds of each run of logs, or sweep unit."""
    ends = runs.table.sort_values("epoch").drop_duplicates("run_id", keep="last")
    ends = ends.set_index("run_id")
    sizes = ends.num_params
    rates = [rate for unit in runs.metadata for rate in unit.get("rates", [])]
    rates = [rate for rate in rates if rate["run_id"] in sizes.index]
    for unit in runs.metadata:
        if "configs" in unit:
            there = [run for run in unit["run_ids"] if run in sizes.index]
            if not there:  # controls
                continue
            # runs may have ended at a test loss, before their last epoch
            mine = ends.loc[there]
            # units of early versions have wall seconds alone
            known = "device_seconds" if "device_seconds" in unit else "wall_seconds"
            rates.append(
                {
                    "num_params": int(sizes[there[0]]),
                    "examples": float((mine.train_size * mine.epoch).sum()),
                    "seconds": unit[known] * len(there) / len(unit["run_ids"]),
                }
            )
    return rates


def make_limits(
    curves: LearningCurves,
    max_num_params: float | None = None,
    max_epochs: float | None = None,
    max_train_size: float | None = None,
) -> Limits:
    """Returns the limits of the search: by default ten times the largest measured.

    Args:
        curves: the measured curves.
        max_num_params: the largest size.
        max_epochs: the longest training.
        max_train_size: the most training data, of the train sizes measured.

    Raises:
        InputError: no measured run is within the limits.
    """
    least, most = curves.num_params.min(), curves.num_params.max()
    highest = max_num_params or BEYOND * most
    if highest < least:
        raise InputError(
            f"max_num_params {short(highest)} is below the smallest size measured, "
            f"{short(least)}; train smaller networks or allow larger ones.",
            max_num_params=f"{least:.0f}",
        )
    sizes = np.unique(curves.train_size)
    if max_train_size is not None:
        smallest, sizes = sizes[0], sizes[sizes <= max_train_size]
        if len(sizes) == 0:
            raise InputError(
                f"max_train_size {short(max_train_size)} is below the least train size "
                f"measured, {short(smallest)}.",
                max_train_size=f"{smallest:.0f}",
            )
    epochs = max_epochs or BEYOND * float(curves.epoch[-1])
    return Limits((float(least), float(highest)), epochs, list(map(float, sizes)))
