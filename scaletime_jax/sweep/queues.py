"""Parts that wait for a device, of this process alone or shared with others."""

import functools
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from scaletime_jax.sweep.arrivals import Arrivals
from scaletime_jax.sweep.claims import Claims, Holder
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.plan import Part, Unit, split

Program = tuple[Any, ...]  # the key of a program


@runtime_checkable
class Device(Protocol):
    """What a queue knows of a device.

    Attributes:
        begun: keys of the programs that are compiled or will be compiled next.
    """

    begun: set[Program]


class Queue:
    """Parts that wait for a device, by program."""

    def __init__(self, parts: Iterable[Part] = ()):
        self.parts: dict[Program, deque[Part]] = {}
        self.add(parts)

    def add(self, parts: Iterable[Part]) -> None:
        """Appends parts."""
        for part in parts:
            self.parts.setdefault(part.unit.program, deque()).append(part)

    @property
    def waits(self) -> bool:
        """Whether there may be a part later, where `take` returns none."""
        return False

    def take(self, mine: Device, everyone: Sequence[Device]) -> Part | None:
        """Returns the next part for a device, or None if no part is left.

        A device first takes parts of programs that it has compiled, then a part of a
        program that no device has compiled, then any other part.
        """
        name = next(self.rank(mine, everyone), None)
        return None if name is None else self.pop(name, mine)

    def rank(self, mine: Device, everyone: Sequence[Device]) -> Iterator[Program]:
        """Yields the programs of which parts wait, the next for this device first."""
        names = self.names()
        known = self.begun_elsewhere().union(*(each.begun for each in everyone))
        yield from (name for name in names if name in mine.begun)
        yield from (name for name in names if name not in known)
        yield from names

    def names(self) -> Sequence[Program]:
        """Returns the programs of which parts wait, in order."""
        return [*self.parts]

    def begun_elsewhere(self) -> set[Program]:
        """Returns the programs that other processes have begun."""
        return set()

    def pop(self, name: Program, mine: Device) -> Part:
        """Removes and returns the next part of a program."""
        mine.begun.add(name)
        part = self.parts[name].popleft()
        if not self.parts[name]:
            del self.parts[name]
        return part


class SharedQueue(Queue):
    """Units of which a part is claimed when a device takes it, among processes.

    Attributes:
        units: units with runs that are neither in the folder nor claimed here, by
            program.
        others: the other processes at work, when a unit was last claimed.
    """

    def __init__(
        self,
        units: Iterable[Unit],
        devices: int,
        claims: Claims,
        arrivals: Arrivals,
        arrived: Callable[[Unit, int], None] = lambda unit, runs: None,
        wait: bool = True,
    ):
        """Begins without claims.

        Args:
            units: units to train.
            devices: number of devices over which a unit is divided.
            claims: the claims of this process.
            arrivals: the new runs of the folder.
            arrived: called with a unit and the number of its runs that another process
                has trained.
            wait: whether to wait for runs that other processes train.
        """
        super().__init__()
        self.devices, self.claims = devices, claims
        self.arrivals, self.arrived, self.wait = arrivals, arrived, wait
        self.others: list[Holder] = []
        self.units: dict[Program, list[Unit]] = {}
        for unit in units:
            self.units.setdefault(unit.program, []).append(unit)
        each = (config for unit in units for config in unit.configs)
        self.wanted = {config.run_id: config for config in each}
        self.ids = {config: run for run, config in self.wanted.items()}

    @property
    def waits(self) -> bool:
        """Whether runs are left that other processes may train, or leave."""
        return self.wait and bool(self.units)

    def take(self, mine: Device, everyone: Sequence[Device]) -> Part | None:
        """Returns the next part for a device; None if nothing is left, or free.

        A unit is claimed when its first part is taken. The order is that of `Queue`; a
        program that another process has begun comes after those that nobody has.
        """
        name = next(self.rank(mine, everyone), None)
        if name is not None and name not in self.parts:
            name = self._claim(mine, everyone)
        return None if name is None else self.pop(name, mine)

    def names(self) -> Sequence[Program]:
        """Returns the programs of which claimed parts or other units wait."""
        return [*dict.fromkeys([*self.parts, *self.units])]

    def begun_elsewhere(self) -> set[Program]:
        """Returns the programs of which other processes train runs."""
        names = {name for holder in self.others for name in holder.runs.values()}
        return {program for program in self.units if names and _name(program) in names}

    def blocking(self) -> list[Holder]:
        """Returns the other processes that train what is left, with those runs."""
        left = [c for units in self.units.values() for u in units for c in u.configs]
        found = [h.narrow({self.ids[config] for config in left}) for h in self.others]
        return [holder for holder in found if holder.runs]

    def _claim(self, mine: Device, everyone: Sequence[Device]) -> Program | None:
        """Claims a unit and returns its program; None if no run is free."""
        with self.claims.choosing() as self.others:
            # in this order: who has ended a claim since has written its runs before
            self._leave_out(self.arrivals.look(self.wanted))
            taken = {run for holder in self.others for run in holder.runs}
            for name in self.rank(mine, everyone):
                if name in self.parts:
                    return name
                for unit in self.units[name]:
                    free = [c for c in unit.configs if self.ids[c] not in taken]
                    if free:
                        self._hold(unit, free)
                        return name
        return None

    def _hold(self, unit: Unit, free: list[RunConfig]) -> None:
        """Claims the free runs of a unit."""
        name = _name(unit.program)
        self.claims.mine |= {self.ids[config]: name for config in free}
        self.add(split(unit._replace(configs=free), self.devices))
        claimed = set(free)
        self._replace(unit, [c for c in unit.configs if c not in claimed])

    def _leave_out(self, runs: set[str]) -> None:
        """Leaves out runs that have come."""
        for unit in [u for units in self.units.values() for u in units if runs]:
            left = [c for c in unit.configs if self.ids[c] not in runs]
            if len(left) < len(unit.configs):
                self._replace(unit, left)
                self.arrived(unit, len(unit.configs) - len(left))

    def _replace(self, unit: Unit, configs: list[RunConfig]) -> None:
        """Keeps only these runs of a unit."""
        units = self.units[unit.program]
        place = next(i for i, each in enumerate(units) if each is unit)
        units[place : place + 1] = [unit._replace(configs=configs)] if configs else []
        if not units:
            del self.units[unit.program]


@functools.cache
def _name(program: Program) -> str:
    """Returns a program's name in claims, whatever sizes it shares in a process."""
    family, _ = program
    return hashlib.sha256(repr(family).encode()).hexdigest()[:12]
