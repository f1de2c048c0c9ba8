"""The run table on disk: one Parquet file for each unit, written atomically."""

import contextlib
import json
import os
import pathlib
import platform
import warnings
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import NEEDED, columns, measured, schema

METADATA_KEY = b"scaletime_jax"
COMMON = "common"  # of the configs in the metadata
PART = ".part-"
Metadata = dict[str, Any]  # a JSON object
# What readers need of a unit's metadata, and its kind in JSON.
RECORDED = {
    "configs": list,
    "num_classes": int,
    "scaletime_jax": str,
    "git_commit": str | None,
    "jax": str,
    "device": str,
    "wall_seconds": int | float,
    "time": str,
}


class DamagedTable(Exception):
    """A file that is not a complete Parquet file, or that lacks a required column."""


def prepare(folder: pathlib.Path) -> None:
    """Makes the folder and checks that files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from None
    check_writable(folder)
    for leftover in folder.glob(f"{PART}*"):
        if _is_left(leftover):
            with contextlib.suppress(OSError):
                leftover.unlink()


def check_writable(folder: pathlib.Path) -> None:
    """Checks that files can be written to the folder, or where it would be made.

    Raises:
        InputError: they cannot.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    probe = _part(there / "probe")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _not_writable(folder, error) from None


def _not_writable(folder: pathlib.Path, error: OSError) -> InputError:
    return InputError(
        f"cannot write to {folder} ({error.strerror}); choose a folder with write "
        "permission.",
        workdir=None,
    )


def _part(path: pathlib.Path) -> pathlib.Path:
    """Returns the name under which this process writes a file until it is whole."""
    return path.with_name(f"{PART}{path.name}-{platform.node()}-{os.getpid()}")


def _is_left(part: pathlib.Path) -> bool:
    """Whether the process of this machine that wrote the part is gone."""
    written, _, process = part.name.rpartition("-")
    is_ours = written.endswith(f"-{platform.node()}") and process.isdigit()
    if not is_ours or os.name != "posix":  # elsewhere the probe would end the process
        return False
    try:
        os.kill(int(process), 0)  # sends nothing
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass  # another user's process
    return False


def write_whole(path: pathlib.Path, content: bytes) -> None:
    """Writes a file atomically: no reader sees a part of the file.

    Raises:
        InputError: the folder cannot be written to.
    """
    part = _part(path)
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise InputError(
            f"cannot write {path} ({error.strerror}); free space or choose another "
            "folder.",
            workdir=None,
        ) from None


def write(
    folder: pathlib.Path, name: str, table: pd.DataFrame, metadata: Metadata
) -> pathlib.Path:
    """Writes a unit's rows atomically to `folder/name.parquet`; returns the path."""
    for field in columns():
        if field.default is not NEEDED and field.name not in table:
            table = table.assign(**{field.name: field.default})
    rows = pa.Table.from_pandas(table, schema=schema(), preserve_index=False)
    content = to_parquet(rows, json.dumps(_factor(metadata)))
    path = folder / f"{name}.parquet"
    write_whole(path, content)
    return path


def to_parquet(rows: pa.Table, metadata: str) -> bytes:
    """Returns rows and metadata as the content of a file."""
    content = pa.BufferOutputStream()
    with pq.ParquetWriter(
        content,
        rows.schema,
        compression="zstd",
        write_page_checksum=True,
        # small files would be mostly schema and statistics; `fields.schema` is known
        store_schema=False,
        write_statistics=False,
        use_dictionary=[each for each in rows.column_names if each not in measured()],
    ) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata({METADATA_KEY.decode(): metadata})
    return bytes(content.getvalue().to_pybytes())


