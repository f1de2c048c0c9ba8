"""Trains the missing runs of a sweep; the only module that jits training."""

import math
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd

from scaletime_jax.data.sources import Dataset
from scaletime_jax.errors import InputError
from scaletime_jax.memory import host_bytes
from scaletime_jax.runs import store
from scaletime_jax.sweep import provenance
from scaletime_jax.sweep.arrivals import Arrivals
from scaletime_jax.sweep.calibration import (
    Duration,
    predict_duration,
    read_calibrations,
)
from scaletime_jax.sweep.claims import Claims, holders
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.examples import SharedData, make_shared_data
from scaletime_jax.sweep.lanes import (
    Lanes,
    lanes_at_once,
    make_lanes,
    make_length,
    make_program,
    unit_table,
)
from scaletime_jax.sweep.plan import Part, Unit, plan_sweep, split
from scaletime_jax.sweep.progress import Progress
from scaletime_jax.sweep.provenance import Times
from scaletime_jax.sweep.queues import Queue, SharedQueue
from scaletime_jax.training.train import Curves

# The share of an accelerator's memory for lanes, by our estimate of their memory.
MEMORY_SHARE = 0.8
TICK = 0.2  # seconds between two updates of the clock
POLL = 1.0  # seconds between two looks at what other processes train
Program = Callable[..., Curves]


class Trained(NamedTuple):
    """The curves [lanes, records] of a part, and the times of the training."""

    part: Part
    curves: Curves
    times: Times


def run_sweep(
    configs: Sequence[RunConfig],
    datasets: Mapping[str, Dataset],
    folder: pathlib.Path,
    precision: str = "float32",
    arrived: Callable[[int], None] = lambda runs: None,
    wait: bool = True,
) -> pd.DataFrame:
    """Trains the configs that the folder lacks and returns the rows of all of them.

    Each unit is written when it is finished, so an interrupted sweep can continue.
    Processes that train into one folder share the runs; where only those of others are
    left, this one waits, and trains what another leaves.

    Args:
        configs: runs, in training order.
        datasets: datasets by name.
        folder: folder of the run table, `WORKDIR/runs`.
        precision: precision of matrix products, as in `jax.default_matmul_precision`.
        arrived: called with numbers of runs that other processes trained meanwhile.
        wait: whether to wait for runs that other processes train; if not, the table
            may lack them.

    Raises:
        InputError: a run does not fit the memory of a device, or the folder cannot be
            written to or has no locks.
    """
    store.prepare(folder)
    arrivals = Arrivals(folder)
    plan = plan_sweep(configs, datasets, folder)
    if not plan.missing:
        holders(folder, ())  # tidies after processes that were killed
        return plan.table
    devices = jax.local_devices()
    check_memory(plan.missing, devices[0])
    parts = sum(len(split(unit, len(devices))) for unit in plan.missing)
    programs = [Programs(device, precision) for device in devices[:parts]]
    expected = _expect(plan.missing, len(programs))
    progress = Progress(plan.missing, len(programs), expected=expected)
    done: dict[str, list[Trained]] = {}
    with Claims(folder) as claims:

        def count_arrived(unit: Unit, runs: int) -> None:
            progress.arrive(unit, runs)
            arrived(runs)

        def tick() -> None:
            progress.tick([] if claims.mine else queue.blocking())

        shared = claims, arrivals, count_arrived, wait
        queue = SharedQueue(plan.missing, len(devices), *shared)
        for trained in deal(queue, programs, datasets, tick):
            unit = trained.part.unit
            progress.count(trained.part, trained.times)
            ids = [config.run_id for config in unit.configs]
            of_unit = done.setdefault(ids[0], [])
            of_unit.append(trained)
            if sum(len(each.part.configs) for each in of_unit) == len(ids):
                arrivals.know(_write(folder, unit, done.pop(ids[0]), precision))
                claims.free(ids)
                progress.finish(unit)
    progress.close()
    return plan_sweep(configs, datasets, folder).table


def _expect(units: Sequence[Unit], devices: int) -> Duration | None:
    """Returns how long units take, where this machine has been timed."""
    known = read_calibrations({unit.timed_as for unit in units})
    return None if known is None else predict_duration(units, known, devices)


def _write(
    folder: pathlib.Path, unit: Unit, parts: list[Trained], precision: str
) -> pathlib.Path:
    """Writes the table of a unit, and returns its path."""
    in_order = sorted(parts, key=lambda trained: trained.part.start)
    curves = _concatenate([trained.curves for trained in in_order])
    columns = unit_table(
        unit.configs,
        curves,
        num_params=unit.cost.num_params,
        test_size=unit.test_size,
        guessing_loss=unit.guessing_loss,
    )
    times = [trained.times for trained in parts]
    how = {"num_classes": unit.targets.num_classes, "matmul_precision": precision}
    record = provenance.metadata(unit.configs, times, **how)
    name = provenance.file_name(unit.configs)
    return store.write(folder, name, pd.DataFrame(columns), record)


def deal(
    queue: Queue,
    programs: Sequence["Programs"],
    datasets: Mapping[str, Dataset],
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Trained]:
    """Trains each part on the next idle device, and yields the parts as they finish.

    Args:
        queue: parts; parts of one program are trained in this order.
        programs: the programs of each device.
        datasets: datasets by name.
        tick: function called a few times a second, to update the clock and to handle
            Ctrl-C.
    """
    running: dict[Future[Trained], Programs] = {}
    asked = time.monotonic()
    with ThreadPoolExecutor(len(programs)) as pool:

        def start(mine: Programs) -> bool:
            part = queue.take(mine, programs)
            if part is not None:
                data = datasets[part.unit.configs[0].dataset]
                running[pool.submit(mine.train, part, data)] = mine
            return part is not None

        idle = [mine for mine in programs if not start(mine)]
        while running or queue.waits:
            ended, _ = wait(running, timeout=TICK, return_when=FIRST_COMPLETED)
            if not running:  # nothing was waited for
                time.sleep(TICK)
            tick()
            for future in ended:
                trained = future.result()
                if not start(mine := running.pop(future)):
                    idle.append(mine)
                yield trained
            if queue.parts or (queue.waits and time.monotonic() > asked + POLL):
                idle = [mine for mine in idle if not start(mine)]
                asked = time.monotonic()


