"""The losses that chance reaches: controls, runs with shuffled labels."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.runs.fields import describe, setting_of
from scaletime_jax.runs.guessing import guess_of
from scaletime_jax.runs.select import split_table, with_values

# Largest share of control runs below a loss at which a network counts as generalising.
CHANCE = 0.01


class Floor(NamedTuple):
    """The test loss that runs with shuffled labels reach in the time of the other runs.

    Attributes:
        fields: columns that the runs share.
        runs: number of runs.
        loss: test loss that at most one in a hundred of the runs is below.
        share: share of the guessing loss that this loss removes; None if the guessing
            loss is not known.
    """

    fields: dict
    runs: int
    loss: float
    share: float | None

    @property
    def row(self) -> dict:
        """The entry of summary.json."""
        found = {"runs": self.runs, "loss": self.loss, "share": self.share}
        return {**self.fields, **found}

    @property
    def words(self) -> str:
        """The floor as a sentence."""
        share = "" if self.share is None else f", {self.share:.1%} below guessing"
        return (
            f"{describe(self.fields)}: {self.runs} runs with shuffled labels reach no "
            f"test loss below {self.loss:.4g}{share}"
        )


def beside(
    rows: pd.DataFrame, controls: pd.DataFrame | None, fields: dict
) -> pd.DataFrame | None:
    """Returns a setting's controls, cut to the longest run of the same width."""
    if controls is None:
        return None
    same = {k: [v] for k, v in fields.items() if v is not None}
    mine = with_values(controls, same)
    longest = rows.groupby("width").epoch.max()
    mine = mine[mine.epoch <= mine.width.map(longest)]  # other widths have no runs
    return None if mine.empty else mine


def find_floors(table: pd.DataFrame, controls: pd.DataFrame | None) -> list[Floor]:
    """Returns the floor of each setting and train size that has controls."""
    floors = []
    for fields, rows in split_table(table, (*setting_of(table), "train_size")):
        mine = beside(rows, controls, fields)
        if mine is not None:
            least = mine.groupby("run_id").test_loss.min().to_numpy(float)
            loss = float(np.quantile(least, CHANCE, method="lower"))
            known = "guessing_loss" in rows and rows.guessing_loss.notna().all()
            share = 1 - loss / guess_of(rows) if known else None
            floors.append(Floor(fields, len(least), loss, share))
    return floors