def read_table(path: pathlib.Path) -> pa.Table:
    """Returns the rows of one file, with the columns of this version.

    A missing column gets the default of its field. An unknown column is left out, with
    a warning that names the column.

    Raises:
        DamagedTable: the content is not a complete run table.
        InputError: the file cannot be read, or a column has another type.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); make the file readable, or "
            "leave it out."
        ) from None
    try:
        reader = pa.BufferReader(content)
        rows = pq.read_table(reader, page_checksum_verification=True)
        names = rows.column_names  # metadata may be damaged too
        _check_recorded(_metadata(rows.schema))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedTable(str(error).splitlines()[0]) from None
    except (KeyError, TypeError, AttributeError):
        raise DamagedTable("no metadata of a sweep") from None
    needed = {field.name for field in columns() if field.default is NEEDED}
    if lacking := sorted(needed - set(names)):
        raise DamagedTable(f"no column {lacking[0]!r}")
    unknown = [name for name in names if name not in schema().names]
    if unknown:
        warnings.warn(
            f"{path} is from a newer version; this one does not read "
            f"{', '.join(map(repr, unknown))}",
            stacklevel=3,
        )
    known = {}
    for field in columns():
        if field.name in names:
            known[field.name] = _cast(path, rows[field.name], field.name, field.type)
        else:
            known[field.name] = pa.array([field.default] * len(rows), field.type)
    return pa.table(known, schema=schema())


def _cast(
    path: pathlib.Path, column: pa.ChunkedArray, name: str, kind: pa.DataType
) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except pa.ArrowException:
        raise InputError(
            f"{path} has the column {name!r} as {column.type}, where {kind} is "
            "expected; leave the file out, or read it with the version that wrote it."
        ) from None


def read(folder: pathlib.Path, mend: bool = True) -> pd.DataFrame:
    """Returns all rows in the folder, one per run and evaluation.

    A damaged file is not read, with a warning that names the file. A run that is in two
    files is taken once.

    Args:
        folder: of run tables; one that does not exist has no rows.
        mend: whether a damaged file is renamed to `*.damaged`.

    Raises:
        InputError: a file cannot be read, or has a column of another type. No file is
            renamed then.
    """
    tables = [schema().empty_table()]
    for path in sorted(folder.glob("*.parquet")):
        inode = path.stat().st_ino if path.exists() else 0
        try:
            tables.append(read_table(path))
        except InputError:
            if path.exists():
                raise
            continue  # another process has set it aside
        except DamagedTable as error:
            words = "its runs count as missing"
            if mend:
                aside = path.with_name(path.name + ".damaged")
                if not _rename(path, aside, inode):
                    continue
                words = (
                    f"the file is renamed to {aside.name} and its runs are trained "
                    "again"
                )
            warnings.warn(f"{path} is damaged ({error}); {words}", stacklevel=2)
    table = pa.concat_tables(tables).to_pandas()
    table = table.drop_duplicates(["run_id", "step"])
    return table.sort_values(["run_id", "step"], ignore_index=True)


def _rename(path: pathlib.Path, to: pathlib.Path, inode: int) -> bool:
    """Renames a file unless another process has renamed or replaced it."""
    try:
        if path.stat().st_ino != inode:
            return False
        path.rename(to)
    except FileNotFoundError:
        return False
    return True


def read_metadata(path: pathlib.Path) -> Metadata:
    """Returns the metadata of a unit: configs, versions, times."""
    return _metadata(pq.read_schema(path))


def _metadata(schema: pa.Schema) -> Metadata:
    metadata: Metadata = json.loads(schema.metadata[METADATA_KEY])
    common = metadata.pop(COMMON, None)
    if common is not None:
        metadata["configs"] = [{**common, **config} for config in metadata["configs"]]
    return metadata


def _check_recorded(metadata: Metadata) -> None:
    """Raises KeyError if metadata lack what every sweep records of its units."""
    for name, kind in RECORDED.items():
        if not isinstance(metadata[name], kind):
            raise KeyError(name)
    for name in ("dataset", "loss"):
        for config in metadata["configs"]:
            config[name]
    float(metadata.get("device_seconds", 0.0))  # early versions had wall seconds alone


def _factor(metadata: Metadata) -> Metadata:
    """Returns the metadata with what all configs share written once.

    The configs of thousands of lanes would be larger than their rows.
    """
    configs: list[Metadata] = metadata.get("configs", [])
    if len(configs) < 2:
        return metadata
    common = {
        name: value
        for name, value in configs[0].items()
        if all(name in config and config[name] == value for config in configs)
    }
    own = [
        {name: value for name, value in config.items() if name not in common}
        for config in configs
    ]
    return {**metadata, COMMON: common, "configs": own}
