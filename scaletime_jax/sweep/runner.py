"""Trains what is missing of a sweep, unit by unit; the one room that knows jit."""

import dataclasses
import datetime
import hashlib
import pathlib
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

import scaletime_jax
from scaletime_jax.data.sources import Dataset
from scaletime_jax.sweep import store
from scaletime_jax.sweep.config import RunConfig, group_units, make_model
from scaletime_jax.sweep.cost import Cost, model_cost
from scaletime_jax.sweep.lanes import (
    Lanes,
    SharedData,
    lanes_at_once,
    make_lanes,
    make_mesh,
    make_shared_data,
    make_unit,
    unit_table,
)
from scaletime_jax.sweep.progress import Progress
from scaletime_jax.training.train import Curves

# What a step costs beyond its arithmetic, in flops of the same duration. Only the
# display of the time left depends on it.
STEP_OVERHEAD = 2e6


class Unit(NamedTuple):
    """Runs of equal shapes, to be trained by one program.

    Attributes:
        configs: the runs, differing in seed, label noise and learning rate.
        cost: of their model on one image.
        test_size: images in the test set.
    """

    configs: list[RunConfig]
    cost: Cost
    test_size: int

    @property
    def label(self) -> str:
        """What a person calls it."""
        c = self.configs[0]
        return (
            f"{c.dataset} {c.architecture} width {c.width} {c.optimizer} "
            f"train_size {c.train_size}"
        )

    @property
    def steps(self) -> int:
        """Training steps of all runs together."""
        return len(self.configs) * self.configs[0].schedule[-1]

    @property
    def flops(self) -> int:
        """Arithmetic of training and evaluating all runs."""
        config = self.configs[0]
        trained = 3 * config.train_size * config.epochs
        evaluated = len(config.schedule) * (config.train_size + self.test_size)
        return len(self.configs) * self.cost.forward_flops * (trained + evaluated)

    @property
    def lane_bytes(self) -> int:
        """Memory of one lane: parameters, their gradient and optimizer, a batch."""
        config = self.configs[0]
        copies = {"sgd": 3, "adam": 5}[config.optimizer]
        batch = 2 * config.batch_size * self.cost.activation_bytes
        return 4 * copies * self.cost.num_params + batch


class Plan(NamedTuple):
    """What a sweep has and lacks.

    Attributes:
        table: rows of the configs that are there.
        missing: units still to be trained.
    """

    table: pd.DataFrame
    missing: list[Unit]


def plan_sweep(
    configs: Sequence[RunConfig], datasets: Mapping[str, Dataset], folder: pathlib.Path
) -> Plan:
    """Compares the configs with the run table in the folder."""
    table = store.read(folder)
    table = table[table.run_id.isin({config.run_id for config in configs})]
    have = set(table.run_id)
    missing = []
    for unit in group_units(c for c in configs if c.run_id not in have):
        dataset = datasets[unit[0].dataset]
        model = make_model(unit[0], dataset.num_classes)
        cost = model_cost(model, dataset.train_images.shape[1:])
        missing.append(Unit(unit, cost, len(dataset.test_labels)))
    return Plan(table.reset_index(drop=True), missing)


def run_sweep(
    configs: Sequence[RunConfig], datasets: Mapping[str, Dataset], folder: pathlib.Path
) -> pd.DataFrame:
    """Trains the configs that the folder lacks and returns the rows of all of them.

    Units are written as they finish, so an interrupted sweep goes on where it was.

    Args:
        configs: runs, in the order in which to train them.
        datasets: by name.
        folder: of the run table, `WORKDIR/runs`.
    """
    store.prepare(folder)
    plan = plan_sweep(configs, datasets, folder)
    if not plan.missing:
        return plan.table
    progress = Progress(
        sum(len(unit.configs) for unit in plan.missing),
        len(plan.missing),
        sum(_work(unit) for unit in plan.missing),
    )
    with ThreadPoolExecutor(1) as pool:
        for unit in plan.missing:
            train_unit(unit, datasets[unit.configs[0].dataset], folder, progress, pool)
    progress.close()
    return plan_sweep(configs, datasets, folder).table


def train_unit(
    unit: Unit,
    dataset: Dataset,
    folder: pathlib.Path,
    progress: Progress,
    pool: ThreadPoolExecutor,
) -> None:
    """Compiles and runs a unit, and writes its curves."""

    def wait(work: Callable, *args):
        """Keeps the clock running, and Ctrl-C heard, while the device works."""
        future: Future = pool.submit(work, *args)
        while True:
            try:
                return future.result(timeout=0.2)
            except NotYet:
                progress.tick(unit.label)

    start = time.monotonic()
    program, lanes, data = wait(compile_unit, unit.configs, dataset)
    compiled = time.monotonic()
    curves = wait(lambda: jax.block_until_ready(program(lanes, data)))
    finished = time.monotonic()
    times = (compiled - start, finished - compiled)
    columns = unit_table(unit.configs, unit.cost.num_params, curves)
    store.write(folder, _file_name(unit), pd.DataFrame(columns), _metadata(unit, times))
    progress.finish(unit.label, len(unit.configs), unit.steps, _work(unit), times)


def compile_unit(
    configs: Sequence[RunConfig], dataset: Dataset
) -> tuple[Callable[[Lanes, SharedData], Curves], Lanes, SharedData]:
    """Returns the unit's compiled program and its arguments on the devices."""
    mesh = make_mesh(len(configs))
    lanes, data = make_lanes(configs, mesh), make_shared_data(dataset, mesh)
    at_once = lanes_at_once(jax.default_backend())
    unit = make_unit(configs[0], dataset.num_classes, mesh, at_once)
    return jax.jit(unit).lower(lanes, data).compile(), lanes, data


def _work(unit: Unit) -> float:
    return unit.flops + unit.steps * STEP_OVERHEAD


def _file_name(unit: Unit) -> str:
    """Readable first, unique by the ids of its runs."""
    ids = "".join(sorted(config.run_id for config in unit.configs))
    digest = hashlib.sha256(ids.encode()).hexdigest()[:12]
    config = unit.configs[0]
    return (
        f"{config.architecture}-w{config.width}-{config.optimizer}-"
        f"n{config.train_size}-{digest}"
    )


def _metadata(unit: Unit, times: tuple[float, float]) -> dict:
    """Returns where, when and by what the unit was trained."""
    device = jax.local_devices()[0]
    return {
        "configs": [dataclasses.asdict(config) for config in unit.configs],
        "scaletime_jax": scaletime_jax.__version__,
        "git_commit": _git_commit(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": f"{jax.local_device_count()} x {device.device_kind}",
        "compile_seconds": round(times[0], 3),
        "wall_seconds": round(times[1], 3),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _git_commit() -> str | None:
    """Returns the commit of the checkout the package is in, if it is in one."""
    root = pathlib.Path(scaletime_jax.__file__).parents[1]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode().strip() or None
