"""A user's own learning curves as a run table."""

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs import fields
from scaletime_jax.runs.clock import EXAMPLES, STEPS, UNITS, Clock
from scaletime_jax.runs.log_columns import KNOWN
from scaletime_jax.runs.log_files import read_files
from scaletime_jax.runs.log_values import MEASURED, TEXT, check_values
from scaletime_jax.words import count_of, plain

COLUMNS = {field.name: field for field in fields.columns()}
# Columns that are looked at where a log lacks them. The others are added last, because
# each step would copy them.
LOOKED_AT = ("seed", "schedule", "train_size", *MEASURED)
ENDED = 0.99  # of the planned length
# What tells runs apart whose names are used again.
REPEATED = ("run", "num_params", "width", "train_size", "seed", "horizon")


def read_logs(
    paths: Sequence[pathlib.Path],
    name: str,
    columns: Mapping[str, str] | None = None,
    batch_size: float | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Returns the run table of logs, and their metadata.

    A log is CSV (also with semicolons or tabs), TSV, JSON lines or Parquet, with one
    row per run and evaluation, and the columns `num_params`, `test_loss` and a time:
    `epoch`, `tokens`, `examples` or `step`. Usual names of these quantities are
    recognised; see `log_columns.ALIASES`. The charts and tables of runs that a tracker
    exports are read together, as a folder; see `log_files.read_files`, and `trackers`
    for the folders that trackers write. A log may have
    any other columns of the run table. Every difference between runs must be a column,
    at least `seed` or `run` (the name of the run), whose values may be words.

    A row is diverged if neither the test loss, nor any later test loss of the run, nor
    the train loss is a number. Other rows without a test loss count as not evaluated.

    If the runs of a setting have several planned lengths, in a column `horizon`, and
    their schedule is not constant or not known, a point inside a long run is not what a
    shorter run ends with. Then only the ends of runs are kept, and the ends of one size
    and seed count as one learning curve.

    Args:
        paths: files of one table.
        name: name of the dataset if the table has no column `dataset`.
        columns: columns by quantity, which overrule the usual names.
        batch_size: examples, or tokens, of a step, where the logs do not say.

    Returns:
        The table; and the metadata `logs` (the paths), `columns` (the columns found),
        `run_ids`, `clock` (the fields of the `Clock`), `notes` (sentences) and, with a
        column `seconds` (since the run's start), `rates` (the durations of the runs).

    Raises:
        InputError: a table or a value is invalid; the message says where.
    """
    logs, unit, taken = read_files(paths, columns or {})
    notes = [f"Taken in {each}" for each in taken]
    logs = _completed(logs, unit, len(paths) > 1)
    given = [column for column in logs if column in KNOWN]
    check_values(logs, given)
    clock, time = _clock_of(logs, unit, batch_size)
    logs = logs.assign(epoch=time)
    table = pd.DataFrame({n: logs[n] for n in given if n in COLUMNS and n != STEPS})
    table["epoch"] = logs.epoch
    found = [each for each in given if each in COLUMNS]
    table = _with_unknown(table, LOOKED_AT)
    if "dataset" not in given:
        table["dataset"] = name
    for column in ("seconds", "horizon", "run"):
        if column in given:
            table[column] = logs[column]
    if "width" not in given or table.groupby("width").num_params.nunique().max() > 1:
        table["width"] = table.num_params  # sizes may differ in depth
    table, more = _as_runs(table, logs, clock)
    known = {
        "logs": [str(path) for path in paths],
        "columns": found,
        "run_ids": list(table.run_id.unique()),
        "clock": clock._asdict(),
        "notes": [*notes, *more],
        "rates": _rates(table, clock),
    }
    return _with_unknown(table, COLUMNS)[list(COLUMNS)], known


def _with_unknown(table: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Returns the table with those of the columns that it lacks, as not known."""
    lacking = [name for name in columns if name not in table]
    return table.assign(**{n: None if n in TEXT else np.nan for n in lacking})


def _completed(logs: pd.DataFrame, unit: str, several: bool) -> pd.DataFrame:
    """Returns the rows with a time, and the properties of runs in each of their rows.

    Columns that are wholly empty, and other times, are left out.
    """
    empty = [name for name in logs if name in KNOWN and logs[name].isna().all()]
    for name in ("num_params", "test_loss", unit):
        if name in empty:
            raise InputError(f"{logs.file.iloc[0]}: the column for {name} is empty.")
    unused = {*UNITS} - {unit}
    if "loss" in logs and pd.to_numeric(logs.loss, errors="coerce").notna().any():
        unused.add("loss")  # a measurement, not the name of a loss
    logs = logs.drop(columns=[*{*empty, *unused} & {*logs.columns}])
    if several and not {"run", "seed"} & {*logs.columns}:
        logs["run"] = logs.file.astype(str)
    if "run" in logs:
        measured = {*MEASURED, unit, "seconds", "run", "file", "line"}
        for name in [name for name in logs if name not in measured]:
            if logs[name].isna().any():
                first = logs.groupby("run", observed=True)[name].transform("first")
                logs[name] = logs[name].fillna(first)
    return logs[logs[unit].notna() | logs.test_loss.notna()].reset_index(drop=True)


def _rates(table: pd.DataFrame, clock: Clock) -> list[dict[str, Any]]:
    """Returns the examples and seconds of the runs, if the logs contain both."""
    if "seconds" not in table:
        return []
    last = table.loc[table.groupby("run_id").epoch.idxmax()]
    last = last.assign(examples=last.epoch * clock.examples(last.train_size))
    last = last[(last.seconds > 0) & (last.examples > 0)]
    kept = last[["run_id", "num_params", "examples", "seconds"]]
    return list(kept.to_dict("records"))


def _clock_of(
    logs: pd.DataFrame, unit: str, batch_size: float | None
) -> tuple[Clock, pd.Series]:
    """Returns the clock, and the time of each row.

    Steps of different batch sizes are counted in examples.
    """
    if unit != STEPS:
        return Clock(unit), logs[unit]
    if "batch_size" not in logs:
        return Clock(unit, batch_size), logs[unit]
    if logs.batch_size.nunique() == 1:
        return Clock(unit, float(logs.batch_size.iloc[0])), logs[unit]
    return Clock(EXAMPLES), logs[unit] * logs.batch_size


def _as_runs(
    table: pd.DataFrame, logs: pd.DataFrame, clock: Clock
) -> tuple[pd.DataFrame, list[str]]:
    """Adds the columns run_id, step and diverged; returns sentences on rows left out.

    Raises:
        InputError: a property of a run changes, a run has a time twice, or no run was
            evaluated in training.
    """
    measured = {*MEASURED, "epoch", "seconds"}
    constants = [column for column in table if column not in measured]
    if "run" in table:
        _refuse_changes(table, logs, constants)
    table, notes = _ends_alone(table, constants, clock)
    constants = [each for each in constants if each not in ("run", "horizon")]
    if "run" in table:
        if table.run.is_unique:  # ends of runs; those of one setting are one curve
            same = [*constants, "epoch"]
        else:
            same, constants = constants, [*constants, "run"]
        if table.seed.isna().all():
            codes = pd.Series(pd.factorize(table.run)[0], table.index)
            ranks = codes.groupby([table[each] for each in same], dropna=False)
            table["seed"] = ranks.rank(method="dense").astype(np.int64) - 1
    table["seed"] = table.seed.fillna(0).astype(np.int64)  # the only run of its setting
    run = table.groupby(constants, sort=False, dropna=False).ngroup()
    twice = pd.DataFrame({"run": run, "epoch": table.epoch}).duplicated(keep="first")
    if twice.any():
        row = logs.loc[twice.idxmax()]
        at = f"{row.file}, line {row.line}: num_params {row.num_params}"
        raise InputError(
            f"{at} has {clock.unit} {plain(row.epoch)} a second time; if these are "
            "different runs, add a column that distinguishes them, such as seed."
        )
    trained = table.epoch.where(table.epoch > 0)
    if (trained.groupby(run).nunique() < 2).all():
        raise InputError(
            f"{logs.file.iloc[0]}: no run has two {clock.plural} above 0; a learning "
            "curve needs several rows that agree in all columns that are not "
            "measurements."
        )
    ids = "log-" + run.astype(str).str.zfill(5)
    table = table.assign(run_id=ids, run=run).sort_values(["run", "epoch"])
    # not evaluated: a gap before a later loss, or a gap with training losses
    finite = table.test_loss.notna().astype(int)
    later = finite[::-1].groupby(table.run[::-1]).cummax()[::-1]
    gone = (later == 0) & table.train_loss.isna()
    kept = (finite > 0) | gone
    if not kept.all():
        count = count_of(int((~kept).sum()), "row")
        notes.append(f"{count} without a test loss left out.")
    table = table[kept].copy()
    table["step"] = table.groupby("run").cumcount()
    table["diverged"] = table.test_loss.isna()
    table.loc[table.diverged, list(MEASURED)] = np.nan  # as in our own tables
    return table.reset_index(drop=True), notes


def _refuse_changes(
    table: pd.DataFrame, logs: pd.DataFrame, constants: Sequence[str]
) -> None:
    """Raises InputError if a property of a named run changes within the run.

    Runs of different sizes may have one name, such as a number of the repetition.
    """
    own = [name for name in REPEATED if name in table]
    for name in (each for each in constants if each not in own):
        values = table.groupby(own, dropna=False)[name].nunique()
        if values.max() > 1:
            at = values.to_numpy().argmax()
            rows = table.groupby(own, dropna=False).ngroup() == at
            run, there = table.run[rows].iloc[0], table[name][rows].unique()[:2]
            raise InputError(
                f"{logs.file.iloc[0]}: {name} of run {run} is {there[0]} and later "
                f"{there[1]}; a run has one {name}: leave the column out, or rename it."
            )


def _ends_alone(
    table: pd.DataFrame, constants: Sequence[str], clock: Clock
) -> tuple[pd.DataFrame, list[str]]:
    """Returns the ends of runs where planned lengths differ, else all rows."""
    if "horizon" not in table or (table.schedule == "constant").all():
        return table, []
    within = {"num_params", "width", "seed", "run", "horizon"}
    setting = [each for each in constants if each not in within]
    lengths = table.groupby(setting, dropna=False).horizon.nunique()
    if lengths.max() < 2:
        return table, []
    run = table.groupby(list(constants), sort=False, dropna=False).ngroup()
    done = table.test_loss.notna() & (table.epoch >= ENDED * table.horizon)
    last = table[done].groupby(run[done]).epoch.idxmax()
    if last.empty:
        raise InputError(
            f"no run has reached {ENDED:.0%} of its planned length, the column horizon "
            f"in {clock.plural}; where planned lengths differ only ends are compared."
        )
    unended = run.nunique() - len(last)
    notes = [
        f"Planned lengths differ and the schedule is not constant or not known: only "
        f"the ends of {count_of(len(last), 'run')} are compared."
    ]
    if unended:
        notes.append(f"{count_of(unended, 'run')} without an end left out.")
    return table.loc[last].sort_index(), notes
