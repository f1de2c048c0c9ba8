"""The folders in which trackers write runs, as tables of what was logged.

TensorBoard: every folder with event files is a run; scalars are columns. A folder
inside a run, and a folder called train, validation, eval or test, is a part of the run
around it, and the columns of a part begin with its name, as in "validation/loss".
Hyperparameters of the HParams plugin are properties of the run.

Weights & Biases: every offline run is a file `run-ID.wandb`, written while the run goes
on. History is read as rows; config, and entries of the summary that are not in the
history, as properties of the run.

Both need packages that are installed with `pip install -e ".[logs]"`.
"""

import json
import math
import pathlib
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from scaletime_jax.errors import InputError

EVENTS = "*tfevents*"
WANDB = "run-*.wandb"
PARTS = ("train", "valid", "validation", "val", "dev", "eval", "test")
PROPERTY = re.compile(r"([A-Za-z_][\w.]*)\s*[:=]\s*([^\s,;/]+)")
# The log of records of a W&B run, in the format of LevelDB.
FILE_HEADER, BLOCK = 7, 32_768
RECORD_HEADER = struct.Struct("<IHB")  # checksum, length, kind
WHOLE, LAST = 1, 4  # kinds of the piece with which a record ends

Row = dict[str, Any]


def holds_runs(folder: pathlib.Path) -> bool:
    """Whether a tracker wrote runs in a folder, or in folders inside it."""
    return any(next(folder.rglob(each), None) for each in (EVENTS, WANDB))


def read_tracker(folder: pathlib.Path) -> pd.DataFrame:
    """Returns what trackers wrote: a row for each run and step.

    Args:
        folder: a folder for which `holds_runs` is true.

    Returns:
        A table with the columns `run` and `step`, `seconds` since the start of the run,
        and everything that was logged as a number or as a property of the run. The
        name of a run is that of its folder, or its name at W&B.

    Raises:
        InputError: a package is missing, or a file cannot be read.
    """
    runs = {**_tensorboard_runs(folder), **_wandb_runs(folder)}
    rows = []
    for name, (properties, logged) in runs.items():
        named = {**dict(PROPERTY.findall(name)), **properties}
        rows += [{"run": name, **named, **row} for row in logged]
    if not rows:
        raise InputError(f"the runs in {folder} have no scalars; log the losses.")
    return pd.DataFrame(rows)


def _tensorboard_runs(folder: pathlib.Path) -> dict[str, tuple[Row, list[Row]]]:
    """Returns the properties and rows of each run, by name."""
    places = sorted({each.parent for each in folder.rglob(EVENTS)})
    if not places:
        return {}
    found: dict[str, tuple[Row, dict[int, Row]]] = {}
    for place in places:
        run, part = _run_of(place, places, folder)
        properties, rows = found.setdefault(run, ({}, {}))
        _read_events(place, part, properties, rows)
    return {
        run: (properties, [rows[step] for step in sorted(rows)])
        for run, (properties, rows) in found.items()
    }


def _run_of(
    place: pathlib.Path, places: Sequence[pathlib.Path], root: pathlib.Path
) -> tuple[str, str]:
    """Returns the name of the run of a folder, and the name of the part."""
    outer = next((each for each in places if each in place.parents), place)
    if outer == place and place != root and place.name.lower() in PARTS:
        outer = place.parent
    inside = place.relative_to(outer)
    part = "" if inside == pathlib.Path() else f"{inside.as_posix()}/"
    name = outer.relative_to(root).as_posix() if outer != root else root.name
    return name, part


def _read_events(
    place: pathlib.Path, part: str, properties: Row, rows: dict[int, Row]
) -> None:
    """Adds the scalars and hyperparameters in the event files of a folder.

    A step that was logged again, after a restart, replaces the earlier one.
    """
    try:
        from tensorboard.backend.event_processing import event_file_loader
        from tensorboard.plugins.hparams import metadata as hparams
        from tensorboard.util import tensor_util
    except ImportError as error:
        raise _missing(place, "tensorboard", error) from None
    plugins: dict[str, str] = {}  # by tag; written with the first value alone
    start = math.inf
    for path in sorted(place.glob(EVENTS)):
        try:
            events = list(event_file_loader.EventFileLoader(str(path)).Load())
        except Exception as error:  # the loader has no errors of its own
            raise _unreadable(path, error) from None
        for event in events:
            start = min(start, event.wall_time)
            for value in event.summary.value:
                plugin = value.metadata.plugin_data
                if plugin.plugin_name:
                    plugins[value.tag] = plugin.plugin_name
                kind = plugins.get(value.tag)
                if kind == hparams.PLUGIN_NAME:
                    if value.tag == hparams.SESSION_START_INFO_TAG:
                        known = hparams.parse_session_start_info_plugin_data
                        properties |= _of_hparams(known(plugin.content).hparams)
                elif kind == "scalars":
                    row = rows.setdefault(event.step, {"step": event.step})
                    row["seconds"] = event.wall_time - start
                    row[part + value.tag] = tensor_util.make_ndarray(
                        value.tensor
                    ).item()


