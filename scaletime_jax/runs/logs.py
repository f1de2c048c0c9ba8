"""A user's own learning curves: any table with the required columns."""

import difflib
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs import fields

NEEDED = ("num_params", "epoch", "test_loss")
COLUMNS = {field.name: field for field in fields.columns()}
MEASURED = fields.measured()
TEXT = tuple(name for name, field in COLUMNS.items() if field.kind is str)
# Columns of the table that logs cannot set.
OURS = {"run_id", "step", "diverged", "file", "line"}


def read_logs(
    paths: Sequence[pathlib.Path], name: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Returns the run table of logs, and their metadata.

    A log is CSV (also with semicolons or tabs) or Parquet, with one row per run and
    evaluation, the columns `num_params`, `epoch` and `test_loss`, and any other columns
    of the run table. Every difference between runs must be a column, at least `seed`,
    whose values may be words. A row is diverged if neither the test loss, nor any later
    test loss of the run, nor the train loss is a number. Other rows without a test loss
    count as not evaluated.

    Args:
        paths: files of one table.
        name: name of the dataset if the table has no column `dataset`.

    Returns:
        The table; and the metadata `logs` (the paths), `columns` (the columns found),
        `run_ids` and, with a column `seconds` (since the run's start), `rates` (the
        durations of the runs).

    Raises:
        InputError: a table or a value is invalid; the message says where.
    """
    pieces = [_read(path) for path in paths]
    logs = pd.concat(pieces, ignore_index=True)
    given = [column for column in logs if column in COLUMNS and column not in OURS]
    _check(logs, given)
    table = pd.DataFrame({name: logs[name] for name in given})
    for column in COLUMNS.keys() - set(given) - OURS:
        table[column] = None if column in TEXT else np.nan  # unknown
    if "dataset" not in given:
        table["dataset"] = name
    if "seed" not in given:
        table["seed"] = 0  # the only run of its setting
    if "width" not in given or table.groupby("width").num_params.nunique().max() > 1:
        table["width"] = table.num_params  # sizes may differ in depth
    if "seconds" in logs:
        table["seconds"] = pd.to_numeric(logs.seconds, errors="coerce")
    table = _as_runs(table, logs)
    known = {
        "logs": [str(path) for path in paths],
        "columns": given,
        "run_ids": list(table.run_id.unique()),
        "rates": _rates(table),
    }
    return table[list(COLUMNS)], known


def _rates(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the examples and seconds of the runs, if the logs contain both."""
    if "seconds" not in table:
        return []
    last = table.loc[table.groupby("run_id").epoch.idxmax()]
    last = last[(last.seconds > 0) & (last.train_size > 0)]
    last = last.assign(examples=last.epoch * last.train_size)
    kept = last[["run_id", "num_params", "examples", "seconds"]]
    return list(kept.to_dict("records"))


def _read(path: pathlib.Path) -> pd.DataFrame:
    try:
        logs = (
            pd.read_parquet(path)
            if path.suffix == ".parquet"
            else pd.read_csv(path, sep=_separator(path), skipinitialspace=True)
        )
    except (OSError, ValueError, ImportError) as error:  # parser errors are ValueErrors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is not a run table ({reason}); it must be CSV or Parquet with the "
            f"columns {', '.join(NEEDED)}."
        ) from None
    logs.columns = [str(column).strip() for column in logs.columns]
    _check_columns(path, list(logs.columns))
    if logs.empty:
        raise InputError(f"{path} has no rows; give one per run and evaluation.")
    first = 2 if path.suffix == ".csv" else 1  # the first line of a CSV has the names
    return logs.assign(file=str(path), line=np.arange(len(logs)) + first)


def _separator(path: pathlib.Path) -> str:
    """Returns the most frequent separator of the names: comma, semicolon or tab."""
    with open(path, encoding="utf-8-sig") as file:
        names = file.readline()
    return max(",;\t", key=names.count)


