"""The end of a script at Ctrl-C, or when it is told to end (SIGTERM)."""

import contextlib
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

SCRIPTS = pathlib.Path(__file__).parents[1]
PATIENCE = 8.0  # seconds for the checkpoints of a sweep that is told to end


class Told:
    """What the program was told by signals.

    Attributes:
        stop: set where a sweep is to save its checkpoints and end; None where nothing
            has to be saved.
        number: of the signal that came; 0 for none.
        more: a sentence to say at the end.
    """

    stop: threading.Event | None = None
    number = 0
    more = ""


def end_at_interrupt() -> None:
    """Makes signals end the program soon, if the program is one of the scripts."""
    main = getattr(sys.modules["__main__"], "__file__", None)
    if main is not None and SCRIPTS in pathlib.Path(main).resolve().parents:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, interrupted)


def interrupted(number: int = signal.SIGINT, *_) -> None:
    """Ends the program, at once or after its checkpoints; files are always complete.

    An exception would wait for the threads of the device, and a callback could lose it.
    A second signal ends it at once.
    """
    if Told.stop is None or Told.number:
        leave(number)
    Told.number = number
    Told.stop.set()
    say("\ninterrupted; checkpoints are written.\n")
    late = threading.Timer(PATIENCE, leave, [number])
    late.daemon = True
    late.start()


def leave(number: int) -> NoReturn:
    """Ends the program immediately, with the exit code of a signal."""
    kept = "finished units are kept, and the same command continues"
    say(f"\ninterrupted; {kept}.\n{Told.more}")
    os._exit(128 + number)


def say(words: str) -> None:
    """Writes to the terminal, if one is left, also amid another write."""
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), words.encode())


@contextlib.contextmanager
def adding(words: str) -> Iterator[None]:
    """Adds a sentence to what a signal makes the program say in the meantime."""
    Told.more = f"{words}\n"
    try:
        yield
    finally:
        Told.more = ""


@contextlib.contextmanager
def saving() -> Iterator[threading.Event]:
    """Yields what a signal sets in the meantime, for a sweep that then stops."""
    Told.stop = threading.Event()
    try:
        yield Told.stop
    finally:
        if Told.number:
            leave(Told.number)
        Told.stop = None
