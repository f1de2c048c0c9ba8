"""Reads runs: tables that a sweep wrote, or a user's own logs."""

import json
import pathlib
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scaletime_jax.errors import InputError
from scaletime_jax.runs.clock import PASSES, Clock
from scaletime_jax.runs.ends import join_ends
from scaletime_jax.runs.guessing import (
    SHARES,
    Level,
    chance_loss,
    check_shares,
    check_threshold,
)
from scaletime_jax.runs.log_files import SUFFIXES
from scaletime_jax.runs.logs import read_logs
from scaletime_jax.runs.select import (
    Gap,
    Wanted,
    check_protocol,
    choose_runs,
    find_gaps,
    with_values,
)
from scaletime_jax.runs.store import (
    METADATA_KEY,
    DamagedTable,
    Metadata,
    read_metadata,
    read_table,
)
from scaletime_jax.runs.trackers import holds_runs
from scaletime_jax.track import Track, quiet
from scaletime_jax.words import count_of


class Runs(NamedTuple):
    """The runs of a study.

    Attributes:
        table: one row per run and evaluation.
        metadata: metadata of the units that contain the runs.
        gaps: the runs missing from the grid, one entry for each family.
        controls: a table like `table` of runs with shuffled labels; None without such
            runs.
        origin: a sentence on how the runs were obtained.
        joined: ids of runs whose ends are in the table as evaluations of a longer run.
    """

    table: pd.DataFrame
    metadata: list[Metadata]
    gaps: list[Gap]
    controls: pd.DataFrame | None = None
    origin: str = ""
    joined: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """The runs in a line: their number, datasets and sizes."""
        number = count_of(self.num_runs, "run")
        names = ", ".join(sorted(map(str, self.table.dataset.dropna().unique())))
        sizes = count_of(self.table.num_params.nunique(), "size")
        rows = count_of(len(self.table), "evaluation")
        controls = ", with controls" if self.controls is not None else ""
        of_what = f" on {names}" if names else ""
        return f"Runs: {number}{of_what}, {sizes}, {rows}{controls}"

    def select(self, wanted: Wanted, any_length: bool = False) -> "Runs":
        """Returns the runs with the wanted values, and the gaps of their grid.

        Args:
            wanted: values by column; other columns are free.
            any_length: whether runs may differ in length. Of runs whose learning rate
                falls only the ends are kept then; see `ends.join_ends`.

        Raises:
            InputError: no run is left, or the runs left mix protocols.
        """
        chosen = table = choose_runs(self.table, wanted)
        if any_length:
            table = join_ends(chosen)
        check_protocol(table, any_length)
        joined = frozenset(chosen.run_id) - frozenset(table.run_id)
        gaps = [] if self.are_logs else find_gaps(table, wanted)
        controls = self.controls
        if controls is not None:
            controls = with_values(controls, wanted)
            controls = None if controls.empty else controls
        both = chosen if controls is None else pd.concat([chosen, controls])
        return Runs(table, of_runs(self.metadata, both), gaps, controls, joined=joined)

    def require(self, columns: Sequence[str], who: str) -> None:
        """Raises InputError, which names `who`, if logs lack a column."""
        for column in columns:
            known = (unit.get("columns", columns) for unit in self.metadata)
            if not all(column in each for each in known):
                words = f"the runs lack the column {column!r}"
                raise InputError(f"{words}, which {who} needs.")

    @property
    def are_logs(self) -> bool:
        """Whether the runs are a user's own logs."""
        return any("logs" in unit for unit in self.metadata)

    @property
    def clock(self) -> Clock:
        """The unit of the runs' time, epochs but for logs in other units."""
        known = [Clock(**unit["clock"]) for unit in self.metadata if "clock" in unit]
        return known[0] if known else PASSES

    @property
    def notes(self) -> list[str]:
        """Sentences on how logs were read, and on runs of several lengths."""
        said = [each for unit in self.metadata for each in unit.get("notes", [])]
        if self.joined:
            said.append(
                "Where lengths differ and the learning rate falls, only the ends of "
                "runs are compared."
            )
        return said

    @property
    def num_runs(self) -> int:
        """The number of runs."""
        return int(self.table.run_id.nunique()) + len(self.joined)

    @property
    def num_diverged(self) -> int:
        """The number of runs that diverged."""
        return int(self.table[self.table.diverged].run_id.nunique())

    @property
    def num_unended(self) -> int:
        """The number of runs that never reached their `until_test_loss`."""
        until = self.table[self.table.until_test_loss > 0]
        least = until.groupby("run_id")[["test_loss", "until_test_loss"]].min()
        return int((least.test_loss > least.until_test_loss).sum())

    @property
    def made_by(self) -> dict[str, Any]:
        """The known versions, devices and times of the runs."""
        ours = [unit for unit in self.metadata if "logs" not in unit]
        if ours:
            return summarise_units(ours, {*self.table.run_id, *self.joined})
        return {"logs": [path for unit in self.metadata for path in unit["logs"]]}

    @property
    def record(self) -> dict[str, Any]:
        """The entry of summary.json."""
        counts = {"count": self.num_runs, "diverged": self.num_diverged}
        if self.controls is not None:
            counts["controls"] = int(self.controls.run_id.nunique())
        if (self.table.until_test_loss > 0).any():
            counts["never_at_until_test_loss"] = self.num_unended
        return {**counts, **self.made_by}

    def thresholds(self, threshold: float | None = None) -> dict[str, float]:
        """Returns the threshold of the test loss for each dataset.

        Args:
            threshold: threshold of all datasets; if None the loss of guessing equally
                frequent classes.

        Raises:
            InputError: threshold is None and the runs are logs, which lack the guessing
                loss; two datasets have one name; or the threshold is not above 0.
        """
        check_threshold(threshold)
        if threshold is not None:
            return dict.fromkeys(self.table.dataset.unique(), threshold)
        found: dict[str, float] = {}
        for unit in self.metadata:
            if "logs" in unit:
                continue
            config = unit["configs"][0]
            name, loss = config["dataset"], config["loss"]
            chance = chance_loss(loss, unit["num_classes"])
            if found.setdefault(name, chance) != chance:
                raise InputError(f"runs on two different datasets are called {name!r}.")
        if not {*self.table.dataset} <= {*found}:
            raise InputError(
                "threshold is not set, and logs do not contain the guessing loss; give "
                "the test loss at which your networks become useful.",
                threshold=None,
            )
        return found

    def levels(
        self, threshold: float | None = None, shares: Sequence[float] = SHARES
    ) -> list[Level]:
        """Returns the thresholds of the test loss.

        Args:
            threshold: the only threshold; if None the paper's threshold, the loss of
                guessing equally frequent classes, and the thresholds of `shares`.
            shares: shares of the guessing loss to be removed.

        Raises:
            InputError: a share is not between 0 and 1; or threshold is None and the
                runs are logs, which lack the guessing loss.
        """
        given = Level(None, self.thresholds(threshold))
        if threshold is not None:
            return [given]
        return [given, *map(Level, check_shares(shares))]