def _check_columns(path: pathlib.Path, columns: list[str]) -> None:
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        raise InputError(f"{path} has two columns {twice[0]!r}; leave one out.")
    known = [name for name in COLUMNS if name not in OURS]
    others = [name for name in columns if name not in COLUMNS]
    for name in (*NEEDED, *known):
        if name in columns:
            continue
        near = difflib.get_close_matches(name, others, n=1, cutoff=0.8)
        if name in NEEDED:
            near = near or difflib.get_close_matches(name, others, n=1, cutoff=0.5)
            hint = f"is {near[0]!r} meant?" if near else f"it has {', '.join(columns)}."
            raise InputError(f"{path} lacks the column {name!r}; {hint}")
        if near:
            raise InputError(
                f"{path} has a column {near[0]!r}; rename it to {name!r} if that is "
                "meant, else give it a less similar name."
            )


def _check(logs: pd.DataFrame, given: list[str]) -> None:
    """Raises InputError at the first invalid value."""
    for name in given:
        if name in TEXT:
            _refuse(logs, logs[name].isna(), name, "is empty")
            logs[name] = logs[name].astype(str)
            continue
        if name == "seed" and not pd.api.types.is_numeric_dtype(logs[name]):
            _refuse(logs, logs[name].isna(), name, "is empty")
            logs[name] = pd.factorize(logs[name].astype(str), sort=True)[0]
        numbers = pd.to_numeric(logs[name], errors="coerce")
        words = logs[name].astype(str).str.strip().str.lower()
        bad = numbers.isna() & logs[name].notna() & (words != "nan")
        if name not in MEASURED:
            bad |= ~np.isfinite(numbers.astype(float))
        _refuse(logs, bad, name, "is not a number")
        logs[name] = numbers.astype(float)
        if name in MEASURED:
            logs[name] = logs[name].where(np.isfinite(logs[name]))
        if name in ("num_params", "seed", "train_size", "width"):
            _refuse(logs, logs[name] % 1 != 0, name, "is not a whole number")
            logs[name] = logs[name].astype(np.int64)
    _refuse(logs, logs.num_params <= 0, "num_params", "must be above 0")
    _refuse(logs, logs.epoch < 0, "epoch", "must be 0 or more")
    for name in ("test_loss", "train_loss"):
        if name in given:
            least = 0.0 if name == "train_loss" else np.nextafter(0.0, 1.0)
            words = "must be 0 or more" if least == 0 else "must be above 0"
            _refuse(logs, logs[name] < least, name, f"{words}: losses are on log axes")
    for name in ("train_size", "learning_rate"):
        if name in given:
            _refuse(logs, logs[name] <= 0, name, "must be above 0")


def _refuse(logs: pd.DataFrame, bad: pd.Series, name: str, words: str) -> None:
    if bad.any():
        row = logs[bad].iloc[0]
        raise InputError(f"{row.file}, line {row.line}: {name} {row[name]!s} {words}.")


def _as_runs(table: pd.DataFrame, logs: pd.DataFrame) -> pd.DataFrame:
    """Adds the columns run_id, step and diverged.

    Raises:
        InputError: a run has an epoch twice, or no run was evaluated in training.
    """
    measured = {*MEASURED, "epoch", "seconds"}
    constants = [column for column in table if column not in measured]
    run = table.groupby(constants, sort=False, dropna=False).ngroup()
    twice = pd.DataFrame({"run": run, "epoch": table.epoch}).duplicated(keep="first")
    if twice.any():
        row = logs[twice].iloc[0]
        at = f"{row.file}, line {row.line}: num_params {row.num_params}"
        raise InputError(
            f"{at} has epoch {row.epoch:g} a second time; if these are different runs, "
            "add a column that distinguishes them, such as seed."
        )
    trained = table.epoch.where(table.epoch > 0)
    if (trained.groupby(run).nunique() < 2).all():
        raise InputError(
            f"{logs.file.iloc[0]}: no run has two epochs above 0; a learning curve "
            "needs several rows that agree in all columns that are not measurements."
        )
    ids = "log-" + run.astype(str).str.zfill(5)
    table = table.assign(run_id=ids, run=run).sort_values(["run", "epoch"])
    # not evaluated: a gap before a later loss, or a gap with training losses
    finite = table.test_loss.notna().astype(int)
    later = finite[::-1].groupby(table.run[::-1]).cummax()[::-1]
    gone = (later == 0) & table.train_loss.isna()
    table = table[(finite > 0) | gone].copy()
    table["step"] = table.groupby("run").cumcount()
    table["diverged"] = table.test_loss.isna()
    table.loc[table.diverged, list(MEASURED)] = np.nan  # as in our own tables
    return table.reset_index(drop=True)
