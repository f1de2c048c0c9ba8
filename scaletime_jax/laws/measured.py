"""The best loss measured within a budget, to hold beside a plan."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.laws.budget import Budget, Limits

ROUNDING = 1e-9


class Measured(NamedTuple):
    """The best loss measured within a budget.

    Attributes:
        num_params: trainable parameters.
        epoch: training time, in the unit of the runs.
        train_size: examples; 0 where not known.
        loss: geometric mean over seeds.
        runs: number of seeds.
    """

    num_params: float
    epoch: float
    train_size: float
    loss: float
    runs: int


def best_measured(
    table: pd.DataFrame, budget: Budget, limits: Limits
) -> Measured | None:
    """Returns the best measured loss within budget and limits; None without any.

    Only times at which all seeds of a size were evaluated are compared, because the
    best of single seeds is better than their mean.
    """
    return best_within(measured_means(table), budget, limits)


def measured_means(table: pd.DataFrame) -> pd.DataFrame:
    """Returns mean and number of log losses by num_params, train_size and epoch."""
    columns = ["num_params", "train_size", "epoch", "test_loss"]
    rows = table[columns].assign(train_size=table.train_size.fillna(0))
    rows = rows[rows.epoch > 0]
    logs = rows.assign(log=np.log(rows.test_loss))
    return logs.groupby(["num_params", "train_size", "epoch"], as_index=False).log.agg(
        ["mean", "count"]
    )


def best_within(means: pd.DataFrame, budget: Budget, limits: Limits) -> Measured | None:
    """Returns the best of `measured_means` within budget and limits, as above."""
    means = means[means.train_size.isin(limits.train_sizes)]
    affords = budget.epochs(means.num_params, means.train_size)
    longest = np.minimum(affords, limits.epoch) * (1 + ROUNDING)
    means = means[(means.epoch <= longest) & (means.num_params <= limits.num_params[1])]
    seeds = means.groupby(["num_params", "train_size"])["count"].transform("max")
    means = means[(means["count"] == seeds) & (seeds > 0)]
    if means.empty:
        return None
    best = means.loc[means["mean"].idxmin()]
    return Measured(
        float(best.num_params),
        float(best.epoch),
        float(best.train_size),
        float(np.exp(best["mean"])),
        int(best["count"]),
    )
