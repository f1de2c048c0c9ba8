"""A sweep in one call: the paper's grid, with other values for chosen axes."""

import itertools
import numbers
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

from scaletime_jax.data.sources import Dataset
from scaletime_jax.errors import InputError
from scaletime_jax.models.network import Network
from scaletime_jax.runs.fields import FIELDS, NEEDED, Field, lanes
from scaletime_jax.runs.read import Runs, make_runs, of_runs, read_runs
from scaletime_jax.sweep.architectures import ARCHITECTURES
from scaletime_jax.sweep.checks import check_fits, check_growth
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.own_network import NO_SOURCE, read_own
from scaletime_jax.sweep.runner import run_sweep
from scaletime_jax.training.optimizers import LEARNING_RATES, OPTIMIZERS

# The grid of [BF24, C.1], which is the default of every experiment.
PAPER: dict[str, tuple[Any, ...]] = {
    "architecture": ("mlp",),
    "widths": (1, 2, 5, 10, 20),
    "train_sizes": (500, 1000, 2000, 5000),
    "optimizer": ("sgd",),
    "label_noise": (0.0,),
    "loss": ("mse",),
    "init": ("pytorch",),
    "batch_size": (32,),
    "epochs": (100,),
    "record": ("both",),
    "seeds": (101, 102, 103, 104, 105),
}
OF_DATA = ("dataset", "fingerprint")
RATES = "learning_rates"  # if not given, the paper's rate of each optimizer


def configs_of_runs(runs: Runs, dataset: Dataset) -> dict[str, RunConfig]:
    """Returns the configs of runs that a sweep has trained on a dataset, by id.

    Args:
        runs: of any number of protocols and datasets.
        dataset: the dataset; the runs on others are left out.

    Raises:
        InputError: no run is on the dataset, a run is on other data of this name, or
            the code of its network is not here.
    """
    there = set(runs.table.run_id)
    found: dict[str, RunConfig] = {}
    units = (unit.get("configs", ()) for unit in runs.metadata)  # logs have none
    for values in itertools.chain.from_iterable(units):
        if values["dataset"] != dataset.name:
            continue
        config = RunConfig(**values)
        if config.run_id not in there:
            continue
        if config.fingerprint != dataset.fingerprint:
            raise InputError(
                f"run {config.run_id} was trained on other data of the name "
                f"{dataset.name!r} than are here; name the data that the runs were "
                "trained on.",
                dataset=dataset.name,
            )
        if config.network_source != NO_SOURCE:
            raise InputError(
                f"run {config.run_id} is of {config.architecture!s}, a network of your "
                "own, whose code a run table does not have; choose other runs.",
                architecture=config.architecture,
            )
        found[config.run_id] = config
    if not found:
        names = ", ".join(sorted(map(str, runs.table.dataset.dropna().unique())))
        raise InputError(
            f"no run of a sweep is on {dataset.name!r}; the runs are on {names}.",
            dataset=dataset.name,
        )
    return found


def train_sweep(dataset: Dataset, folder: str | pathlib.Path, **axes: Any) -> Runs:
    """Trains the runs of a grid that a folder lacks, and returns all runs of the grid.

    A call after an interruption continues the sweep.

        >>> import tempfile
        >>> from scaletime_jax import load_dataset, train_sweep
        >>> grid = {"widths": 1, "train_sizes": 64, "seeds": [1, 2], "epochs": 1}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     runs = train_sweep(load_dataset("mnist12k"), folder, **grid)
        >>> runs.num_runs
        2

    Args:
        dataset: dataset to train on.
        folder: folder of the run table; created if missing.
        **axes: one or several values of each axis. A missing axis has the values of
            `PAPER`; missing `learning_rates` are the paper's rate of each optimizer.
            An `architecture` is a name, 'NAME=FILE.py:FUNCTION', a function
            (width, num_outputs) that returns a Flax module or a Network, or a network
            of `own_network`.

    Raises:
        InputError: an axis is unknown, a value is impossible or too large for the
            dataset, a network of your own cannot be used, the dataset is only a name,
            or the folder cannot be written to.
    """
    configs = paper_grid(dataset, **axes)
    folder = pathlib.Path(folder)
    table = run_sweep(configs, {dataset.name: dataset}, folder)
    return make_runs(table, of_runs(read_runs(folder).metadata, table))


