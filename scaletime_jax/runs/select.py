"""Selects rows of a run table, and finds the runs missing from its grid."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs import fields
from scaletime_jax.runs.fields import Split

Wanted = Mapping[str, Sequence[Any]]  # values by column


def choose_runs(table: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """Returns the rows with the wanted values; adds `epochs`, the length of the run.

    The length of a run that ended at a test loss is a result, and the length of a run
    of given `steps` depends on the train size, so their `epochs` are NaN.

    Args:
        table: one row per run and evaluation.
        wanted: values by column; other columns are free.

    Raises:
        InputError: no row is left.
    """
    ran = table.groupby("run_id").epoch.transform("max")
    other = (table.until_test_loss > 0) | (table.steps > 0)
    table = table.assign(epochs=ran.where(~other))
    for name, values in wanted.items():
        rows = with_values(table, {name: values})
        if rows.empty:
            there = ", ".join(_words(table[name]))
            raise InputError(
                f"no run has {name} {' or '.join(map(str, values))}"
                f"{f'; the runs left have {there}' if there else ''}; choose among the "
                "existing values, or train the missing runs."
            )
        table = rows
    return table


def with_values(table: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """Returns the rows with the wanted values of the existing columns."""
    for name, values in wanted.items():
        if name not in table:
            continue
        if pd.api.types.is_float_dtype(table[name]):
            fits = np.isclose(table[name].to_numpy(float)[:, None], list(values))
            table = table[fits.any(axis=1)]
        else:
            table = table[table[name].isin(list(values))]
    return table


def check_protocol(table: pd.DataFrame, any_length: bool = False) -> None:
    """Raises InputError if a family mixes protocols, or has a run twice.

    Args:
        table: one row per run and evaluation, from `choose_runs`.
        any_length: whether runs may differ in `epochs`.
    """
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
            "they differ in data or recorded epochs; leave one of them out."
        )


def split_table(
    table: pd.DataFrame, names: Sequence[str]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yields the values of the named columns, and the rows with these values.

    An unknown value is None.
    """
    for values, rows in table.groupby(list(names), sort=True, dropna=False):
        yield dict(zip(names, map(_plain, values), strict=True)), rows


def _plain(value: Any) -> Any:
    """Returns a value as JSON has it; some versions of pandas return NumPy scalars."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


class Gap(NamedTuple):
    """The runs missing from the grid of a family.

    Attributes:
        family: name of the family in words.
        num_runs: number of missing runs.
        trained_by: values of each field, as words, that train the missing runs.
    """

    family: str
    num_runs: int
    trained_by: dict[str, list[str]]


def missing_runs(table: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """Returns the runs missing from the table's grid, one row for each run.

    The grid of a family is all combinations of the values on its axes, which are in the
    table or wanted. A wanted family without any run gets the axes of all families.
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
    """Returns the families with a wanted value that no run has."""
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
    """Returns the gaps of the grid, one for each family."""
    gaps = []
    family, axes = list(fields.family()), fields.axes_of(table)
    for each, rows in missing_runs(table, wanted).groupby(family):
        mine = table[(table[family] == list(each)).all(axis=1)]
        mine = table if mine.empty else mine
        trained_by = {
            name: [str(value)] for name, value in zip(family, each, strict=True)
        }
        protocol = fields.apart(Split.PROTOCOL)
        for name in (*axes, "loss", *protocol, *fields.setting_of(mine)):
            words = _words((rows if name in axes else mine)[name])
            if name not in trained_by and words:
                trained_by[name] = words
        gaps.append(Gap(" ".join(map(str, each)), len(rows), trained_by))
    return gaps


def _words(column: pd.Series) -> list[str]:
    """Returns the column's known values in order, as a flag takes them."""
    return [_word(value) for value in sorted(column.dropna().unique())]


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:.12g}"
