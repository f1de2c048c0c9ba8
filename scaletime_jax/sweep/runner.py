"""Trains the missing runs of a sweep; the only module that jits training."""

import pathlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import jax
import pandas as pd

from scaletime_jax.data.sources import Dataset
from scaletime_jax.memory import host_bytes
from scaletime_jax.runs import store
from scaletime_jax.sweep import provenance
from scaletime_jax.sweep.arrivals import Arrivals
from scaletime_jax.sweep.calibration import (
    Duration,
    predict_duration,
    read_calibrations,
)
from scaletime_jax.sweep.checkpoints import Checkpoints, Stopped
from scaletime_jax.sweep.claims import Claims, holders
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.lanes import unit_table
from scaletime_jax.sweep.plan import Unit, plan_sweep, split
from scaletime_jax.sweep.programs import Programs, Trained, concatenate, too_large
from scaletime_jax.sweep.progress import Progress
from scaletime_jax.sweep.queues import Queue, SharedQueue

TICK = 0.2  # seconds between two updates of the clock
POLL = 1.0  # seconds between two looks at what other processes train
MINUTES = 10.0  # between two checkpoints of a part


def run_sweep(
    configs: Sequence[RunConfig],
    datasets: Mapping[str, Dataset],
    folder: pathlib.Path,
    precision: str = "float32",
    arrived: Callable[[int], None] = lambda runs: None,
    wait: bool = True,
    checkpoint_minutes: float = MINUTES,
    stop: threading.Event | None = None,
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
        checkpoint_minutes: between two checkpoints of a part of a unit, from which a
            later sweep goes on; 0 for none.
        stop: set, by another thread or a signal, where the sweep is to save its
            checkpoints and stop.

    Raises:
        Stopped: `stop` was set.
        InputError: a run does not fit the memory of a device, or the folder cannot be
            written to or has no locks.
    """
    store.prepare(folder)
    arrivals = Arrivals(folder)
    plan = plan_sweep(configs, datasets, folder)
    checkpoints = Checkpoints(folder, checkpoint_minutes, precision, stop)
    checkpoints.tidy(set(plan.table.run_id))  # of a process killed at the wrong time
    if not plan.missing:
        holders(folder, ())  # tidies after processes that were killed
        return plan.table
    devices = jax.local_devices()
    check_memory(plan.missing, devices[0])
    parts = sum(len(split(unit, len(devices))) for unit in plan.missing)
    programs = [Programs(device, precision, checkpoints) for device in devices[:parts]]
    expected = _expect(plan.missing, len(programs))
    progress = Progress(plan.missing, len(programs), expected=expected)
    done: dict[str, list[Trained]] = {}
    with Claims(folder) as claims:

        def count_arrived(unit: Unit, runs: int) -> None:
            progress.arrive(unit, runs)
            arrived(runs)

        def tick() -> None:
            if checkpoints.stop.is_set():
                raise Stopped
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
                arrivals.know(_write(folder, unit, of_unit, precision))
                checkpoints.drop(each.part for each in done.pop(ids[0]))
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
    curves = concatenate([trained.curves for trained in in_order])
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


def check_memory(units: Iterable[Unit], device: jax.Device) -> None:
    """Refuses units of which one run is larger than the memory, before training.

    A CPU reports no limit, and the system would end the program without a word.

    Raises:
        InputError: a run does not fit.
    """
    limit = (device.memory_stats() or {}).get("bytes_limit") or host_bytes()
    for unit in units:
        if unit.lane_bytes > limit:
            raise too_large(unit, device)
