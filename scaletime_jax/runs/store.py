"""The run table: one Parquet file a unit, written whole or not at all."""

import contextlib
import json
import os
import pathlib
import warnings

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scaletime_jax.errors import InputError

SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("dataset", pa.string()),
        ("architecture", pa.string()),
        ("width", pa.int32()),
        ("num_params", pa.int64()),
        ("optimizer", pa.string()),
        ("learning_rate", pa.float64()),
        ("init", pa.string()),
        ("loss", pa.string()),
        ("train_size", pa.int32()),
        ("test_size", pa.int32()),
        ("label_noise", pa.float64()),
        ("batch_size", pa.int32()),
        ("seed", pa.int64()),
        ("step", pa.int64()),
        ("epoch", pa.float64()),
        ("train_loss", pa.float32()),
        ("test_loss", pa.float32()),
        ("train_accuracy", pa.float32()),
        ("test_accuracy", pa.float32()),
        ("diverged", pa.bool_()),
    ]
)
METADATA_KEY = b"scaletime_jax"
PART = ".part-"


def prepare(folder: pathlib.Path) -> None:
    """Makes the folder and makes sure that files can be written there."""
    probe = folder / f"{PART}probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"--workdir: cannot write to {folder} ({error.strerror}); choose a folder "
            "you may write to."
        ) from None
    for leftover in folder.glob(f"{PART}*"):  # of a run that was killed
        with contextlib.suppress(OSError):
            leftover.unlink()


def write(folder: pathlib.Path, name: str, table: pd.DataFrame, metadata: dict) -> None:
    """Writes a unit's rows to `folder/name.parquet`; no reader sees a part of it."""
    rows = pa.Table.from_pandas(table, schema=SCHEMA, preserve_index=False)
    rows = rows.replace_schema_metadata({METADATA_KEY: json.dumps(metadata)})
    part = folder / f"{PART}{name}-{os.getpid()}"
    with open(part, "wb") as file:
        pq.write_table(rows, file, compression="zstd", write_page_checksum=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, folder / f"{name}.parquet")


def read(folder: pathlib.Path) -> pd.DataFrame:
    """Returns all rows in the folder, one per run and evaluation.

    A file that cannot be read is renamed to `*.damaged`, with a warning that names
    it, and counts as absent. A run that stands in two files is taken once.
    """
    tables = [pa.table({name: [] for name in SCHEMA.names}, schema=SCHEMA)]
    for path in sorted(folder.glob("*.parquet")):
        try:
            rows = pq.read_table(path, page_checksum_verification=True)
            tables.append(rows.select(SCHEMA.names).cast(SCHEMA))
        except (pa.ArrowException, OSError, KeyError) as error:
            aside = path.with_name(path.name + ".damaged")
            path.rename(aside)
            reason = str(error).splitlines()[0]
            warnings.warn(
                f"{path} is damaged ({reason}); it is set aside as {aside.name} and "
                "its runs are trained again",
                stacklevel=2,
            )
    table = pa.concat_tables(tables).to_pandas()
    table = table.drop_duplicates(["run_id", "step"])
    return table.sort_values(["run_id", "step"], ignore_index=True)


def read_metadata(path: pathlib.Path) -> dict:
    """Returns what was written beside a unit's rows: configs, versions, times."""
    return json.loads((pq.read_schema(path).metadata or {})[METADATA_KEY])
