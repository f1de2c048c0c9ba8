"""What a sweep has, what it lacks, and what that costs: units and their parts."""

import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import pandas as pd

from scaletime_jax.data.sources import Dataset
from scaletime_jax.runs import store
from scaletime_jax.runs.guessing import guessing_loss
from scaletime_jax.sweep.config import (
    Capacity,
    RunConfig,
    group_units,
    make_network,
    share_programs,
)
from scaletime_jax.sweep.cost import Cost, network_cost
from scaletime_jax.sweep.tuning import Tuning, make_tuning

# What a step and the evaluation of an image cost beyond their arithmetic, in flops of
# the same duration, by least squares on the laptop preset's units. Only what is said of
# the time that training takes depends on it.
STEP_OVERHEAD = 1.4e6
IMAGE_OVERHEAD = 1e5


class Unit(NamedTuple):
    """Runs of equal shapes, to be written as one file.

    Attributes:
        configs: the runs, differing in seed, label noise and learning rate.
        cost: of their network on one image.
        capacity: of the program, which may serve other units too.
        test_size: images in the test set.
        guessing_loss: on them, of guessing the training classes' frequencies.
        num_classes: of the dataset.
        tuning: for the device.
    """

    configs: list[RunConfig]
    cost: Cost
    capacity: Capacity
    test_size: int
    guessing_loss: float
    num_classes: int
    tuning: Tuning

    @property
    def label(self) -> str:
        """What a person calls it."""
        c = self.configs[0]
        return (
            f"{c.dataset} {c.architecture} width {c.width} {c.optimizer} "
            f"train_size {c.train_size}{' shuffled labels' * c.shuffled_labels}"
        )

    @property
    def steps(self) -> int:
        """Training steps of all runs together."""
        return len(self.configs) * self.configs[0].records[-1]

    @property
    def images(self) -> int:
        """Images evaluated, of all runs together."""
        config = self.configs[0]
        each = len(config.records) * (config.train_size + self.test_size)
        return len(self.configs) * each

    @property
    def flops(self) -> int:
        """Arithmetic of training and evaluating all runs."""
        config = self.configs[0]
        trained = len(self.configs) * config.train_size * config.epochs
        return trained * self.cost.step_flops + self.images * self.cost.forward_flops

    @property
    def overhead(self) -> float:
        """What steps and images cost beyond their arithmetic, as flops."""
        return self.steps * STEP_OVERHEAD + self.images * IMAGE_OVERHEAD

    @property
    def work(self) -> float:
        """What the time of all runs is proportional to, about."""
        return self.flops + self.overhead

    @property
    def program(self) -> tuple[Any, ...]:
        """Names the program that trains it, the same for units that share one."""
        return self.configs[0].family, self.capacity

    @property
    def lane_bytes(self) -> int:
        """Memory of one lane: parameters, their gradient and optimizer, a batch."""
        config = self.configs[0]
        copies = {"sgd": 3, "momentum": 4, "adam": 5, "adamw": 5}[config.optimizer]
        # a step goes forth and back through its batch, an evaluation forth
        images = max(2 * config.step_size, self.tuning.evaluation_batch)
        return 4 * copies * self.cost.num_params + images * self.cost.activation_bytes


def count_programs(units: Sequence[Unit]) -> int:
    """Returns how many programs train the units."""
    return len({unit.program for unit in units})


class Part(NamedTuple):
    """Runs of a unit that one device trains.

    Attributes:
        unit: what they belong to.
        start: the first of them, in the unit's order.
        configs: the runs.
    """

    unit: Unit
    start: int
    configs: list[RunConfig]


def split(unit: Unit, devices: int) -> list[Part]:
    """Divides a unit's runs: evenly over devices, or one by one.

    Where lanes take turns anyway, single runs let no device wait for another.
    """
    runs = len(unit.configs)
    size = 1 if unit.tuning.lanes_in_turn else math.ceil(runs / devices)
    return [
        Part(unit, start, unit.configs[start : start + size])
        for start in range(0, runs, size)
    ]


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
        return count_programs(self.missing)


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
        config, classes = unit[0], dataset.num_classes
        network = make_network(
            config.architecture, config.width, classes, config.init, tuning.convolution
        )
        cost = network_cost(network, dataset.train_images.shape[1:])
        labels = dataset.train_labels, dataset.test_labels
        guess = guessing_loss(config.loss, *labels, classes)
        sizes = len(dataset.test_labels), guess, classes
        planned.append(Unit(unit, cost, capacity, *sizes, tuning))
    return planned