class Programs:
    """Compiles the programs of one device once, and fits them to its memory.

    Attributes:
        device: device to train on.
        precision: precision of matrix products.
        begun: keys of the programs that are compiled or will be compiled next.
        compiled: programs by key and number of lanes.
        most: largest number of lanes trained together, by family, after memory ran out.
        data: the dataset on the device, by name.
    """

    def __init__(self, device: jax.Device, precision: str = "float32"):
        self.device, self.precision = device, precision
        self.begun: set[tuple[Any, ...]] = set()
        self.compiled: dict[tuple[Any, ...], Program] = {}
        self.most: dict[tuple[Any, ...], int] = {}
        self.data: dict[str, SharedData] = {}

    def train(self, part: Part, dataset: Dataset) -> Trained:
        """Trains a part, with as many lanes together as fit the device's memory.

        If memory runs out, half as many lanes are trained together.
        """
        start = time.time()
        data = self.put(dataset)
        at_once = self.fitting(part, data)
        while True:
            try:
                return self.train_in_turns(part, data, at_once, start)
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                self.compiled.clear()
                at_once = self.halve(part, at_once)

    def train_in_turns(
        self, part: Part, data: SharedData, at_once: int, start: float
    ) -> Trained:
        """Trains a part, `at_once` lanes together."""
        known, compiling, turns = len(self.compiled), time.monotonic(), []
        program = self.compile(part.unit, data, at_once)
        running = time.monotonic()
        for first in range(0, len(part.configs), at_once):
            lanes = make_lanes(part.configs[first : first + at_once], at_once)
            turns.append(_call(program, self.arguments(part.unit, lanes, data)))
        end = time.monotonic()
        is_new = len(self.compiled) > known
        times = Times(start, running - compiling if is_new else 0.0, end - running)
        return Trained(part, _concatenate(turns), times)

    def compile(self, unit: Unit, data: SharedData, at_once: int) -> Program:
        """Returns the program that trains `at_once` lanes of the unit."""
        name = unit.program, at_once
        if name not in self.compiled:
            sizes = unit.targets, unit.capacity.examples
            program = make_program(unit.configs[0], *sizes, unit.tuning)
            lanes = make_lanes(unit.configs[:1], at_once)
            with jax.default_matmul_precision(self.precision):
                lowered = jax.jit(program).lower(*self.arguments(unit, lanes, data))
            options = unit.tuning.compiler_options
            self.compiled[name] = lowered.compile(compiler_options=options)
        return self.compiled[name]

    def arguments(self, unit: Unit, lanes: Lanes, data: SharedData) -> tuple[Any, ...]:
        """Returns a program's arguments, on the device."""
        length = make_length(unit.configs[0], unit.capacity.records)
        return *jax.device_put((lanes, length), self.device), data

    def put(self, dataset: Dataset) -> SharedData:
        """Returns the dataset on the device, which keeps the last dataset."""
        if dataset.name not in self.data:
            self.data.clear()
            arrays = make_shared_data(dataset)
            self.data[dataset.name] = jax.device_put(arrays, self.device)
        return self.data[dataset.name]

    def fitting(self, part: Part, data: SharedData) -> int:
        """Returns the number of a part's lanes that may train together."""
        stats = self.device.memory_stats() or {}
        shared = sum(array.nbytes for array in data)
        limit = stats.get("bytes_limit", sys.maxsize)  # a CPU reports no limit
        free = int(MEMORY_SHARE * limit) - shared
        at_once = lanes_at_once(len(part.configs), part.unit.lane_bytes, free)
        return min(at_once, self.most.get(part.unit.configs[0].family, at_once))

    def halve(self, part: Part, at_once: int) -> int:
        """Returns half the number of lanes, and keeps this limit for the program.

        Raises:
            InputError: a single lane does not fit.
        """
        if at_once == 1:
            raise _too_large(part.unit, self.device)
        half = math.ceil(at_once / 2)
        self.most[part.unit.configs[0].family] = half
        note = f"{part.unit.label}: out of memory, trying {half} of its runs at a time."
        print(note, file=sys.stderr)
        return half


def check_memory(units: Iterable[Unit], device: jax.Device) -> None:
    """Refuses units of which one run is larger than the memory, before training.

    A CPU reports no limit, and the system would end the program without a word.

    Raises:
        InputError: a run does not fit.
    """
    limit = (device.memory_stats() or {}).get("bytes_limit") or host_bytes()
    for unit in units:
        if unit.lane_bytes > limit:
            raise _too_large(unit, device)


def _too_large(unit: Unit, device: jax.Device) -> InputError:
    other = "width, train_size" if unit.configs[0].linearised else "width"
    return InputError(
        f"{unit.label} does not fit the memory of one {device.device_kind}; a run "
        f"needs about {unit.lane_bytes / 2**30:.1f} GiB; choose a smaller {other} or "
        "batch_size."
    )


def _call(program: Program, arguments: tuple[Any, ...]) -> Curves:
    curves: Curves = jax.device_get(program(*arguments))
    return curves


def _concatenate(curves: Sequence[Curves]) -> Curves:
    joined: Curves = jax.tree.map(lambda *each: np.concatenate(each), *curves)
    return joined
