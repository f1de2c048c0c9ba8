"""The files of logs, in the formats that trackers write, as tables of quantities."""

import csv
import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from scaletime_jax.errors import InputError
from scaletime_jax.runs.clock import UNITS
from scaletime_jax.runs.log_columns import (
    describe_taken,
    lacks,
    lacks_asked,
    match_columns,
    quantity_of,
    time_of,
)
from scaletime_jax.runs.log_values import MEASURED
from scaletime_jax.runs.trackers import read_tracker

NEEDED = ("num_params", "test_loss")
LINES = (".jsonl", ".ndjson")
SUFFIXES = (".csv", ".tsv", ".parquet", *LINES)
# Quantities that must not pass through floating point, which merges large numbers.
EXACT = ("seed", "run")
# A column for each run, as the chart of a tracker is exported: "name - quantity".
WIDE = re.compile(r"(?P<run>.+) - (?P<quantity>.+?)(?P<end>__MIN|__MAX)?$")
PAIR = re.compile(r"([A-Za-z_][\w./]*)\s*[:=]\s*([^\s,;]+)")


class Log(NamedTuple):
    """One file.

    Attributes:
        path: path of the file.
        table: one row per run and evaluation, or per run; columns are quantities,
            `file` and `line`.
        columns: the names of the file's columns.
        taken: what was taken for what, in words.
    """

    path: pathlib.Path
    table: pd.DataFrame
    columns: list[str]
    taken: str


def read_files(
    paths: Sequence[pathlib.Path], asked: Mapping[str, str]
) -> tuple[pd.DataFrame, str, list[str]]:
    """Returns the rows of all files, the unit of their time, and what was taken.

    A file without losses or times has one row per run, with a column `run`: its other
    columns are properties of the runs in the other files, such as the sizes of the runs
    in a chart.

    Args:
        paths: CSV (also with semicolons or tabs), TSV, JSON lines, Parquet, or a folder
            in which a tracker wrote its runs. The folder is left out if a file has
            curves.
        asked: columns by quantity, which overrule the usual names.

    Returns:
        The table with a column for each quantity, `file` and `line`; the unit of time;
        sentences on the columns taken under other names.

    Raises:
        InputError: a file is no table, or lacks a needed column.
    """
    logs = [_read(path, asked) for path in paths if not path.is_dir()]
    if not any(_has_times(log, asked) for log in logs):
        # else the files are exports of what the tracker wrote
        logs += [_of_tracker(path, asked) for path in paths if path.is_dir()]
    for name, column in asked.items():
        if not any(column in log.columns for log in logs):
            raise lacks_asked(paths[0], name, column, logs[0].columns)
    curves = [log for log in logs if _has_times(log, asked) or len(logs) == 1]
    if not curves:
        curves = logs[:1]
    properties = [log for log in logs if log not in curves and "run" in log.table]
    for log in logs:
        if log not in curves and log not in properties:
            raise lacks(log.path, _first_lack(log, asked) or "run", log.columns)
    curves = [_with_properties(log, properties) for log in curves]
    for log in curves:
        lack = _first_lack(log, asked)
        if lack:
            raise lacks(log.path, lack, log.columns)
    common = set.intersection(*({*log.table.columns} for log in curves))
    unit = time_of(common, asked)
    if unit is None:
        raise InputError(
            f"{curves[0].path} and {curves[-1].path} have no unit of time in common; "
            "give all logs the column epoch, tokens, examples or step."
        )
    taken = [
        f"{log.path.name}: {log.taken}." for log in (*curves, *properties) if log.taken
    ]
    short = [*taken[:3], *([f"{len(taken) - 3} more."] if len(taken) > 3 else [])]
    rows = pd.concat([log.table for log in curves], ignore_index=True)
    return rows, unit, short


def _has_times(log: Log, asked: Mapping[str, str]) -> bool:
    return "test_loss" in log.table and time_of({*log.table}, asked) is not None


def _first_lack(log: Log, asked: Mapping[str, str]) -> str | None:
    """Returns the first needed quantity that a log lacks."""
    for name in NEEDED:
        if name not in log.table:
            return name
    return None if time_of({*log.table}, asked) else "epoch"


def _with_properties(log: Log, properties: Sequence[Log]) -> Log:
    """Returns a log whose runs have the properties of the runs of other files."""
    if "run" not in log.table or not properties:
        return log
    known = pd.concat([each.table for each in properties], ignore_index=True)
    left_out = {"run", "file", "line", *log.table.columns, *UNITS, "test_loss"}
    more = [name for name in known if name not in left_out]
    twice = known.run[known.run.duplicated()]
    if more and len(twice):
        raise InputError(
            f"{properties[0].path} has run {twice.iloc[0]!r} a second time; its rows "
            "are the properties of runs, one row per run."
        )
    unknown = ~log.table.run.isin(known.run)
    if more and unknown.any():
        raise InputError(
            f"{properties[0].path} lacks the run {log.table.run[unknown].iloc[0]!r} of "
            f"{log.path.name}; add its row, or leave the run out."
        )
    table = log.table.merge(known[["run", *more]], on="run", how="left")
    return log._replace(table=table)


