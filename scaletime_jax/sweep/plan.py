"""The units of a sweep, their costs, and the units still to be trained."""

import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from scaletime_jax.data.sources import Dataset
from scaletime_jax.runs import store
from scaletime_jax.runs.guessing import guessing_loss
from scaletime_jax.sweep.architectures import make_network, timed_as, uncounted
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.cost import Cost, network_cost
from scaletime_jax.sweep.examples import Targets, targets_of
from scaletime_jax.sweep.tuning import Tuning, make_tuning
from scaletime_jax.sweep.units import Capacity, group_units, share_programs

# Overheads of a step and of the evaluation of an image, as flops of the same duration,
# by least squares on the units of the laptop preset. Only the stated time of training
# depends on these numbers.
STEP_OVERHEAD = 1.4e6
IMAGE_OVERHEAD = 1e5


class Unit(NamedTuple):
    """Runs of equal shapes, written as one file.

    Attributes:
        configs: the runs, which differ in lanes, such as the seed.
        cost: cost of the network on one image.
        capacity: array sizes of the program, which other units may share.
        test_size: number of test images.
        guessing_loss: test loss of guessing the training classes' frequencies; NaN
            with a teacher.
        targets: targets of the dataset.
        tuning: choices for the device.
    """

    configs: list[RunConfig]
    cost: Cost
    capacity: Capacity
    test_size: int
    guessing_loss: float
    targets: Targets
    tuning: Tuning

    @property
    def label(self) -> str:
        """The unit in words."""
        c = self.configs[0]
        return (
            f"{c.dataset} {c.architecture} width {c.width} {c.optimizer} "
            f"train_size {c.train_size}{' shuffled labels' * c.shuffled_labels}"
            f"{' linearised' * c.linearised}{' muP' * (c.parameterisation == 'mup')}"
        )

    @property
    def timed_as(self) -> str:
        """The architecture whose timing stands for that of the unit."""
        return timed_as(self.configs[0].architecture)

    @property
    def steps(self) -> int:
        """Total number of training steps of all runs."""
        return len(self.configs) * self.configs[0].records[-1]

    @property
    def images(self) -> int:
        """Total number of images evaluated in all runs."""
        config = self.configs[0]
        each = len(config.records) * (config.train_size + self.test_size)
        return len(self.configs) * each

    @property
    def flops(self) -> int:
        """Floating-point operations of training and evaluating all runs."""
        config = self.configs[0]
        if config.linearised:
            return len(self.configs) * self._linear_flops
        trained = len(self.configs) * config.trained
        return trained * self.cost.step_flops + self.images * self.cost.forward_flops

    @property
    def _outputs(self) -> tuple[int, int]:
        """Numbers of outputs on the training set, and on both sets."""
        sizes = self.capacity.examples, self.capacity.examples + self.test_size
        return sizes[0] * self.targets.num_classes, sizes[1] * self.targets.num_classes

    @property
    def _linear_flops(self) -> int:
        """Of a linearised network: its kernel, and a product with the kernel a step."""
        config, (own, both) = self.configs[0], self._outputs
        hidden = 2 * self.cost.activation_bytes // 4
        records = len(config.records)
        return own * both * (hidden + 2 * records) + 2 * own**2 * config.records[-1]

    @property
    def overhead(self) -> float:
        """What steps and images cost beyond their arithmetic, as flops."""
        return self.steps * STEP_OVERHEAD + self.images * IMAGE_OVERHEAD

    @property
    def work(self) -> float:
        """An estimate of the work, roughly proportional to the time of all runs."""
        return self.flops + self.overhead

    @property
    def program(self) -> tuple[Any, ...]:
        """The key of the unit's program; units of one program have the same key."""
        return self.configs[0].family, self.capacity

    @property
    def lane_bytes(self) -> int:
        """Bytes of one lane: parameters, gradient, optimizer state and a batch."""
        config = self.configs[0]
        if config.linearised:  # the kernel, and slopes of each output
            own, both = self._outputs
            return 4 * own * both + both * self.cost.activation_bytes
        copies = {"sgd": 3, "momentum": 4, "adam": 5, "adamw": 5}[config.optimizer]
        # a step has a forward and a backward pass, an evaluation a forward pass
        images = max(2 * config.step_size, self.tuning.evaluation_batch)
        return 4 * copies * self.cost.all_params + images * self.cost.activation_bytes


