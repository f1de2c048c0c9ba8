"""How a sweep tells where it is: a bar on a terminal, plain lines elsewhere."""

import io
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

from tqdm import tqdm

from scaletime_jax.sweep.calibration import Duration
from scaletime_jax.sweep.claims import Holder
from scaletime_jax.sweep.plan import Part, Unit, count_programs
from scaletime_jax.sweep.provenance import Times
from scaletime_jax.words import count_of


def clock(seconds: float) -> str:
    """Formats a duration as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Counts runs, steps a second and the time left.

    The time left is that of the work left, at the rate so far, and of the programs
    left to compile, at their mean so far, shared by the devices. Before the first run
    ends it is what the machine was measured to take, where it was. Runs that another
    process has trained are counted, and are no work left.

    Attributes:
        left: units with runs to train, by shape.
        num_left: how many runs of each.
        devices: that train.
        stream: where to write.
        expected: what all of it takes, by the machine's calibration.
    """

    def __init__(
        self,
        missing: Sequence[Unit],
        devices: int,
        stream: io.TextIOBase | TextIO | None = None,
        expected: Duration | None = None,
    ):
        self.stream = stream or sys.stderr
        self.devices, self.expected = devices, expected
        self.left = {unit.configs[0].shape: unit for unit in missing}
        self.num_left = {s: len(unit.configs) for s, unit in self.left.items()}
        self.runs = sum(len(unit.configs) for unit in missing)
        self.programs = count_programs(missing)
        self.work = sum(unit.work for unit in missing)
        self.runs_done, self.programs_done, self.steps_done = 0, 0, 0
        self.runs_arrived, self.waiting = 0, ""
        self.compiled: set[tuple[Any, ...]] = set()
        self.work_done = self.running = self.compiling = 0.0
        self.seen = time.monotonic()
        self.bar = None
        if self.stream.isatty():
            self.bar = tqdm(
                total=self.runs,
                file=self.stream,
                bar_format="{n_fmt}/{total_fmt} runs |{bar:20}|{postfix}",
                dynamic_ncols=True,
            )

    def tick(self, others: Sequence[Holder] = ()) -> None:
        """Shows that time goes by.

        Args:
            others: the processes whose runs this process waits for.
        """
        words = ", ".join(holder.label for holder in others)
        words = f"waiting for {words}" if words else ""
        if self.bar is not None:
            label = next((unit.label for unit in self.left.values()), "")
            self.bar.set_postfix_str(words or f"{self._rates()}  {label}")
        elif words and words != self.waiting:
            self._say(words)
        self.waiting = words

    def count(self, part: Part, times: Times) -> None:
        """Counts a part as done."""
        share = len(part.configs) / len(part.unit.configs)
        self.runs_done += len(part.configs)
        self.programs_done += times.compiling > 0
        self.compiled.add(part.unit.program)
        self.steps_done += round(share * part.unit.steps)
        self.work_done += share * part.unit.work
        self.compiling += times.compiling
        self.running += times.running
        self.seen = time.monotonic()
        self._remove(part.unit, len(part.configs))

    def finish(self, unit: Unit) -> None:
        """Says that all that was claimed of a unit is done."""
        if self.bar is None:
            runs = count_of(len(unit.configs), "run")
            self._say(f"{unit.label}: {runs}; {self._rates()}")

    def arrive(self, unit: Unit, runs: int) -> None:
        """Counts runs of a unit that another process has trained."""
        self.runs_arrived += runs
        self.work -= runs / len(unit.configs) * unit.work
        self._remove(unit, runs)
        if unit.program not in self.compiled | {u.program for u in self.left.values()}:
            self.programs -= 1
        if self.bar is None:
            self._say(f"{unit.label}: {count_of(runs, 'run')} by another process")

    def _remove(self, unit: Unit, runs: int) -> None:
        shape = unit.configs[0].shape
        self.num_left[shape] -= runs
        if not self.num_left[shape]:
            del self.left[shape]
        if self.bar is not None:
            self.bar.update(runs)

    def _say(self, words: str) -> None:
        """Prints a line."""
        done = self.runs_done + self.runs_arrived
        line = f"[{done}/{self.runs} runs] {words}"
        print(line, file=self.stream, flush=True)

    def close(self) -> None:
        """Leaves the terminal in order."""
        if self.bar is not None:
            self.bar.close()

    def _rates(self) -> str:
        if not self.runs_done:
            if self.expected is None:
                return "time left not known yet"
            left = sum(self.expected) - (time.monotonic() - self.seen)
            return f"about {clock(max(0.0, left))} left"
        left = (self.work - self.work_done) * self.running / self.work_done
        programs_left = max(0, self.programs - self.programs_done)
        left += programs_left * self.compiling / max(1, self.programs_done)
        left = left / self.devices - (time.monotonic() - self.seen)
        speed = self.steps_done * self.devices / self.running
        return f"{speed:,.0f} steps/s, {clock(max(0.0, left))} left"
