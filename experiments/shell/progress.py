"""How far a loop is: a bar on a terminal, plain lines elsewhere, both seldom.

Nothing is written of what ends within seconds.
"""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TextIO, TypeVar

from tqdm import tqdm

from scaletime_jax.sweep.progress import clock

DELAY = 3.0  # seconds before a bar appears
EVERY = 10.0  # seconds from one plain line to the next
T = TypeVar("T")


def track(items: Sequence[T], words: str) -> Iterator[T]:
    """Yields the items, telling on stderr how far the loop over them is.

    It satisfies `scaletime_jax.track.Track`.
    """
    meter = Meter(words, len(items), sys.stderr)
    try:
        for item in items:
            yield item
            meter.count()
    finally:
        meter.close()


class Meter:
    """Counts and tells, also while a single item takes long.

    Attributes:
        words: what is counted.
        total: how many there are.
        stream: where to write.
        done: how many are.
    """

    def __init__(self, words: str, total: int, stream: TextIO):
        self.words, self.total, self.stream = words, total, stream
        self.done, self.start = 0, time.monotonic()
        self.first = self.last = self.start  # when the first item ended, and the last
        self.bar: tqdm | None = None
        self.said = False
        self.ended = threading.Event()
        self.ticking = threading.Thread(target=self._tick, daemon=True)
        self.ticking.start()

    def count(self) -> None:
        """Counts an item as done."""
        self.done, self.last = self.done + 1, time.monotonic()
        if self.done == 1:
            self.first = self.last

    def close(self) -> None:
        """Leaves the terminal in order, or says in a last line how long all took."""
        self.ended.set()
        self.ticking.join()
        if self.bar is not None:
            self.bar.close()
        elif self.said and self.done == self.total:
            self._say(f"in {clock(self.last - self.start)}")

    def left(self) -> str:
        """Returns the time left in words.

        By the mean of the items done, once there are others without the first, which
        may have compiled what all of them use.
        """
        if self.done == 0:
            return "time left not known yet"
        if self.done == 1:
            each = self.first - self.start
        else:
            each = (self.last - self.first) / (self.done - 1)
        since = time.monotonic() - self.last
        return f"{clock(max(0.0, (self.total - self.done) * each - since))} left"

    def _tick(self) -> None:
        is_terminal = self.stream.isatty()
        wait = DELAY if is_terminal else EVERY
        while not self.ended.wait(wait):
            if is_terminal:
                self._draw()
                wait = 1.0
            else:
                self._say(self.left())
                self.said = True

    def _draw(self) -> None:
        if self.bar is None:
            self.bar = tqdm(
                total=self.total,
                desc=self.words,
                file=self.stream,
                leave=False,
                dynamic_ncols=True,
                bar_format="{desc} {n_fmt}/{total_fmt} |{bar:20}|{postfix}",
            )
        self.bar.n = self.done
        self.bar.set_postfix_str(self.left())

    def _say(self, how: str) -> None:
        line = f"{self.words}: {self.done}/{self.total}, {how}"
        print(line, file=self.stream, flush=True)