def make_runs(table: pd.DataFrame, metadata: list[Metadata]) -> Runs:
    """Returns the runs, with the controls in a table of their own.

    Raises:
        InputError: all runs are controls.
    """
    shuffled = table.shuffled_labels.eq(True)  # unknown, in logs, is no control
    if not shuffled.any():
        return Runs(table, metadata, [])
    if shuffled.all() and len(table):
        raise InputError(
            "all runs have shuffled labels; add runs without shuffled labels.",
            shuffled_labels="false,true",
        )
    index = {"drop": True}
    controls = table[shuffled].reset_index(**index)
    return Runs(table[~shuffled].reset_index(**index), metadata, [], controls)


def together(tables: Sequence[Runs]) -> Runs:
    """Returns the runs of several tables as one; a run in two of them counts once."""
    table = pd.concat([each.table for each in tables], ignore_index=True)
    controls = [each.controls for each in tables if each.controls is not None]
    return Runs(
        table.drop_duplicates(["run_id", "step"]),
        [unit for each in tables for unit in each.metadata],
        [],
        pd.concat(controls, ignore_index=True) if controls else None,
    )


def read_runs(
    path: str | pathlib.Path,
    track: Track = quiet,
    columns: Mapping[str, str] | None = None,
    batch_size: float | None = None,
) -> Runs:
    """Returns all runs of a file or folder.

    The files are tables that a sweep wrote, or a user's logs (CSV, TSV, JSON lines,
    Parquet without the metadata of a sweep, or what TensorBoard or Weights & Biases
    wrote; see `logs.read_logs`), but not both. The metadata of each file gets an entry
    `run_ids`, the runs in the file.

        >>> from scaletime_jax import read_runs
        >>> runs = read_runs("experiments/examples/sklearn_digits.csv")
        >>> runs.num_runs, runs.num_diverged
        (60, 0)

    Args:
        path: path of a file, or of a folder of files.
        track: shows the progress.
        columns: columns of logs by quantity, such as {"test_loss": "my/name"}, where
            they do not have a usual name.
        batch_size: examples, or tokens, of a step, for logs in steps that do not say.

    Raises:
        InputError: there is no such file, the folder has no file, or a file is not a
            run table.
    """
    path = pathlib.Path(path)
    paths = [path]
    if path.is_dir():
        paths = sorted(each for each in path.iterdir() if each.suffix in SUFFIXES)
        paths += [path] if holds_runs(path) else []
    if not paths or not path.exists():
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        what = "no file or folder"
        if path.is_dir():
            what = f"no file ({kinds}) and no run of TensorBoard or Weights & Biases in"
        raise InputError(
            f"there is {what} {path}; name a run table, such as the folder runs in the "
            "workdir of an experiment, or your own logs."
        )
    ours = [each for each in paths if each.suffix == ".parquet" and _is_ours(each)]
    if not ours:
        table, known = read_logs(paths, path.stem, columns, batch_size)
        return make_runs(table, [known])
    if columns:
        raise InputError(
            f"{path} was written by a sweep; only the columns of logs can be named.",
            columns=None,
        )
    if len(ours) < len(paths):
        other = next(each for each in paths if each not in ours)
        raise InputError(f"{other} was not written by a sweep, but {ours[0].name} was.")
    tables, metadata = [], []
    for each in track(paths, "files read"):
        try:
            rows = read_table(each)
        except DamagedTable as error:
            raise _not_a_table(each, str(error)) from None
        ids = rows["run_id"].unique().to_pylist()
        tables.append(rows)
        metadata.append({**read_metadata(each), "run_ids": ids})
    table = pa.concat_tables(tables).to_pandas()
    return make_runs(table.drop_duplicates(["run_id", "step"]), metadata)


