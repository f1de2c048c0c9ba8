"""How a sweep tells where it is: a bar on a terminal, plain lines elsewhere."""

import sys
import time

from tqdm import tqdm


def clock(seconds: float) -> str:
    """Formats a duration as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Counts runs, steps a second and the time left.

    The time left is that of the work left, at the rate so far, and of the programs
    left to compile, at their mean so far.

    Attributes:
        num_runs: runs to train.
        num_programs: programs to compile.
        work: of all runs, in any measure proportional to the time they take.
        stream: where to write.
    """

    def __init__(self, num_runs: int, num_programs: int, work: float, stream=None):
        self.stream = stream or sys.stderr
        self.num_runs, self.num_programs, self.work = num_runs, num_programs, work
        self.runs_done, self.programs_done, self.steps_done = 0, 0, 0
        self.work_done = self.running = self.compiling = 0.0
        self.seen = time.monotonic()
        self.bar = None
        if self.stream.isatty():
            self.bar = tqdm(
                total=num_runs,
                file=self.stream,
                bar_format="{n_fmt}/{total_fmt} runs |{bar:20}|{postfix}",
                dynamic_ncols=True,
            )

    def tick(self, label: str) -> None:
        """Shows that `label` is under way."""
        if self.bar is not None:
            self.bar.set_postfix_str(f"{self._rates()}  {label}")

    def finish(self, label: str, runs: int, steps: int, work: float, times) -> None:
        """Counts a unit as done; `times` are its seconds compiling and running.

        The former is zero where its program was there.
        """
        compiling, running = times
        self.runs_done += runs
        self.programs_done += compiling > 0
        self.steps_done += steps
        self.work_done += work
        self.compiling += compiling
        self.running += running
        self.seen = time.monotonic()
        if self.bar is not None:
            self.bar.update(runs)
            return
        print(
            f"[{self.runs_done}/{self.num_runs} runs] {label}: {runs} runs in "
            f"{running:.1f} s + {compiling:.1f} s compiling; {self._rates()}",
            file=self.stream,
            flush=True,
        )

    def close(self) -> None:
        """Leaves the terminal in order."""
        if self.bar is not None:
            self.bar.close()

    def _rates(self) -> str:
        if not self.runs_done:
            return "time left not known yet"
        left = (self.work - self.work_done) * self.running / self.work_done
        programs_left = self.num_programs - self.programs_done
        left += programs_left * self.compiling / max(1, self.programs_done)
        left -= time.monotonic() - self.seen
        speed = self.steps_done / self.running
        return f"{speed:,.0f} steps/s, {clock(max(0.0, left))} left"
