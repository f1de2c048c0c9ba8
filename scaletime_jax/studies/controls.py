"""What chance reaches: runs with shuffled labels beside the runs of a study."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.runs.fields import describe, setting_of
from scaletime_jax.runs.guessing import guess_of
from scaletime_jax.runs.select import split_table, with_values

# Of control runs that may reach a loss at which a network is said to generalise.
CHANCE = 0.01


class Floor(NamedTuple):
    """What chance reaches: runs with shuffled labels, as long as the others ran.

    Attributes:
        fields: what the runs share.
        runs: how many there are.
        loss: the test loss that no more than one in a hundred of them is below.
        share: of the guessing loss that is removed there; None where what guessing
            costs is not known.
    """

    fields: dict
    runs: int
    loss: float
    share: float | None

    @property
    def row(self) -> dict:
        """What summary.json says of it."""
        found = {"runs": self.runs, "loss": self.loss, "share": self.share}
        return {**self.fields, **found}

    @property
    def words(self) -> str:
        """The same as a sentence."""
        share = "" if self.share is None else f", {self.share:.1%} below guessing"
        return (
            f"{describe(self.fields)}: {self.runs} runs with shuffled labels reach no "
            f"test loss below {self.loss:.4g}{share}"
        )


def beside(
    rows: pd.DataFrame, controls: pd.DataFrame | None, fields: dict
) -> pd.DataFrame | None:
    """Returns the controls of a setting, as long as the longest run of their width."""
    if controls is None:
        return None
    same = {k: [v] for k, v in fields.items() if v is not None}
    mine = with_values(controls, same)
    longest = rows.groupby("width").epoch.max()
    mine = mine[mine.epoch <= mine.width.map(longest)]  # none for other widths
    return None if mine.empty else mine


def find_floors(table: pd.DataFrame, controls: pd.DataFrame | None) -> list[Floor]:
    """Returns what chance reaches, for each setting and train size with controls."""
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
