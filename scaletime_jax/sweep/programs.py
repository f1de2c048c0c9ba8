"""The compiled programs of one device, and the training of parts with them."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from scaletime_jax.data.sources import Dataset
from scaletime_jax.errors import InputError
from scaletime_jax.sweep.checkpoints import Checkpoints
from scaletime_jax.sweep.examples import SharedData, make_shared_data
from scaletime_jax.sweep.lanes import (
    Lanes,
    Segment,
    blank_state,
    lanes_at_once,
    make_lanes,
    make_length,
    make_program,
)
from scaletime_jax.sweep.plan import Part, Unit
from scaletime_jax.sweep.provenance import Times
from scaletime_jax.sweep.segments import (
    BEGIN,
    Reached,
    add_segment,
    segment_end,
    segment_work,
)
from scaletime_jax.training.curves import Curves
from scaletime_jax.training.train import State

# The share of an accelerator's memory for lanes, by our estimate of their memory.
MEMORY_SHARE = 0.8


class Trained(NamedTuple):
    """The curves [lanes, records] of a part, and the times of the training."""

    part: Part
    curves: Curves
    times: Times


class Compiled(NamedTuple):
    """A program of one device.

    Attributes:
        advance: as `lanes.Program.advance`, compiled.
        blank: a state of zeros.
    """

    advance: Callable[..., tuple[Any, Curves]]
    blank: Any


class Programs:
    """Compiles the programs of one device once, and fits them to its memory.

    Attributes:
        device: device to train on.
        precision: precision of matrix products.
        checkpoints: those of the sweep; None for none.
        begun: keys of the programs that are compiled or will be compiled next.
        compiled: programs by key and number of lanes.
        paces: seconds that a unit of work took last, by key and number of lanes.
        most: largest number of lanes trained together, by family, after memory ran out.
        data: the dataset on the device, by name.
    """

    def __init__(
        self,
        device: jax.Device,
        precision: str = "float32",
        checkpoints: Checkpoints | None = None,
    ):
        self.device, self.precision = device, precision
        self.checkpoints = checkpoints
        self.begun: set[tuple[Any, ...]] = set()
        self.compiled: dict[tuple[Any, ...], Compiled] = {}
        self.paces: dict[tuple[Any, ...], float] = {}
        self.most: dict[tuple[Any, ...], int] = {}
        self.data: dict[str, SharedData] = {}

    def train(self, part: Part, dataset: Dataset) -> Trained:
        """Trains a part, with as many lanes together as fit the device's memory.

        If memory runs out, half as many lanes are trained together.

        Raises:
            Stopped: the sweep is to stop.
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
        """Trains a part, `at_once` lanes together, from its checkpoint if any."""
        keep, reached = self.checkpoints, BEGIN
        if keep is not None:
            reached = keep.find(part, at_once, str(self.device.device_kind))
        start -= reached.seconds
        known, compiling = len(self.compiled), time.monotonic()
        if not reached.is_end(part):
            program = self.compile(part.unit, data, at_once)
        compiling = time.monotonic() - compiling
        while not reached.is_end(part):
            reached = self.advance(part, program, data, at_once, reached)
            if keep is not None:
                keep.note(part, reached)
        is_new = len(self.compiled) > known
        times = Times(start, compiling if is_new else 0.0, reached.seconds)
        return Trained(part, concatenate(reached.curves), times)

    def advance(
        self,
        part: Part,
        program: Compiled,
        data: SharedData,
        at_once: int,
        reached: Reached,
    ) -> Reached:
        """Trains a segment of one turn of a part."""
        unit, name = part.unit, (part.unit.program, at_once)
        end = segment_end(unit, reached.step, self.paces.get(name), at_once)
        lanes = make_lanes(part.configs[reached.first :][:at_once], at_once)
        state = program.blank
        if reached.step:
            leaves = jax.tree.structure(program.blank)
            state = jax.tree.unflatten(leaves, reached.state)
        segment = Segment(np.int32(reached.step), np.int32(end))
        start = time.monotonic()
        state, curves = _call(
            program, self.arguments(unit, lanes, data, state, segment)
        )
        seconds = time.monotonic() - start
        self.paces[name] = seconds / segment_work(unit, reached.step, end)
        turn = add_segment(part, reached, end, curves)
        whole = reached.curves if reached.step == 0 else reached.curves[:-1]
        after = Reached(
            reached.first,
            end,
            jax.tree.leaves(state),
            [*whole, turn],
            reached.seconds + seconds,
        )
        if end < unit.configs[0].records[-1] and not _all_ended(state):
            return after
        return after._replace(first=reached.first + at_once, step=0, state=())

    def compile(self, unit: Unit, data: SharedData, at_once: int) -> Compiled:
        """Returns the program that trains `at_once` lanes of the unit."""
        name = unit.program, at_once
        if name not in self.compiled:
            sizes = unit.targets, unit.capacity.examples
            program = make_program(unit.configs[0], *sizes, unit.tuning)
            lanes = make_lanes(unit.configs[:1], at_once)
            with jax.default_matmul_precision(self.precision):
                length = make_length(unit.configs[0], unit.capacity.records)
                blank = blank_state(program, lanes, length, data)
                segment = Segment(np.int32(0), np.int32(1))
                given = self.arguments(unit, lanes, data, blank, segment)
                lowered = jax.jit(program.advance, donate_argnums=3).lower(*given)
            options = unit.tuning.compiler_options
            compiled = lowered.compile(compiler_options=options)
            self.compiled[name] = Compiled(compiled, blank)
        return self.compiled[name]

    def arguments(
        self, unit: Unit, lanes: Lanes, data: SharedData, state: Any, segment: Segment
    ) -> tuple[Any, ...]:
        """Returns a program's arguments, on the device."""
        length = make_length(unit.configs[0], unit.capacity.records)
        lanes, length, state, segment = jax.device_put(
            (lanes, length, state, segment), self.device
        )
        return lanes, length, data, state, segment

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
            raise too_large(part.unit, self.device)
        half = math.ceil(at_once / 2)
        self.most[part.unit.configs[0].family] = half
        note = f"{part.unit.label}: out of memory, trying {half} of its runs at a time."
        print(note, file=sys.stderr)
        return half


def too_large(unit: Unit, device: jax.Device) -> InputError:
    """Returns the refusal of a unit of which one run is larger than the memory."""
    other = "width, train_size" if unit.configs[0].linearised else "width"
    return InputError(
        f"{unit.label} does not fit the memory of one {device.device_kind}; a run "
        f"needs about {unit.lane_bytes / 2**30:.1f} GiB; choose a smaller {other} or "
        "batch_size."
    )


def concatenate(curves: Sequence[Curves]) -> Curves:
    """Returns the curves [lanes, records] of several turns as those of one."""
    joined: Curves = jax.tree.map(lambda *each: np.concatenate(each), *curves)
    return joined


def _call(program: Compiled, arguments: tuple[Any, ...]) -> tuple[Any, Curves]:
    state, curves = program.advance(*arguments)
    return state, jax.device_get(curves)


def _all_ended(state: Any) -> bool:
    return isinstance(state, State) and bool(np.all(state.ended))
