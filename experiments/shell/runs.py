"""Where every experiment on networks has its runs from: trained, or read."""

import sys
from collections.abc import Sequence

from absl import flags

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import FIELDS, Field
from scaletime_jax.runs.read import Runs, make_runs, of_runs, read_runs
from scaletime_jax.words import count_of
from shell import flags as common
from shell import sweep
from shell.gaps import describe_gap
from shell.progress import track

flags.adopt_module_key_flags(common)
flags.adopt_module_key_flags(sweep)
RUNS = flags.DEFINE_string(
    "runs",
    None,
    "Draw from this run table, a file or a folder of them, and train nothing: ours, or "
    "your own logs, CSV or Parquet with num_params, epoch and test_loss. All its runs "
    "are taken but for what flags of the grid, where given, leave out.",
)


def obtain(needs: Sequence[str] = (), any_length: bool = False) -> Runs | None:
    """Trains what is missing, or reads what --runs names; None for a dry run.

    Args:
        needs: columns that a user's own logs must have.
        any_length: runs may differ in how long they ran.
    """
    if RUNS.value is not None:
        return read(RUNS.value, needs, any_length)
    table = sweep.train(sweep.load_datasets())
    if table is None:
        return None
    if table.shuffled_labels.all():
        where = f"--runs={sweep.runs_folder()}"
        print(f"Trained controls only; {where} draws them beside other runs.")
        return None
    metadata = read_runs(sweep.runs_folder()).metadata
    found = make_runs(table, of_runs(metadata, table))
    _warn_of_unended(found)
    return found


def _warn_of_unended(runs: Runs) -> None:
    if runs.num_unended:
        said = f"{runs.num_unended} of {count_of(runs.num_runs, 'run')}"
        print(
            f"warning: {said} never reached their until_test_loss; each ran for all "
            "its epochs.",
            file=sys.stderr,
        )


def read(path: str, needs: Sequence[str], any_length: bool) -> Runs | None:
    """Reads the runs that the flags select, and says what their grid lacks."""
    wanted = {
        field.name: choices(field)
        for field in FIELDS
        if field.split and not flags.FLAGS[field.choice].using_default_value
    }
    # controls come with the runs that they stand beside
    wanted.pop("shuffled_labels", None)
    try:
        found = read_runs(path, track)
        found.require(needs, sys.argv[0].rpartition("/")[2])
        runs = found.select(wanted, any_length)
    except InputError as error:
        where = "" if path in str(error) else f"={path}"
        raise InputError(f"--runs{where}: {error}", **error.quantities) from None
    if runs.num_diverged:
        said = f"{runs.num_diverged} of {count_of(runs.num_runs, 'run')} diverged"
        print(f"warning: {said}; each counts until it did.", file=sys.stderr)
    _warn_of_unended(runs)
    if common.DRY_RUN.value:
        print(f"draws from {count_of(runs.num_runs, 'run')} of {path}.")
    for gap in runs.gaps:
        how = f"python {sys.argv[0]}, with any --data_dir and NAME= of --dataset"
        print(f"warning: {describe_gap(gap)} ({how}).", file=sys.stderr)
    return None if common.DRY_RUN.value else runs


def choices(field: Field) -> list:
    """Returns the values of a field that its flag gives, at least one."""
    values = sweep.chosen(field)
    if not values:
        raise InputError(f"--{field.choice} is empty; give at least one value.")
    return values


def planned(name: str) -> list | None:
    """Returns what is to be trained along an axis; None where runs are read.

    Args:
        name: of the axis's field.
    """
    field = next(field for field in FIELDS if field.name == name)
    return choices(field) if RUNS.value is None else None


def refuse_other(place, name: str) -> None:
    """Refuses a place that is not on the axis to be trained, before it is trained.

    Args:
        place: a flag.
        name: of the axis's field.
    """
    values = planned(name)
    if values is not None and place.value not in (None, *values):
        flag = next(field.choice for field in FIELDS if field.name == name)
        words = f"--{place.name}={place.value} is not one of --{flag}"
        raise InputError(f"{words}={','.join(map(str, values))}.")