def _of_hparams(values: Mapping[str, Any]) -> Row:
    """Returns hyperparameters, which are messages with one field, by name."""
    kinds = {name: value.WhichOneof("kind") for name, value in values.items()}
    return {name: getattr(values[name], kind) for name, kind in kinds.items() if kind}


def _wandb_runs(folder: pathlib.Path) -> dict[str, tuple[Row, list[Row]]]:
    """Returns the properties and rows of each run, by name.

    Runs of one name have their identifiers appended.
    """
    runs = [_read_wandb(path) for path in sorted(folder.rglob(WANDB))]
    names = [name for name, *_ in runs]
    return {
        name if names.count(name) == 1 else f"{name} ({run})": (properties, rows)
        for name, run, properties, rows in runs
    }


def _read_wandb(path: pathlib.Path) -> tuple[str, str, Row, list[Row]]:
    """Returns name, identifier, properties and rows of an offline run."""
    try:
        from google.protobuf.message import DecodeError
        from wandb.proto import wandb_internal_pb2
    except ImportError as error:
        raise _missing(path, "wandb", error) from None
    name = run = path.stem.removeprefix("run-")
    config: Row = {}
    summary: Row = {}
    rows: list[Row] = []
    try:
        for content in records_of(path.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(content)
            if record.HasField("run"):
                name, run = record.run.display_name or run, record.run.run_id
                config |= _entries(record.run.config.update)
            config |= _entries(record.config.update)
            summary |= _entries(record.summary.update)
            if record.HasField("history"):
                rows.append(_entries(record.history.item))
    except (OSError, ValueError, DecodeError) as error:
        raise _unreadable(path, error) from None
    logged = {name for row in rows for name in row}
    rest = {name: value for name, value in summary.items() if name not in logged}
    for row in rows:
        for ours, theirs in (("step", "_step"), ("seconds", "_runtime")):
            if ours not in row and theirs in row:
                row[ours] = row.pop(theirs)
    hidden = [name for name in {*config, *rest} if name.startswith("_")]
    properties = {**rest, **config}
    for each in hidden:
        del properties[each]
    return name, run, properties, rows


def records_of(log: bytes) -> Iterator[bytes]:
    """Returns the records of a log, up to the end or the first that is not whole.

    A record is cut into pieces where blocks of 32 KiB end. A piece has a header, and
    less than a header's length at the end of a block is not used.
    """
    if not log.startswith(b":W&B"):
        raise ValueError("it is no log of Weights & Biases")
    at, record = FILE_HEADER, b""
    while at + RECORD_HEADER.size <= len(log):
        left = BLOCK - at % BLOCK
        if left < RECORD_HEADER.size:
            at += left
            continue
        _, length, kind = RECORD_HEADER.unpack_from(log, at)
        at += RECORD_HEADER.size
        record += log[at : at + length]
        at += length
        if kind == 0 or at > len(log):
            return
        if kind in (WHOLE, LAST):
            yield record
            record = b""


def _entries(items: Iterable[Any]) -> Row:
    """Returns numbers, words and truth values among keys with values in JSON."""
    found: Row = {}
    for item in items:
        key = item.key or "/".join(item.nested_key)
        found |= _flat(key, json.loads(item.value_json))
    return found


def _flat(key: str, value: Any) -> Row:
    """Returns the entries of nested objects, with the keys joined by /."""
    if isinstance(value, dict):
        return {
            name: each
            for inner, value in value.items()
            for name, each in _flat(f"{key}/{inner}", value).items()
        }
    return {key: value} if isinstance(value, int | float | str) else {}


def _missing(path: pathlib.Path, package: str, error: ImportError) -> InputError:
    return InputError(
        f"{path} needs the package {package} to be read ({error}); run pip install -e "
        "'.[logs]'."
    )


def _unreadable(path: pathlib.Path, error: Exception) -> InputError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"{path} cannot be read ({reason}); leave the file out.")
