"""What every experiment on networks shares: its runs, and the end of it."""

import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
from absl import flags
from matplotlib.figure import Figure

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import read_runs
from scaletime_jax.runs.select import describe_missing, missing_runs, select_runs
from scaletime_jax.stats.claims import Claim
from scaletime_jax.sweep import provenance
from scaletime_jax.training.losses import chance_loss
from shell import cli, sweep
from shell import flags as shared_flags

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(sweep)
RUNS = flags.DEFINE_string(
    "runs",
    None,
    "Draw from this run table, a file or a folder of them, and train nothing: ours, or "
    "your own logs, CSV or Parquet with num_params, epoch and test_loss. All its runs "
    "are taken but for what flags of the grid, where given, leave out.",
)
# What the flags of the grid select, where they are given, and their kind.
COLUMNS = (
    (sweep.DATASET, "dataset", str),
    (sweep.ARCHITECTURE, "architecture", str),
    (sweep.OPTIMIZER, "optimizer", str),
    (sweep.WIDTHS, "width", int),
    (sweep.TRAIN_SIZES, "train_size", int),
    (sweep.TEST_SIZE, "test_size", int),
    (sweep.RATES, "learning_rate", float),
    (sweep.LABEL_NOISE, "label_noise", float),
    (sweep.SEEDS, "seed", int),
    (sweep.EPOCHS, "epochs", int),
    (sweep.BATCH_SIZE, "batch_size", int),
    (sweep.INIT, "init", str),
    (sweep.LOSS, "loss", str),
)


class Runs(NamedTuple):
    """What an experiment is made from.

    Attributes:
        table: one row per run and evaluation.
        metadata: of the units the runs are from.
        missing: what its grid lacks, a sentence a family.
    """

    table: pd.DataFrame
    metadata: list[dict]
    missing: list[str]

    @property
    def num_runs(self) -> int:
        """How many runs there are."""
        return int(self.table.run_id.nunique())

    @property
    def num_diverged(self) -> int:
        """How many of them diverged."""
        return int(self.table[self.table.diverged].run_id.nunique())

    @property
    def made_by(self) -> dict:
        """What is known of how they were made."""
        ours = [unit for unit in self.metadata if "logs" not in unit]
        if ours:
            return provenance.summarise(ours, set(self.table.run_id))
        return {"logs": [path for unit in self.metadata for path in unit["logs"]]}

    @property
    def chance(self) -> dict[str, float]:
        """The loss of guessing equally frequent classes, by dataset; not of logs."""
        found: dict[str, float] = {}
        for unit in self.metadata:
            if "logs" in unit:
                continue
            config = unit["configs"][0]
            name, loss = config["dataset"], config["loss"]
            chance = chance_loss(loss, unit["num_classes"])
            if found.setdefault(name, chance) != chance:
                raise InputError(f"runs on two different datasets are called {name!r}.")
        return found


def obtain(needs: Sequence[str] = (), any_length: bool = False) -> Runs | None:
    """Trains what is missing, or reads what --runs names; None for a dry run.

    Args:
        needs: columns that a user's own logs must have.
        any_length: runs may differ in how long they ran.
    """
    if RUNS.value is not None:
        return read(needs, any_length)
    table = sweep.train(sweep.load_datasets())
    if table is None:
        return None
    _, metadata = read_runs(sweep.runs_folder())
    return Runs(table, of_runs(metadata, table), [])


def read(needs: Sequence[str], any_length: bool) -> Runs | None:
    """Reads the runs that the flags select, and says what their grid lacks."""
    wanted = {
        column: choices(flag, kind)
        for flag, column, kind in COLUMNS
        if not flags.FLAGS[flag.name].using_default_value
    }
    path = pathlib.Path(str(RUNS.value))
    try:
        table, metadata = read_runs(path)
        for column in needs:
            if any(column not in unit.get("columns", needs) for unit in metadata):
                words = f"{path} lacks the column {column!r}, which"
                raise InputError(f"{words} {pathlib.Path(sys.argv[0]).name} needs.")
        table = select_runs(table, wanted, any_length)
    except InputError as error:
        where = "" if str(path) in str(error) else f"={path}"
        raise InputError(f"--runs{where}: {error}") from None
    logs = any("logs" in unit for unit in metadata)
    gaps = [] if logs else describe_missing(missing_runs(table, wanted), table)
    runs = Runs(table, of_runs(metadata, table), gaps)
    if runs.num_diverged:
        said = f"{runs.num_diverged} of {runs.num_runs} runs diverged"
        print(f"warning: {said}; each counts until it did.", file=sys.stderr)
    if shared_flags.DRY_RUN.value:
        print(f"draws from {runs.num_runs} runs of {path}.")
    for sentence in gaps:
        how = f"python {sys.argv[0]}, with any --data_dir and NAME= of --dataset"
        print(f"warning: {sentence} ({how}).", file=sys.stderr)
    return None if shared_flags.DRY_RUN.value else runs


def planned(flag) -> list | None:
    """Returns what is to be trained along an axis; None where runs are read."""
    kind = next(kind for holder, _, kind in COLUMNS if holder.name == flag.name)
    return choices(flag, kind) if RUNS.value is None else None


def refuse_other(place, axis) -> None:
    """Refuses a place that is not on the axis to be trained, before it is trained."""
    values = planned(axis)
    if values is not None and place.value not in (None, *values):
        words = f"--{place.name}={place.value} is not one of --{axis.name}"
        raise InputError(f"{words}={','.join(map(str, values))}.")


def choices(flag, kind) -> list:
    """Returns the values of a flag of the grid, whether it takes one or several."""
    if not isinstance(flag.value, list):
        return [flag.value]
    if not flag.value:
        raise InputError(f"--{flag.name} is empty; give at least one value.")
    return flag.value if kind is str else shared_flags.numbers(flag, kind)


def of_runs(metadata: list[dict], table: pd.DataFrame) -> list[dict]:
    """Returns the metadata of the units that runs of the table are from."""
    ids = set(table.run_id)
    return [unit for unit in metadata if ids.intersection(unit["run_ids"])]


def finish(
    name: str,
    runs: Runs,
    claims: list[Claim],
    details: dict,
    panels: dict[str, list[dict]],
    plot: Callable[..., Figure],
    *drawn,
) -> None:
    """Writes the claims with all else to WORKDIR/name, then prints them.

    The figure is what `plot` draws from `drawn`; `details` are more of the summary.
    """
    summary = {
        "experiment": name,
        "flags": cli.flag_values(),
        **cli.claims_summary(claims),
        "missing": runs.missing,
        "runs": {
            "count": runs.num_runs,
            "diverged": runs.num_diverged,
            **runs.made_by,
        },
        **details,
    }
    folder = pathlib.Path(shared_flags.WORKDIR.value)
    cli.write_results(folder, summary, panels, plot, *drawn)
    cli.print_claims(claims)
