"""Times two small networks in training, for what a sweep takes on this machine."""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from scipy.optimize import nnls

from scaletime_jax.data.sources import Dataset
from scaletime_jax.sweep.architectures import RESNETS, reads_tokens
from scaletime_jax.sweep.calibration import Calibration
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.grid import paper_grid
from scaletime_jax.sweep.plan import Unit, plan_units, split
from scaletime_jax.sweep.programs import Programs
from scaletime_jax.sweep.queues import Queue
from scaletime_jax.sweep.runner import deal

# By architecture, width and epochs of a network whose time goes by steps and images,
# and of one whose time goes by arithmetic; each takes about half a second.
NETWORKS = {
    "mlp": ((1, 40), (20, 5)),
    "mlp2": ((8, 40), (200, 10)),
    "cnn": ((1, 4), (5, 1)),
    "myrtle": ((4, 2), (32, 1)),
    "pooled_cnn": ((2, 3), (12, 1)),
    **dict.fromkeys(RESNETS, ((1, 1), (4, 1))),
    "transformer": ((1, 2), (8, 1)),
}
EXAMPLES, CLASSES = 512, 10  # whole batches
CONTEXT, TOKENS = 64, 64
# Of a user's own network: work of a run, by its operations and overhead, and its steps.
OWN_WORK, MOST_STEPS = 2e10, 200


def time_training(architecture: str) -> Calibration:
    """Returns what training takes here, of two networks trained on all devices.

    Programs are compiled anew unless JAX keeps them; the caller sees to that.

    Args:
        architecture: one of NETWORKS.
    """
    is_text = reads_tokens(architecture)
    noise = _make_text() if is_text else _make_noise()
    datasets = {noise.name: noise}
    devices = jax.local_devices()
    configs = small_runs(architecture, noise, len(devices))
    return _calibrate(plan_units(configs, datasets), datasets)


def time_own(units: Sequence[Unit], datasets: Mapping[str, Dataset]) -> Calibration:
    """Returns what training of a user's own network takes, on the data of its runs.

    A few steps of the smallest and of the largest network are timed.

    Args:
        units: runs of the network.
        datasets: by name.
    """
    seeds = range(2 * len(jax.local_devices()))
    configs = []
    for choose in (min, max):
        unit = choose(units, key=lambda unit: unit.cost.num_params)
        each = unit.work / (len(unit.configs) * unit.configs[0].records[-1])
        steps = int(np.clip(OWN_WORK / each, 1, MOST_STEPS))
        short = dataclasses.replace(
            unit.configs[0], steps=steps, record="end", until_test_loss=0.0
        )
        configs += [dataclasses.replace(short, seed=seed) for seed in seeds]
    return _calibrate(plan_units(list(dict.fromkeys(configs)), datasets), datasets)


def _calibrate(units: Sequence[Unit], datasets: Mapping[str, Dataset]) -> Calibration:
    """Trains units on all devices, and fits their times by their work."""
    devices = jax.local_devices()
    parts = [part for unit in units for part in split(unit, len(devices))]
    programs = [Programs(device) for device in devices[: len(parts)]]
    trained = list(deal(Queue(parts), programs, datasets))
    work, seconds = [], []
    for unit in units:
        mine = [each for each in trained if each.part.unit is unit]
        share = len(mine[0].part.configs) / len(unit.configs)
        work.append([share * unit.flops, share * unit.overhead])
        # the first run of a program touches memory that others find touched
        seconds.append(np.median([each.times.running for each in mine]))
    # relative errors; neither part may take less than no time
    relative = np.array(work) / np.array(seconds)[:, None]
    scale = relative.max(axis=0)
    flop, overhead = nnls(relative / scale, np.ones(len(units)))[0] / scale
    compiling = [each.times.compiling for each in trained if each.times.compiling]
    return Calibration(float(flop), float(overhead), float(np.mean(compiling)))


def small_runs(architecture: str, noise: Dataset, devices: int) -> list[RunConfig]:
    """Returns the runs that are timed, two of each network for each device.

    Residual networks take longer than others to compile and to evaluate. There is one
    run of each, so that each is compiled once, and it is evaluated at its end alone.

    Args:
        architecture: one of NETWORKS.
        noise: to train on.
        devices: that train.
    """
    record, seeds = "both", 2 * devices
    if architecture in RESNETS:
        record, seeds = "end", 1
    return [
        config
        for width, epochs in NETWORKS[architecture]
        for config in paper_grid(
            noise,
            architecture=architecture,
            widths=width,
            train_sizes=EXAMPLES,
            epochs=epochs,
            record=record,
            loss="cross_entropy" if noise.is_text else "mse",
            seeds=range(seeds),
        )
    ]


def _make_noise() -> Dataset:
    """Returns images of the size of digits without anything to be learned."""
    rng = np.random.default_rng(0)
    shape = 2, EXAMPLES, 28, 28, 1
    train, test = rng.integers(0, 256, shape, dtype=np.uint8)
    labels = np.arange(EXAMPLES, dtype=np.int32) % CLASSES
    return Dataset("noise", train, labels, test, labels, CLASSES, "noise")


def _make_text() -> Dataset:
    """Returns tokens at random."""
    rng = np.random.default_rng(0)
    shape = 2, EXAMPLES, CONTEXT
    inputs = rng.integers(0, TOKENS, shape, dtype=np.uint8)
    targets = rng.integers(0, TOKENS, shape, dtype=np.int32)
    train, test = zip(inputs, targets, strict=True)
    return Dataset("noise", *train, *test, TOKENS, "noise", is_text=True)
