"""The ends of runs of several planned lengths, as one learning curve.

Where the learning rate falls to its end, a point inside a long run is not what a
shorter run ends with. Only the ends of such runs are compared over training time.
"""

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import Split, apart, setting_of

LENGTHS = ("steps", "epochs")  # in which the length of a run is given


def join_ends(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table with the ends of runs of several lengths as one run.

    The ends of one setting, size, train size and seed become the evaluations of one
    run, which has the `run_id` and the length of the longest. Runs with a constant
    learning rate, runs that end at a test loss, and runs without a longer or shorter
    one are kept whole.

    Args:
        table: one row per run and evaluation.
    """
    falls = table.schedule.notna() & (table.schedule != "constant")
    falls &= table.until_test_loss.fillna(0) == 0
    ends = table[falls]
    ends = ends.loc[ends.groupby("run_id").epoch.idxmax()]
    names = {*setting_of(table), *apart(Split.PROTOCOL), "width", "train_size", "seed"}
    same = ends.groupby(sorted(names & {*table} - {*LENGTHS}), dropna=False)
    ends = ends[same.epoch.transform("nunique") > 1]
    if ends.empty:
        return table
    longest = ends.loc[same.epoch.transform("idxmax")[ends.index]]
    given = ["run_id", *(name for name in LENGTHS if name in table)]
    whole = table[~table.run_id.isin(ends.run_id)]
    ends = ends.assign(**{name: longest[name].to_numpy() for name in given})
    joined = pd.concat([whole, ends]).sort_values(["run_id", "epoch"])
    return joined.reset_index(drop=True)


def refuse_parts(grid: pd.DataFrame) -> None:
    """Raises InputError if a run would be the start of another one of the grid.

    Args:
        grid: one row per run to train.
    """
    constant = grid[grid.schedule == "constant"]
    lengths = np.unique(constant.steps)
    if len(lengths) > 1:
        raise InputError(
            f"with a constant learning rate a run of {lengths[0]} steps is the start "
            f"of a run of {lengths[-1]}; give one number of steps.",
            steps=str(lengths[-1]),
        )