def _is_ours(path: pathlib.Path) -> bool:
    try:
        metadata = pq.read_schema(path).metadata or {}
        return METADATA_KEY in metadata and bool(json.loads(metadata[METADATA_KEY]))
    except PermissionError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); make the file readable, or "
            "leave it out."
        ) from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _not_a_table(path, str(error).splitlines()[0]) from None


def _not_a_table(path: pathlib.Path, reason: str) -> InputError:
    return InputError(
        f"{path} is not a run table ({reason}); remove it, and train its runs, or "
        "export your own log, once more."
    )


def of_runs(metadata: list[Metadata], table: pd.DataFrame) -> list[Metadata]:
    """Returns the metadata of the units that contain the table's runs."""
    ids = set(table.run_id)
    return [unit for unit in metadata if ids.intersection(unit["run_ids"])]


def summarise_units(metadata: Sequence[Metadata], run_ids: Set[str]) -> dict[str, Any]:
    """Returns the versions, devices and times of runs.

    Args:
        metadata: metadata of the units that contain the runs, with `run_ids`.
        run_ids: the runs, which are charged their share of each unit's time.
    """
    times = sorted(each["time"] for each in metadata)
    # units of early versions have wall seconds alone
    seconds = [
        (each["device_seconds"] if "device_seconds" in each else each["wall_seconds"])
        * len(run_ids & {*each["run_ids"]})
        / len(each["run_ids"])
        for each in metadata
    ]
    names = ("scaletime_jax", "git_commit", "jax", "device")
    return {
        **{name: sorted({str(each[name]) for each in metadata}) for name in names},
        "device_seconds": round(sum(seconds), 1),
        "trained": [times[0], times[-1]],
    }
