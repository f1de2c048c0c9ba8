"""The end of a script at Ctrl-C."""

import os
import pathlib
import signal
import sys
from typing import NoReturn

SCRIPTS = pathlib.Path(__file__).parents[1]


def end_at_interrupt() -> None:
    """Makes Ctrl-C end the program at once, if the program is one of the scripts."""
    main = getattr(sys.modules["__main__"], "__file__", None)
    if main is not None and SCRIPTS in pathlib.Path(main).resolve().parents:
        signal.signal(signal.SIGINT, interrupted)


def interrupted(*_) -> NoReturn:
    """Ends the program immediately; files on disk are always complete.

    An exception would wait for the threads of the device, and a callback could lose it.
    """
    message = (
        "\ninterrupted; finished units are kept, and the same command continues.\n"
    )
    os.write(sys.stderr.fileno(), message.encode())
    os._exit(130)
