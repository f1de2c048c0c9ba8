"""The descent of steps along the runs of a table, which are trained again."""

import hashlib
import io
import pathlib
from typing import NamedTuple

import pandas as pd

from scaletime_jax.data.sources import Dataset
from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.runs.read import Runs
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.descents import descend_runs, measured_steps
from scaletime_jax.sweep.grid import configs_of_runs
from shell.progress import track


class Unit(NamedTuple):
    """Runs that share a program, and the file of their measured steps.

    Attributes:
        configs: of the runs.
        path: of the file.
    """

    configs: list[RunConfig]
    path: pathlib.Path


class Asked(NamedTuple):
    """What is measured.

    Attributes:
        dataset: of the runs.
        configs: of the runs, by id.
        most: number of steps after which no step is measured.
        examples: number of test examples that are measured on.
        folder: of the files.
    """

    dataset: Dataset
    configs: dict[str, RunConfig]
    most: int
    examples: int
    folder: pathlib.Path

    @property
    def units(self) -> list[Unit]:
        """The runs by program."""
        made: dict[tuple, list[RunConfig]] = {}
        for config in self.configs.values():
            made.setdefault(config.shape, []).append(config)
        return [Unit(configs, self._path(configs)) for configs in made.values()]

    def _path(self, configs: list[RunConfig]) -> pathlib.Path:
        named = [*(config.run_id for config in configs), self.most, self.examples]
        digest = hashlib.sha256(repr(named).encode()).hexdigest()[:12]
        first = configs[0]
        label = f"{first.architecture}-w{first.width}-{first.optimizer}"
        return self.folder / f"{label}-n{first.train_size}-{digest}.parquet"


def choose(
    runs: Runs, dataset: Dataset, most: int, examples: int, folder: pathlib.Path
) -> Asked:
    """Returns what is measured of the runs on a dataset at a constant learning rate.

    Where the learning rate falls, runs of several lengths are compared at their ends,
    and a step inside of one of them is a step of another training.

    Raises:
        InputError: as `configs_of_runs`, or no learning rate is constant.
    """
    found = configs_of_runs(runs, dataset)
    kept = {k: v for k, v in found.items() if v.schedule == "constant"}
    if not kept:
        raise InputError("no run has a constant learning rate; add runs that do.")
    return Asked(dataset, kept, most, examples, folder)


def measure(asked: Asked) -> pd.DataFrame:
    """Returns a row for each run and measured step: run_id, step, and the numbers.

    A unit whose file is there is not measured again.
    """
    store.prepare(asked.folder)
    tables = []
    for unit in track(asked.units, "networks and protocols"):
        if not unit.path.exists():
            file = io.BytesIO()
            _measure_unit(asked, unit.configs).to_parquet(file, index=False)
            store.write_whole(unit.path, file.getvalue())
        tables.append(pd.read_parquet(unit.path))
    return pd.concat(tables, ignore_index=True)


def _measure_unit(asked: Asked, configs: list[RunConfig]) -> pd.DataFrame:
    how = asked.dataset, asked.most, asked.examples
    parts = []
    for config, found in zip(configs, descend_runs(configs, *how), strict=True):
        steps = {"run_id": config.run_id, "step": measured_steps(config, asked.most)}
        parts.append(pd.DataFrame({**steps, **found._asdict()}))
    return pd.concat(parts, ignore_index=True)
