"""The runs of experiments on networks: trained, or read."""

import sys
from collections.abc import Callable, Sequence

import pandas as pd
from absl import flags

from scaletime_jax.errors import InputError
from scaletime_jax.runs.ends import refuse_parts
from scaletime_jax.runs.fields import FIELDS, Field
from scaletime_jax.runs.published import load_published
from scaletime_jax.runs.read import Runs, make_runs, of_runs, read_runs, together
from scaletime_jax.runs.select import choose_runs
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
    "Read runs from this file or folder, and train nothing: a run table of a sweep, or "
    "your own logs, CSV, TSV, JSON lines, Parquet or the folder of a tracker, with "
    "num_params, test_loss and epoch, tokens or step; or published:NAME, curves that "
    "others published. The flags of the grid, where given, select among the runs.",
)
COLUMNS = flags.DEFINE_list(
    "columns",
    None,
    "Columns of your own logs whose names are not usual, as quantity=column, such as "
    "test_loss=my/loss,num_params=size.",
)


def obtain(
    needs: Sequence[str] = (),
    any_length: bool = False,
    check: sweep.Check | None = None,
) -> Runs | None:
    """Trains the missing runs, or reads the runs of --runs; None for a dry run.

    Args:
        needs: columns that a user's own logs must have.
        any_length: whether runs may differ in length.
        check: refuses, before training, a grid that answers no question of the study;
            its argument is a table of the runs' fields.
    """
    if RUNS.value == "":
        raise InputError("--runs is empty; name a file or folder, or leave --runs out.")
    if RUNS.value is not None:
        return read(RUNS.value, needs, any_length)

    def refuse(grid: pd.DataFrame) -> None:
        refuse_parts(grid)
        if check is not None:
            check(grid)

    trained = sweep.train(sweep.load_datasets(), refuse)
    if trained is None:
        return None
    table = trained.table
    if table.shuffled_labels.all():
        where = f"--runs={sweep.runs_folder()}"
        print(f"{trained.origin} All are controls; {where} draws them beside runs.")
        return None
    metadata = read_runs(sweep.runs_folder()).metadata
    found = make_runs(table, of_runs(metadata, table))
    found = found.select({}, any_length) if any_length else found
    found = found._replace(origin=" ".join([trained.origin, *found.notes]))
    _warn_of_unended(found)
    return found


def obtain_all(beside: Sequence[str], in_dry_run: bool = False) -> Runs | None:
    """Trains the missing runs, and reads all runs there are, of any protocol.

    Args:
        beside: folders of further run tables.
        in_dry_run: whether a dry run has the runs of --runs too, for a script that has
            more work to describe.

    Returns:
        the runs in the folder of --runs, or of the trained ones, and in the folders
        beside it; None for a dry run.
    """
    if RUNS.value is None and obtain(any_length=True) is None:
        return None
    places = [str(sweep.runs_folder()) if RUNS.value is None else RUNS.value, *beside]
    found = together([_read_place(each) for each in places])
    if RUNS.value is not None:
        found = found._replace(table=choose_runs(found.table, _wanted()))
    counted = f"{count_of(found.num_runs, 'run')} of {' and '.join(places)}"
    if common.DRY_RUN.value:
        print(f"draws from {counted}.")
        if not in_dry_run:
            return None
    return found._replace(origin=" ".join([f"Read {counted}.", *found.notes]))


def each_dataset(found: Runs, study: Callable[[Runs], None]) -> None:
    """Studies the runs of each dataset by itself, as if it had been chosen.

    Args:
        found: of one dataset or more.
        study: writes the result of runs on one dataset.

    Raises:
        InputError: a dataset is refused; the others are studied nevertheless.
    """
    names = list(found.table.dataset.unique())
    if len(names) == 1:
        study(found)
        return
    refused = []
    for name in names:
        print(f"\nDataset {name}.")
        chosen = flags.FLAGS["dataset"]
        chosen.value, chosen.using_default_value = [name], False
        mine = found.select({"dataset": [name]}, any_length=True)
        try:
            counted = f"{count_of(mine.num_runs, 'run')} on {name}."
            study(mine._replace(origin=f"{found.origin} {counted}"))
        except InputError as error:
            refused.append(error)
            print(f"Dataset {name}: {error}", file=sys.stderr)
    if refused:
        which = f"{count_of(len(refused), 'dataset')} of {len(names)}"
        raise InputError(f"{which} could not be planned, for the reasons above.")