def _read(path: pathlib.Path, asked: Mapping[str, str]) -> Log:
    try:
        columns, first = _columns(path)
        _refuse_twice(path, columns)
        wide = _wide_columns(columns)
        if wide:
            table = _long(pd.read_csv(path, sep=_separator(path)), wide)
            columns = [name for name in table if name != "line"]
        found = match_columns(path, columns, asked)
        if not wide:
            table = _load(path, found)
            table["line"] = np.arange(len(table)) + first
    except InputError:
        raise
    # pandas' parser errors are ValueErrors
    except (OSError, ValueError, ImportError, csv.Error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is not a run table ({reason}); it must be CSV, TSV, JSON lines or "
            "Parquet with the columns num_params, test_loss and epoch, tokens or step."
        ) from None
    if table.empty:
        raise InputError(f"{path} has no rows; give one per run and evaluation.")
    return _with_quantities(path, table, columns, found)


def _of_tracker(path: pathlib.Path, asked: Mapping[str, str]) -> Log:
    """Returns the runs that a tracker wrote in a folder.

    Scalars that follow a schedule, such as the learning rate, are no properties of
    runs, and are left out.
    """
    table = read_tracker(path)
    columns = list(table)
    found = match_columns(path, columns, asked)
    changes = table.groupby("run").nunique().max() > 1
    may_change = {*MEASURED, *UNITS, "seconds", "run"}
    found = {
        name: column
        for name, column in found.items()
        if name in may_change or name in asked or not changes[column]
    }
    return _with_quantities(path, table.assign(line=table.index + 1), columns, found)


def _with_quantities(
    path: pathlib.Path,
    table: pd.DataFrame,
    columns: list[str],
    found: Mapping[str, str],
) -> Log:
    """Returns a log from a table with the file's columns and `line`."""
    table = table[[*found.values(), "line"]]
    table = table.rename(columns={each: name for name, each in found.items()})
    table["file"] = pd.Categorical.from_codes(np.zeros(len(table), int), [str(path)])
    return Log(path, table, columns, describe_taken(found))


def _columns(path: pathlib.Path) -> tuple[list[str], int]:
    """Returns the names of the columns, and the line of the first row."""
    if path.suffix == ".parquet":
        return list(pq.read_schema(path).names), 1
    if path.suffix in LINES:
        return list(dict.fromkeys(name for row in _rows(path) for name in row)), 1
    with open(path, encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file, delimiter=_separator(path)), [])
    names = [name.strip() for name in names]
    if not any(names):
        raise ValueError("it has no columns")
    return names, 2


def _rows(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            row = json.loads(line) if line.strip() else {}
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no object")
            yield row


def _load(path: pathlib.Path, found: Mapping[str, str]) -> pd.DataFrame:
    """Returns the found columns, with quantities in `EXACT` as they are written."""
    used = list(found.values())
    exact = {found[name]: "string" for name in EXACT if name in found}
    if path.suffix == ".parquet":
        return pd.read_parquet(path, columns=used)
    if path.suffix in LINES:
        rows = [{name: row.get(name) for name in used} for row in _rows(path)]
        return pd.DataFrame(rows, columns=used)
    _refuse_longer(path)
    table = pd.read_csv(
        path,
        sep=_separator(path),
        skipinitialspace=True,
        encoding="utf-8-sig",
        usecols=lambda name: name.strip() in used,
        index_col=False,  # else a longer first row moves all columns to the left
        dtype=exact,
        low_memory=False,
    )
    table.columns = [name.strip() for name in table.columns]
    return table


def _separator(path: pathlib.Path) -> str:
    """Returns the most frequent separator of the names: comma, semicolon or tab."""
    with open(path, encoding="utf-8-sig") as file:
        names = file.readline()
    return max(",;\t", key=names.count)


def _refuse_twice(path: pathlib.Path, columns: Sequence[str]) -> None:
    twice = [name for name in columns if name and columns.count(name) > 1]
    if twice:
        raise InputError(f"{path} has two columns {twice[0]!r}; leave one out.")


def _refuse_longer(path: pathlib.Path) -> None:
    """Refuses a row with more cells than the first line, which pandas would cut."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=_separator(path), skipinitialspace=True)
        number = len(next(rows))
        for row in rows:
            if any(row[number:]):
                raise InputError(
                    f"{path}, line {rows.line_num}: the row has more cells than the "
                    f"{number} names of the first line; name each column, write 0.5 "
                    "for 0,5, and quote text with the separator in it."
                )


def _wide_columns(columns: Sequence[str]) -> dict[str, re.Match[str]]:
    """Returns the columns of single runs, if the table has one for each run."""
    if len(columns) < 2 or quantity_of(columns[0]) not in UNITS:
        return {}
    found = {name: WIDE.fullmatch(name) for name in columns[1:]}
    if not all(found.values()):
        return {}
    return {name: match for name, match in found.items() if match and not match["end"]}


def _long(chart: pd.DataFrame, wide: Mapping[str, re.Match[str]]) -> pd.DataFrame:
    """Returns a chart with a column for each run as one row per run and evaluation.

    Properties in the name of a run, such as "num_params: 1000" or "seed=1", become
    columns.
    """
    time = chart.columns[0]
    pieces: dict[str, list[pd.DataFrame]] = {}
    for name, match in wide.items():
        values = chart[[time, name]].rename(columns={name: match["quantity"]})
        values = values.assign(run=match["run"].strip(), line=np.arange(len(chart)) + 2)
        pieces.setdefault(match["quantity"], []).append(values.dropna())
    keys = ["run", time, "line"]
    stacked = [pd.concat(each) for each in pieces.values()]
    table = stacked[0]
    for each in stacked[1:]:
        table = table.merge(each, on=keys, how="outer")
    runs = {run: dict(PAIR.findall(run)) for run in table.run.unique()}
    for name in {name for pairs in runs.values() for name in pairs}:
        of_run = {run: pairs.get(name) for run, pairs in runs.items()}
        table[name] = table.run.map(of_run)
    return table