def paper_grid(dataset: Dataset, **axes: Any) -> list[RunConfig]:
    """Returns the paper's grid on a dataset, with the given axes.

    Args:
        dataset: dataset to train on.
        **axes: as in `train_sweep`.

    Raises:
        InputError: as in `train_sweep`.
    """
    if not isinstance(dataset, Dataset):
        raise InputError(
            f"dataset is a {type(dataset).__name__}; give what load_dataset(name) "
            "returns."
        )
    fields = {field.choice: field for field in axes_of_grid()}
    unknown = [name for name in axes if name not in fields]
    if unknown:
        words = ", ".join(sorted(fields))
        raise InputError(f"there is no axis {unknown[0]!r}; choose among {words}.")
    values = {
        name: _values(field, axes.get(name, _default(field)))
        for name, field in fields.items()
    }
    configs = []
    for optimizer in values["optimizer"]:
        mine = {**values, "optimizer": [optimizer]}
        if RATES not in axes:
            mine[RATES] = [_paper_rate(optimizer)]
        configs += make_grid(dataset, **{fields[k].name: v for k, v in mine.items()})
    return configs


def make_grid(dataset: Dataset, **axes: Sequence[Any]) -> list[RunConfig]:
    """Returns the configs of all combinations of the axes on one dataset.

    Args:
        dataset: dataset to train on, against which sizes are checked.
        **axes: values of every other field of `RunConfig`, the last varying fastest.
            Parts above 0 are left out at the train sizes that do not have them.

    Raises:
        InputError: an axis is empty, or a value is impossible or too large for the
            dataset.
    """
    for name, values in axes.items():
        if len(values) == 0:
            raise InputError(f"the axis {name} is empty; give at least one value.")
    configs = [
        RunConfig(
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            **dict(zip(axes, values, strict=True)),
        )
        for values in itertools.product(*axes.values())
    ]
    available = len(dataset.train_images)
    there = [
        config
        for config in configs
        if config.part == 0 or (config.part + 1) * config.train_size <= available
    ]
    configs = there or configs
    for config in configs:
        check_fits(config, dataset)
    check_growth(configs, dataset)
    return list(dict.fromkeys(configs))


def axes_of_grid() -> list[Field]:
    """Returns the fields of a grid, in training order.

    Small train sizes and widths are trained first; lanes vary fastest.
    """
    last = ("train_size", "width", *lanes())
    named = {f.name: f for f in FIELDS if f.configured and f.name not in OF_DATA}
    return [f for f in named.values() if f.name not in last] + [named[n] for n in last]


def _default(field: Field) -> Sequence[Any]:
    if field.default is not NEEDED:
        return (field.default,)
    return PAPER.get(field.choice, ())


def _paper_rate(optimizer: str) -> float:
    if optimizer not in OPTIMIZERS:
        raise InputError(
            f"unknown optimizer {optimizer!r}; choose one of {', '.join(OPTIMIZERS)}.",
            optimizer=optimizer,
        )
    if optimizer not in LEARNING_RATES:
        raise InputError(
            f"the paper has no learning rate for optimizer {optimizer!r}; give one.",
            learning_rates=None,
        )
    return LEARNING_RATES[optimizer]


def _values(field: Field, given: Any) -> list[Any]:
    """Returns the values of an axis, each of the field's kind."""
    if field.name == "architecture":
        several = isinstance(given, Iterable) and not isinstance(given, str | Network)
        given = [
            read_own(each, ARCHITECTURES) for each in (given if several else [given])
        ]
    values = [given] if isinstance(given, str | numbers.Real) else list(given)
    if not values and field.choice != RATES:
        raise InputError(f"{field.choice} is empty; give at least one value.")
    if field.kind is str:
        return values
    for value in values:
        if not isinstance(value, numbers.Real):
            raise InputError(f"{field.choice}: {value!r} is not a number.")
        if field.kind is int and value % 1 != 0:
            raise InputError(f"{field.choice}: {value!r} is not a whole number.")
    return [field.kind(value) for value in values]