def _warn_of_unended(runs: Runs) -> None:
    if runs.num_unended:
        said = f"{runs.num_unended} of {count_of(runs.num_runs, 'run')}"
        print(
            f"warning: {said} never reached their until_test_loss; each ran for all "
            "its epochs.",
            file=sys.stderr,
        )


def read(path: str, needs: Sequence[str], any_length: bool) -> Runs | None:
    """Reads the runs that the flags select, and prints the gaps of their grid."""
    wanted = _wanted()
    try:
        found = _read_place(path)
        if found.are_logs and found.table.batch_size.isna().all():
            wanted.pop("batch_size", None)
        found.require(needs, sys.argv[0].rpartition("/")[2])
        runs = found.select(wanted, any_length)
    except InputError as error:
        if str(error).startswith("--runs"):
            raise
        raise _of_place(path, error) from None
    if runs.num_diverged:
        said = f"{runs.num_diverged} of {count_of(runs.num_runs, 'run')} diverged"
        print(f"warning: {said}; they count up to that epoch.", file=sys.stderr)
    _warn_of_unended(runs)
    if common.DRY_RUN.value:
        print(f"draws from {count_of(runs.num_runs, 'run')} of {path}.")
    for gap in runs.gaps:
        how = (
            f"python {sys.argv[0]}, with any --data_dir and NAME= of --dataset, and "
            "FILE.py of --architecture"
        )
        print(f"warning: {describe_gap(gap)} ({how}).", file=sys.stderr)
    if common.DRY_RUN.value:
        return None
    said = f"Read {count_of(runs.num_runs, 'run')} of {path}."
    return runs._replace(origin=" ".join([said, *runs.notes]))


def _wanted() -> dict[str, list]:
    """Returns the values of the grid's flags that are given, by field."""
    wanted = {
        field.name: choices(field)
        for field in FIELDS
        if field.split and not flags.FLAGS[field.choice].using_default_value
    }
    if "architecture" in wanted:  # the code of a network is not needed to read its runs
        wanted["architecture"] = [
            name.partition("=")[0] for name in wanted["architecture"]
        ]
    if "dataset" in wanted:
        wanted["dataset"] = list(map(sweep.pooled_name, wanted["dataset"]))
    # controls are read with the runs that they belong to
    wanted.pop("shuffled_labels", None)
    return wanted


def _read_place(path: str) -> Runs:
    """Reads all runs of a file or folder, or published ones."""
    [batch_size] = _wanted().get("batch_size", [None])
    kind, colon, name = path.partition(":")
    try:
        if colon and kind == "published":
            return load_published(name, track)
        return read_runs(path, track, _columns(), batch_size)
    except InputError as error:
        raise _of_place(path, error) from None


def _of_place(path: str, error: InputError) -> InputError:
    where = "" if path in str(error) else f"={path}"
    return InputError(f"--runs{where}: {error}", **error.quantities)


def _columns() -> dict[str, str]:
    """Returns the columns of --columns by quantity."""
    pairs = [each.partition("=") for each in COLUMNS.value or []]
    for name, equals, column in pairs:
        if not (name and equals and column):
            raise InputError(
                f"--columns: {name + equals + column!r} is not quantity=column, such "
                "as test_loss=my/loss."
            )
    return {name.strip(): column.strip() for name, _, column in pairs}


def choices(field: Field) -> list:
    """Returns the values of a field in its flag, at least one."""
    values = sweep.chosen(field)
    if not values:
        raise InputError(f"--{field.choice} is empty; give at least one value.")
    return values


def planned(name: str) -> list | None:
    """Returns the values to train along an axis; None if runs are read.

    Args:
        name: name of the axis's field.
    """
    field = next(field for field in FIELDS if field.name == name)
    return choices(field) if RUNS.value is None else None


def refuse_other(place, name: str) -> None:
    """Raises InputError, before training, if a flag's value is not on its axis.

    Args:
        place: flag of the value.
        name: name of the axis's field.
    """
    values = planned(name)
    if values is not None and place.value not in (None, *values):
        flag = next(field.choice for field in FIELDS if field.name == name)
        words = f"--{place.name}={place.value} is not one of --{flag}"
        raise InputError(f"{words}={','.join(map(str, values))}.")
