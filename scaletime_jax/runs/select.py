"""Which rows of a run table belong together, and which of them are missing."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError

# What makes a panel of a figure.
SETTING = (
    "dataset",
    "architecture",
    "optimizer",
    "learning_rate",
    "label_noise",
    "loss",
)
# What must not differ between the runs of a family.
FAMILY = ("dataset", "architecture", "optimizer")
PROTOCOL = ("init", "batch_size", "test_size", "epochs")
AXES = ("width", "train_size", "label_noise", "learning_rate", "seed")
# How the flag of a column is called where it is not called like the column.
FLAGS = {
    "width": "widths",
    "train_size": "train_sizes",
    "learning_rate": "learning_rates",
    "seed": "seeds",
}


def select_runs(
    table: pd.DataFrame, wanted: Mapping[str, Sequence], any_length: bool = False
) -> pd.DataFrame:
    """Returns the rows with the wanted values; adds `epochs`, how long each ran.

    Args:
        table: one row per run and evaluation.
        wanted: values by column; other columns are free.
        any_length: runs may differ in `epochs`.

    Raises:
        InputError: no row is left, or those left mix protocols.
    """
    table = table.assign(epochs=table.groupby("run_id").epoch.transform("max"))
    for name, values in wanted.items():
        if pd.api.types.is_float_dtype(table[name]):
            fits = np.isclose(table[name].to_numpy(float)[:, None], list(values))
            rows = table[fits.any(axis=1)]
        else:
            rows = table[table[name].isin(list(values))]
        if rows.empty:
            there = ", ".join(_words(table[name]))
            raise InputError(
                f"no run has {name} {' or '.join(map(str, values))}"
                f"{f'; those left have {there}' if there else ''}; the same command "
                "without --runs trains what is missing."
            )
        table = rows
    _check_protocol(table, any_length)
    return table


def _check_protocol(table: pd.DataFrame, any_length: bool) -> None:
    losses = _words(table.loss)
    if len(losses) > 1:  # one threshold and one axis for all
        raise InputError(
            f"the runs mix loss {' and '.join(losses)}; choose with --loss={losses[0]}."
        )
    for family, rows in table.groupby(list(FAMILY)):
        for name in PROTOCOL:
            values = _words(rows[name])
            if len(values) > 1 and not (any_length and name == "epochs"):
                raise InputError(
                    f"the runs of {' '.join(map(str, family))} mix {name} "
                    f"{' and '.join(values)}; choose with --{name}={values[0]}."
                )
    same = [*SETTING, "width", "train_size", "seed"]
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
) -> Iterator[tuple[dict, pd.DataFrame]]:
    """Yields the rows that agree in the named columns, with the columns' values."""
    for values, rows in table.groupby(list(names), sort=True):
        # some versions of pandas give NumPy numbers, which JSON does not take
        plain = [v.item() if isinstance(v, np.generic) else v for v in values]
        yield dict(zip(names, plain, strict=True)), rows


def missing_runs(table: pd.DataFrame, wanted: Mapping[str, Sequence]) -> pd.DataFrame:
    """Returns what the grid that the table spans lacks, a row a run.

    The grid of a family is all combinations of the values on its axes, in the table or
    wanted. A family that is wanted and wholly absent has the axes of all.
    """
    there = table.drop_duplicates("run_id")
    families = set(there[list(FAMILY)].itertuples(index=False, name=None))
    missing = []
    for family in sorted(families | _wanted_families(there, wanted)):
        rows = there[(there[list(FAMILY)] == list(family)).all(axis=1)]
        known = there if rows.empty else rows
        axes = [sorted({*known[name], *wanted.get(name, ())}) for name in AXES]
        has = set(rows[list(AXES)].itertuples(index=False, name=None))
        gone = [cell for cell in itertools.product(*axes) if cell not in has]
        missing += [(*family, *cell) for cell in gone]
    return pd.DataFrame(missing, columns=[*FAMILY, *AXES])


def _wanted_families(there: pd.DataFrame, wanted: Mapping[str, Sequence]) -> set:
    """Returns the families that have a wanted value which no run has."""
    asked = [name for name in FAMILY if name in wanted]
    if not asked:
        return set()
    values = [wanted.get(name, there[name].unique()) for name in FAMILY]
    absent = {
        (name, value) for name in asked for value in {*wanted[name]} - {*there[name]}
    }
    return {
        family
        for family in itertools.product(*values)
        if absent & set(zip(FAMILY, family, strict=True))
    }


def describe_missing(missing: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Returns a sentence a family, with the flags that train what it lacks."""
    sentences = []
    for family, rows in missing.groupby(list(FAMILY)):
        mine = table[(table[list(FAMILY)] == list(family)).all(axis=1)]
        chosen = dict(zip(FAMILY, family, strict=True))
        flags = [f"--{name}={value}" for name, value in chosen.items()]
        mine = table if mine.empty else mine
        for name in (*AXES, "loss", *PROTOCOL):
            values = _words(rows[name] if name in AXES else mine[name])
            flags.append(f"--{FLAGS.get(name, name)}={','.join(values)}")
        sentences.append(
            f"{len(rows)} runs of {' '.join(map(str, family))} are missing; "
            f"{' '.join(flags)} trains them"
        )
    return sentences


def _words(column: pd.Series) -> list[str]:
    """Returns the column's values in order, numbers in their shortest form."""
    values = sorted(column.unique())
    return [v if isinstance(v, str) else f"{v:.12g}" for v in values]
