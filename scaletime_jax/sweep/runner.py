"""Trains what is missing of a sweep, unit by unit; the one room that knows jit."""

import math
import pathlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from typing import NamedTuple

import jax
import pandas as pd
from jax.sharding import Mesh

from scaletime_jax.data.sources import Dataset
from scaletime_jax.errors import InputError
from scaletime_jax.sweep import provenance, store
from scaletime_jax.sweep.config import (
    Capacity,
    RunConfig,
    group_units,
    make_model,
    share_programs,
)
from scaletime_jax.sweep.cost import Cost, model_cost
from scaletime_jax.sweep.lanes import (
    SharedData,
    lanes_at_once,
    make_lanes,
    make_length,
    make_mesh,
    make_shared_data,
    make_unit,
    unit_table,
)
from scaletime_jax.sweep.progress import Progress
from scaletime_jax.sweep.tuning import Tuning, make_tuning
from scaletime_jax.training.train import Curves

# What a step costs beyond its arithmetic, in flops of the same duration. Only the
# display of the time left depends on it.
STEP_OVERHEAD = 2e6
# The share of an accelerator's memory that lanes may take by our count of it.
MEMORY_SHARE = 0.8


class Unit(NamedTuple):
    """Runs of equal shapes, to be trained by one program.

    Attributes:
        configs: the runs, differing in seed, label noise and learning rate.
        cost: of their model on one image.
        capacity: of the program, which may serve other units too.
        test_size: images in the test set.
        num_classes: of the dataset.
        tuning: for the device.
    """

    configs: list[RunConfig]
    cost: Cost
    capacity: Capacity
    test_size: int
    num_classes: int
    tuning: Tuning

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
        trained = config.train_size * config.epochs * self.cost.step_flops
        evaluated = len(config.schedule) * (config.train_size + self.test_size)
        return len(self.configs) * (trained + evaluated * self.cost.forward_flops)

    @property
    def lane_bytes(self) -> int:
        """Memory of one lane: parameters, their gradient and optimizer, a batch."""
        config = self.configs[0]
        copies = {"sgd": 3, "adam": 5}[config.optimizer]
        # a step goes forth and back through its batch, an evaluation forth
        images = max(2 * config.batch_size, self.tuning.evaluation_batch)
        return 4 * copies * self.cost.num_params + images * self.cost.activation_bytes


class Plan(NamedTuple):
    """What a sweep has and lacks.

    Attributes:
        table: rows of the configs that are there.
        missing: units still to be trained.
    """

    table: pd.DataFrame
    missing: list[Unit]

    @property
    def num_programs(self) -> int:
        """How many will be compiled."""
        return len({(u.configs[0].family, u.capacity) for u in self.missing})


def plan_sweep(
    configs: Sequence[RunConfig], datasets: Mapping[str, Dataset], folder: pathlib.Path
) -> Plan:
    """Compares the configs with the run table in the folder."""
    table = store.read(folder)
    table = table[table.run_id.isin({config.run_id for config in configs})]
    have = set(table.run_id)
    missing = plan_units([c for c in configs if c.run_id not in have], datasets)
    return Plan(table.reset_index(drop=True), missing)


def plan_units(
    configs: Sequence[RunConfig], datasets: Mapping[str, Dataset]
) -> list[Unit]:
    """Groups configs into units, with their costs and the programs they share."""
    units = group_units(configs)
    planned, tuning = [], make_tuning(jax.default_backend())
    for unit, capacity in zip(units, share_programs(units), strict=True):
        dataset = datasets[unit[0].dataset]
        model = make_model(unit[0], dataset.num_classes, tuning.convolution)
        cost = model_cost(model, dataset.train_images.shape[1:])
        sizes = len(dataset.test_labels), dataset.num_classes
        planned.append(Unit(unit, cost, capacity, *sizes, tuning))
    return planned