def count_programs(units: Sequence[Unit]) -> int:
    """Returns the number of programs that train the units."""
    return len({unit.program for unit in units})


class Part(NamedTuple):
    """Runs of a unit that one device trains together.

    Attributes:
        unit: the unit of the runs.
        start: index of the first run in the unit.
        configs: the runs.
    """

    unit: Unit
    start: int
    configs: list[RunConfig]


def split(unit: Unit, devices: int) -> list[Part]:
    """Divides the runs of a unit evenly over devices, or into single runs.

    If lanes run in turn on a device, single runs keep all devices busy.
    """
    runs = len(unit.configs)
    size = 1 if unit.tuning.lanes_in_turn else math.ceil(runs / devices)
    return [
        Part(unit, start, unit.configs[start : start + size])
        for start in range(0, runs, size)
    ]


class Plan(NamedTuple):
    """The existing and the missing runs of a sweep.

    Attributes:
        table: rows of the existing runs.
        missing: units still to be trained.
    """

    table: pd.DataFrame
    missing: list[Unit]

    @property
    def num_programs(self) -> int:
        """The number of programs to compile."""
        return count_programs(self.missing)


def plan_sweep(
    configs: Sequence[RunConfig],
    datasets: Mapping[str, Dataset],
    folder: pathlib.Path,
    mend: bool = True,
) -> Plan:
    """Returns the rows of the configs in the folder, and the units it lacks.

    A run that lacks its last rows counts as missing.

    Args:
        configs: of the sweep.
        datasets: by name.
        folder: of the run tables.
        mend: as in `store.read`.
    """
    table = store.read(folder, mend)
    wanted = {config.run_id: config for config in configs}
    have = find_complete(table, wanted)
    missing = [config for run, config in wanted.items() if run not in have]
    table = table[table.run_id.isin(have)].reset_index(drop=True)
    return Plan(table, plan_units(missing, datasets))


def find_complete(rows: pd.DataFrame, wanted: Mapping[str, RunConfig]) -> set[str]:
    """Returns the ids of the runs that have all their rows.

    Args:
        rows: of a run table, by run and step.
        wanted: runs by id; others are left out.
    """
    last = rows.drop_duplicates("run_id", keep="last").set_index("run_id")
    ends = last[["step", "test_loss", "diverged"]].to_dict("index")
    return {
        run
        for run, end in ends.items()
        if run in wanted and _is_complete(wanted[run], **end)
    }


def _is_complete(
    config: RunConfig, step: int, test_loss: float, diverged: bool
) -> bool:
    """Whether a run of this config may end with such an evaluation."""
    # as training compares, in single precision
    arrived = 0 < test_loss <= float(np.float32(config.until_test_loss))
    return diverged or arrived or step == config.records[-1]


def plan_units(
    configs: Sequence[RunConfig], datasets: Mapping[str, Dataset]
) -> list[Unit]:
    """Groups configs into units, with costs and shared programs."""
    units = group_units(configs)
    planned, tuning = [], make_tuning(jax.default_backend())
    for unit, capacity in zip(units, share_programs(units), strict=True):
        dataset = datasets[unit[0].dataset]
        config, classes = unit[0], dataset.num_classes
        network = make_network(
            config.architecture,
            config.width,
            classes,
            config.init,
            tuning.convolution,
            config.activation,
        )
        cost = network_cost(
            network,
            dataset.train_images.shape[1:],
            uncounted(config.architecture),
            jnp.int32 if dataset.is_text else jnp.float32,
        )
        guess = math.nan
        if dataset.teacher is None:
            train, test = dataset.train_labels, dataset.test_labels
            if dataset.is_text:  # each token once more: none is impossible
                train = np.append(train.ravel(), np.arange(classes, dtype=np.int32))
            guess = guessing_loss(config.loss, train, test.ravel(), classes)
        sizes = len(dataset.test_images), guess
        kind = targets_of(dataset)
        planned.append(Unit(unit, cost, capacity, *sizes, kind, tuning))
    return planned
