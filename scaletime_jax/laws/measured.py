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
    columns = ["num_params", "train_size", "epoch", "test_loss"]
    rows = table[columns].assign(train_size=table.train_size.fillna(0))
    rows = rows[(rows.epoch > 0) & rows.train_size.isin(limits.train_sizes)]
    affords = budget.epochs(rows.num_params, rows.train_size)
    longest = np.minimum(affords, limits.epoch) * (1 + ROUNDING)
    rows = rows[(rows.epoch <= longest) & (rows.num_params <= limits.num_params[1])]
    logs = rows.assign(log=np.log(rows.test_loss))
    means = logs.groupby(["num_params", "train_size", "epoch"], as_index=False).log.agg(
        ["mean", "count"]
    )
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