def run_sweep(
    configs: Sequence[RunConfig],
    datasets: Mapping[str, Dataset],
    folder: pathlib.Path,
    precision: str = "float32",
) -> pd.DataFrame:
    """Trains the configs that the folder lacks and returns the rows of all of them.

    Units are written as they finish, so an interrupted sweep goes on where it was.

    Args:
        configs: runs, in the order in which to train them.
        datasets: by name.
        folder: of the run table, `WORKDIR/runs`.
        precision: of matrix products, as `jax.default_matmul_precision` has it.
    """
    store.prepare(folder)
    plan = plan_sweep(configs, datasets, folder)
    if not plan.missing:
        return plan.table
    progress = Progress(
        sum(len(unit.configs) for unit in plan.missing),
        plan.num_programs,
        sum(_work(unit) for unit in plan.missing),
    )
    programs = Programs(precision)
    with ThreadPoolExecutor(1) as pool:
        for unit in plan.missing:
            dataset = datasets[unit.configs[0].dataset]
            wait = partial(_wait, pool, partial(progress.tick, unit.label))
            curves, times = programs.train(unit, dataset, wait)
            columns = unit_table(unit.configs, unit.cost.num_params, curves)
            how = {"matmul_precision": precision}
            record = provenance.metadata(unit.configs, times, **how)
            name = provenance.file_name(unit.configs)
            store.write(folder, name, pd.DataFrame(columns), record)
            runs = len(unit.configs)
            progress.finish(unit.label, runs, unit.steps, _work(unit), times)
    progress.close()
    return plan_sweep(configs, datasets, folder).table


class Programs:
    """Compiles what units need, once, and fits it to the device's memory.

    Attributes:
        precision: of matrix products.
        compiled: programs by family, capacity and lanes.
        most: the most lanes of a shard that ran together, where memory ran out.
    """

    def __init__(self, precision: str = "float32"):
        self.precision = precision
        self.compiled: dict[tuple, Callable] = {}
        self.most: dict[tuple, int] = {}

    def train(
        self, unit: Unit, dataset: Dataset, wait: Callable
    ) -> tuple[Curves, tuple[float, float]]:
        """Returns a unit's curves and the seconds that compiling and running took.

        Where the device's memory does not do, half as many lanes step together.

        Args:
            unit: what to train.
            dataset: on what.
            wait: calls its first argument with the others and returns the result.
        """
        mesh = make_mesh(len(unit.configs))
        data = make_shared_data(dataset, mesh)
        at_once = self.fitting(unit, mesh, data)
        while True:
            try:
                known, start = len(self.compiled), time.monotonic()
                program, arguments = wait(self.compile, unit, mesh, data, at_once)
                compiling = time.monotonic() - start
                curves = wait(_call, program, arguments)
                running = time.monotonic() - start - compiling
                is_new = len(self.compiled) > known
                return curves, (compiling if is_new else 0.0, running)
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                if at_once == 1:
                    raise InputError(
                        f"{unit.label} does not fit the memory of one "
                        f"{jax.local_devices()[0].device_kind}, by our count "
                        f"{unit.lane_bytes / 2**30:.1f} GiB a run; choose a smaller "
                        "width or batch_size."
                    ) from None
            self.compiled.clear()
            self.most[unit.configs[0].family] = at_once = math.ceil(at_once / 2)
            note = f"{unit.label}: out of memory, trying {at_once} runs at a time."
            print(note, file=sys.stderr)

    def compile(self, unit: Unit, mesh: Mesh, data: SharedData, at_once: int):
        """Returns the unit's program and its arguments on the devices."""
        config, capacity = unit.configs[0], unit.capacity
        lanes = make_lanes(unit.configs, mesh, at_once)
        arguments = lanes, make_length(config, capacity.records), data
        key = (config.family, capacity, lanes.seed.shape, at_once)
        if key not in self.compiled:
            sizes = unit.num_classes, capacity.examples
            train = make_unit(config, *sizes, unit.tuning, mesh, at_once)
            with jax.default_matmul_precision(self.precision):
                lowered = jax.jit(train).lower(*arguments)
            options = unit.tuning.compiler_options
            self.compiled[key] = lowered.compile(compiler_options=options)
        return self.compiled[key], arguments

    def fitting(self, unit: Unit, mesh: Mesh, data: SharedData) -> int:
        """Returns how many lanes of a shard may step together."""
        stats = jax.local_devices()[0].memory_stats() or {}
        shared = sum(array.nbytes for array in data)
        limit = stats.get("bytes_limit", sys.maxsize)  # a CPU does not say
        free = int(MEMORY_SHARE * limit) - shared
        shard = math.ceil(len(unit.configs) / mesh.size)
        at_once = lanes_at_once(unit.tuning, shard, unit.lane_bytes, free)
        return min(at_once, self.most.get(unit.configs[0].family, at_once))


def _wait(pool: ThreadPoolExecutor, tick: Callable, work: Callable, *args):
    """Keeps the clock running, and Ctrl-C heard, while the device works."""
    future: Future = pool.submit(work, *args)
    while True:
        try:
            return future.result(timeout=0.2)
        except NotYet:
            tick()


def _call(program: Callable, arguments: tuple) -> Curves:
    return jax.block_until_ready(program(*arguments))


def _work(unit: Unit) -> float:
    return unit.flops + unit.steps * STEP_OVERHEAD
