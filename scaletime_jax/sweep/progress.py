"""How a sweep tells where it is: a bar on a terminal, plain lines elsewhere."""

import io
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from tqdm import tqdm

from scaletime_jax.sweep.calibration import Duration
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
    ends it is what the machine was measured to take, where it was.

    Attributes:
        missing: units to train.
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
        self.missing, self.devices = list(missing), devices
        self.expected = expected
        self.runs = sum(len(unit.configs) for unit in missing)
        self.programs = count_programs(missing)
        self.work = sum(unit.work for unit in missing)
        self.runs_done, self.programs_done, self.steps_done = 0, 0, 0
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

    def tick(self) -> None:
        """Shows that time goes by."""
        if self.bar is not None:
            self.bar.set_postfix_str(f"{self._rates()}  {self.missing[0].label}")

    def count(self, part: Part, times: Times) -> None:
        """Counts a part as done."""
        share = len(part.configs) / len(part.unit.configs)
        self.runs_done += len(part.configs)
        self.programs_done += times.compiling > 0
        self.steps_done += round(share * part.unit.steps)
        self.work_done += share * part.unit.work
        self.compiling += times.compiling
        self.running += times.running
        self.seen = time.monotonic()
        if self.bar is not None:
            self.bar.update(len(part.configs))

    def finish(self, unit: Unit) -> None:
        """Says that a unit is done."""
        self.missing.remove(unit)
        if self.bar is None:
            print(
                f"[{self.runs_done}/{self.runs} runs] {unit.label}: "
                f"{count_of(len(unit.configs), 'run')}; {self._rates()}",
                file=self.stream,
                flush=True,
            )

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
