"""Run tables to be read only: ours from disk, or a user's own logs."""

import json
import pathlib

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scaletime_jax.errors import InputError
from scaletime_jax.runs.logs import read_logs
from scaletime_jax.runs.store import METADATA_KEY, SCHEMA, read_metadata


def read_runs(path: pathlib.Path) -> tuple[pd.DataFrame, list[dict]]:
    """Returns all rows of a file or folder, and the metadata of each file.

    Tables that `store` wrote, or a user's logs (CSV, or Parquet without our metadata;
    see `logs.read_logs`), but not both. To the metadata comes `run_ids`, the runs it
    is of.

    Raises:
        InputError: there is no such file, or none in the folder, or one will not do.
    """
    paths = [path]
    if path.is_dir():
        paths = sorted([*path.glob("*.parquet"), *path.glob("*.csv")])
    if not paths or not path.exists():
        what = "no Parquet file and no CSV in" if path.is_dir() else "no file or folder"
        raise InputError(
            f"there is {what} {path}; name a run table, such as WORKDIR/runs of an "
            "experiment that trained, or your own logs."
        )
    ours = [each for each in paths if each.suffix == ".parquet" and _is_ours(each)]
    if not ours:
        table, known = read_logs(paths, path.stem)
        return table, [known]
    if len(ours) < len(paths):
        other = next(each for each in paths if each not in ours)
        raise InputError(f"{other} was not written by a sweep, as {ours[0].name} was.")
    tables, metadata = [], []
    for each in paths:
        try:
            rows = pq.read_table(each, page_checksum_verification=True)
            tables.append(rows.select(SCHEMA.names).cast(SCHEMA))
            ids = rows["run_id"].unique().to_pylist()
            metadata.append({**read_metadata(each), "run_ids": ids})
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{each} is not a run table ({reason}); remove it or train its runs "
                "again."
            ) from None
    table = pa.concat_tables(tables).to_pandas()
    return table.drop_duplicates(["run_id", "step"]), metadata


def _is_ours(path: pathlib.Path) -> bool:
    try:
        metadata = pq.read_schema(path).metadata or {}
        return METADATA_KEY in metadata and bool(json.loads(metadata[METADATA_KEY]))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path} is not a run table ({reason}); remove it or train its runs again."
        ) from None
