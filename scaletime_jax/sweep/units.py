"""Units of runs, and the programs that units share."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scaletime_jax.sweep.config import RunConfig

# Largest ratio of the train sizes of one program. The program shuffles the indices of
# the largest train size each epoch, which slows small networks on little data.
SIZE_RANGE = 10
# Number of examples up to which the time of a step hardly depends on the capacity.
FREE_CAPACITY = 300


def group_units(configs: Iterable[RunConfig]) -> list[list[RunConfig]]:
    """Groups configs that differ only in lanes, in the order of their first configs."""
    units: dict[tuple[Any, ...], list[RunConfig]] = {}
    for config in configs:
        units.setdefault(config.shape, []).append(config)
    return list(units.values())


class Capacity(NamedTuple):
    """The array sizes of one program.

    Attributes:
        examples: largest number of training examples.
        records: largest number of evaluations of a run.
    """

    examples: int
    records: int


def share_programs(units: Sequence[list[RunConfig]]) -> list[Capacity]:
    """Returns the capacity of each unit's program, chosen so that few are compiled.

    Units of one family with train sizes within a factor SIZE_RANGE of the smallest get
    the capacity of the largest.
    """
    groups: list[list[RunConfig]] = []
    newest: dict[tuple[Any, ...], list[RunConfig]] = {}
    for config in sorted((unit[0] for unit in units), key=lambda c: c.train_size):
        group = newest.get(config.family)
        # the time of a step on the whole set is proportional to the capacity, and so is
        # the time of an epoch's order, which runs of given steps draw most often on
        # little data
        grows = config.batching == "full" or config.steps > 0
        alone = grows and config.train_size > FREE_CAPACITY
        if (
            group is None
            or alone
            or config.train_size > SIZE_RANGE * group[0].train_size
        ):
            group = newest[config.family] = []
            groups.append(group)
        group.append(config)
    capacities = {}
    for group in groups:
        records = max(len(config.records) for config in group)
        capacity = Capacity(group[-1].train_size, records)
        capacities.update({config.shape: capacity for config in group})
    return [capacities[unit[0].shape] for unit in units]
