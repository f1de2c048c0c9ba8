"""Start of every experiment, and its exit after invalid input."""

import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

import jax
from absl import app, flags, logging

from scaletime_jax.data.cache import cache_dir
from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import FIELDS

# The flags whose names differ from the names of their quantities.
FLAGS = {field.name: field.choice for field in FIELDS}


def run(main: Callable[[], None]) -> None:
    """Runs `main()` as an absl program that exits with code 2 after invalid input."""

    def start(argv: list[str]) -> None:
        logging.set_verbosity(logging.ERROR)
        signal.signal(signal.SIGINT, interrupted)
        use_all_cores()
        keep_programs()
        execute(main, argv)

    app.run(start, flags_parser=parse)


def execute(main: Callable[[], None], argv: list[str]) -> None:
    """Calls `main()` and exits with code 2 after invalid input.

    Args:
        main: main function of a script.
        argv: the command line without the parsed flags.
    """
    if argv[1:]:
        fail(f"unexpected argument {argv[1]!r}; flags are written --name=value.")
    warnings.showwarning = lambda message, *_, **__: print(
        f"warning: {message}.", file=sys.stderr
    )
    try:
        main()
        sys.stdout.flush()
    except InputError as error:
        fail(with_flags(error))
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        kind, said, needed = str(error).partition("RESOURCE_EXHAUSTED: ")
        if not (said or isinstance(error, MemoryError)):
            raise
        needed = (needed or kind or "memory is exhausted").splitlines()[0].rstrip(".")
        fail(f"the work does not fit the memory; choose smaller sizes ({needed}).")
    except BrokenPipeError:  # the reader of the output, such as head, has exited
        os._exit(141)


def parse(argv: list[str]) -> list[str]:
    """Parses flags; exits with code 2 after a mistake, and with code 0 after --help."""
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        fail(str(error).replace("ERROR:: ", "").strip().splitlines()[0])
    except SystemExit:
        if any(word.lstrip("-").startswith("help") for word in argv[1:]):
            sys.exit(0)
        raise


def with_flags(error: InputError) -> str:
    """Returns the sentence of the library with the flags of its quantities."""
    words = [
        f"--{FLAGS.get(name, name)}" + ("" if value is None else f"={value}")
        for name, value in error.quantities.items()
    ]
    sentence = str(error)
    return f"{sentence.rstrip('.')} ({', '.join(words)})." if words else sentence


def interrupted(*_) -> NoReturn:
    """Ends the program at Ctrl-C immediately; files on disk are always complete.

    An exception would wait for the threads of the device, and a callback could lose it.
    """
    message = (
        "\ninterrupted; finished units are kept, and the same command continues.\n"
    )
    os.write(sys.stderr.fileno(), message.encode())
    os._exit(130)


def fail(sentence: str) -> NoReturn:
    """Prints the sentence and ends the program with exit code 2."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


def use_all_cores() -> None:
    """Gives JAX one CPU device for each core, over which lanes are distributed."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        known = hasattr(os, "sched_getaffinity")  # not on macOS
        cores = len(os.sched_getaffinity(0)) if known else os.cpu_count()
        jax.config.update("jax_num_cpu_devices", cores)


def keep_programs() -> None:
    """Keeps compiled programs in the cache directory for later calls.

    JAX's own setting of the directory has precedence.
    """
    if jax.config.values["jax_compilation_cache_dir"] is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "programs"))
