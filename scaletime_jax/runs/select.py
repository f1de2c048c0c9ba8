"""Which rows of a run table belong together, and which of them are missing."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs import fields
from scaletime_jax.runs.fields import Split

Wanted = Mapping[str, Sequence[Any]]  # values by column


def select_runs(
    table: pd.DataFrame, wanted: Wanted, any_length: bool = False
) -> pd.DataFrame:
    """Returns the rows with the wanted values; adds `epochs`, how long each ran.

    How long a run is that ended at a test loss is a result: its `epochs` is NaN.

    Args:
        table: one row per run and evaluation.
        wanted: values by column; other columns are free.
        any_length: runs may differ in `epochs`.

    Raises:
        InputError: no row is left, or those left mix protocols.
    """
    ran = table.groupby("run_id").epoch.transform("max")
    table = table.assign(epochs=ran.where(~(table.until_test_loss > 0)))
    for name, values in wanted.items():
        rows = with_values(table, {name: values})
        if rows.empty:
            there = ", ".join(_words(table[name]))
            raise InputError(
                f"no run has {name} {' or '.join(map(str, values))}"
                f"{f'; those left have {there}' if there else ''}; choose what there "
                "is, or train what is missing."
            )
        table = rows
    _check_protocol(table, any_length)
    return table


def with_values(table: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """Returns the rows with the wanted values, of the columns that there are."""
    for name, values in wanted.items():
        if name not in table:
            continue
        if pd.api.types.is_float_dtype(table[name]):
            fits = np.isclose(table[name].to_numpy(float)[:, None], list(values))
            table = table[fits.any(axis=1)]
        else:
            table = table[table[name].isin(list(values))]
    return table


def _check_protocol(table: pd.DataFrame, any_length: bool) -> None:
    losses = _words(table.loss)
    if len(losses) > 1:  # one threshold and one axis for all
        raise InputError(
            f"the runs mix loss {' and '.join(losses)}; choose one.", loss=losses[0]
        )
    family = list(fields.family())
    for names, rows in table.groupby(family, dropna=False):
        for name in fields.apart(Split.PROTOCOL):
            values = _words(rows[name])
            if len(values) > 1 and not (any_length and name == "epochs"):
                words = " ".join(str(each) for each in names if not pd.isna(each))
                raise InputError(
                    f"the runs of {words} mix {name} {' and '.join(values)}; choose "
                    "one.",
                    **{name: values[0]},
                )
    same = [*fields.setting_of(table), "width", "train_size", "seed"]
    ids = table.drop_duplicates("run_id")
    twice = ids[ids.duplicated(same, keep=False)]
    if len(twice):
        first = ", ".join(f"{name} {twice.iloc[0][name]}" for name in same)
        raise InputError(
            f"several runs have {first} (run_id {' and '.join(twice.run_id[:2])}); "
            "they are of different data or recorded differently, leave one out."
        )


def split_table(
    table: pd.DataFrame, names: Sequence[str]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yields the rows that agree in the named columns, with the columns' values.

    A value that is not known is None.
    """
    for values, rows in table.groupby(list(names), sort=True, dropna=False):
        yield dict(zip(names, map(_plain, values), strict=True)), rows


def _plain(value: Any) -> Any:
    """Returns a value as JSON has it: some versions of pandas give NumPy's."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


class Gap(NamedTuple):
    """What the grid of a family lacks.

    Attributes:
        family: in words.
        num_runs: how many are missing.
        trained_by: values of each field that train what is missing, as words.
    """

    family: str
    num_runs: int
    trained_by: dict[str, list[str]]


def missing_runs(table: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """Returns what the grid that the table spans lacks, a row a run.

    The grid of a family is all combinations of the values on its axes, in the table or
    wanted. A family that is wanted and wholly absent has the axes of all.
    """
    there = table.drop_duplicates("run_id")
    family, axes = list(fields.family()), list(fields.axes_of(there))
    families = set(there[family].itertuples(index=False, name=None))
    missing = []
    for each in sorted(families | _wanted_families(there, wanted)):
        rows = there[(there[family] == list(each)).all(axis=1)]
        known = there if rows.empty else rows
        values = [sorted({*known[name], *wanted.get(name, ())}) for name in axes]
        has = set(rows[axes].itertuples(index=False, name=None))
        gone = [cell for cell in itertools.product(*values) if cell not in has]
        missing += [(*each, *cell) for cell in gone]
    return pd.DataFrame(missing, columns=[*family, *axes])


def _wanted_families(there: pd.DataFrame, wanted: Wanted) -> set[tuple[Any, ...]]:
    """Returns the families that have a wanted value which no run has."""
    family = fields.family()
    asked = [name for name in family if name in wanted]
    if not asked:
        return set()
    values = [wanted.get(name, there[name].unique()) for name in family]
    absent = {
        (name, value) for name in asked for value in {*wanted[name]} - {*there[name]}
    }
    return {
        each
        for each in itertools.product(*values)
        if absent & set(zip(family, each, strict=True))
    }


def find_gaps(table: pd.DataFrame, wanted: Wanted) -> list[Gap]:
    """Returns what the grid lacks, a gap for each family."""
    gaps = []
    family, axes = list(fields.family()), fields.axes_of(table)
    for each, rows in missing_runs(table, wanted).groupby(family):
        mine = table[(table[family] == list(each)).all(axis=1)]
        mine = table if mine.empty else mine
        trained_by = {
            name: [str(value)] for name, value in zip(family, each, strict=True)
        }
        for name in (*axes, "loss", *fields.apart(Split.PROTOCOL)):
            words = _words((rows if name in axes else mine)[name])
            if name not in trained_by and words:
                trained_by[name] = words
        gaps.append(Gap(" ".join(map(str, each)), len(rows), trained_by))
    return gaps


def _words(column: pd.Series) -> list[str]:
    """Returns the column's known values in order, numbers in their shortest form."""
    values = sorted(column.dropna().unique())
    return [v if isinstance(v, str) else f"{v:.12g}" for v in values]
