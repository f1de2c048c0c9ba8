"""Runs of several protocols in one table, each protocol by itself."""

from typing import Any

from scaletime_jax.runs.ends import LENGTHS
from scaletime_jax.runs.fields import FIELDS, Split
from scaletime_jax.runs.read import Runs, of_runs
from scaletime_jax.runs.select import split_table

# The amount of data is an axis of every protocol, and so is the length of a run.
_SPLITS = Split.FAMILY, Split.SETTING, Split.PROTOCOL


def split_protocols(runs: Runs) -> list[tuple[dict[str, Any], Runs]]:
    """Returns the runs of each protocol with the fields that its runs share.

    The fields are all that `Runs.select` allows no mixture of, and the setting, but the
    length of a run: a protocol is one panel of a figure.

    Args:
        runs: of any number of protocols.

    Raises:
        InputError: a protocol has a run twice.
    """
    names = [
        field.name
        for field in FIELDS
        if field.split in _SPLITS
        and field.name in runs.table
        and field.name not in LENGTHS
    ]
    made = []
    for fields, rows in split_table(runs.table, names):
        mine = Runs(rows, of_runs(runs.metadata, rows), [])
        made.append((fields, mine.select({}, any_length=True)))
    return made
