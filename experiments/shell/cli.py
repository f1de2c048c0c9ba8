"""How every experiment starts, and how its mistakes of input end."""

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

# The flags of quantities that have another name than the quantity.
FLAGS = {field.name: field.choice for field in FIELDS}


def run(main: Callable[[], None]) -> None:
    """Runs `main()` as an absl program whose mistakes of input end in exit code 2."""

    def start(argv: list[str]) -> None:
        logging.set_verbosity(logging.ERROR)
        signal.signal(signal.SIGINT, interrupted)
        use_all_cores()
        keep_programs()
        execute(main, argv)

    app.run(start, flags_parser=parse)


def execute(main: Callable[[], None], argv: list[str]) -> None:
    """Calls `main()` and turns its mistakes of input into exit code 2.

    Args:
        main: of a script.
        argv: what is left of the command line once the flags are parsed.
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
    except BrokenPipeError:  # whoever read our output, such as head, has left
        os._exit(141)


def parse(argv: list[str]) -> list[str]:
    """Parses flags; a mistake is one line and exit code 2, help is exit code 0."""
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        fail(str(error).replace("ERROR:: ", "").strip().splitlines()[0])
    except SystemExit:
        if any(word.lstrip("-").startswith("help") for word in argv[1:]):
            sys.exit(0)
        raise


def with_flags(error: InputError) -> str:
    """Returns a library's sentence with the flags that give what it asks for."""
    words = [
        f"--{FLAGS.get(name, name)}" + ("" if value is None else f"={value}")
        for name, value in error.quantities.items()
    ]
    sentence = str(error)
    return f"{sentence.rstrip('.')} ({', '.join(words)})." if words else sentence


def interrupted(*_) -> NoReturn:
    """Ends the program at Ctrl-C, at once: whatever stands on disk stands whole.

    An exception would wait for the device's threads, and could be lost in a callback.
    """
    message = "\ninterrupted; finished programs are kept, the same command goes on.\n"
    os.write(sys.stderr.fileno(), message.encode())
    os._exit(130)


def fail(sentence: str) -> NoReturn:
    """Prints the sentence and ends the program with exit code 2."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


def use_all_cores() -> None:
    """Gives JAX a CPU device a core, over which lanes are spread."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        known = hasattr(os, "sched_getaffinity")  # not on macOS
        cores = len(os.sched_getaffinity(0)) if known else os.cpu_count()
        jax.config.update("jax_num_cpu_devices", cores)


def keep_programs() -> None:
    """Keeps compiled programs for the next time, in the cache directory.

    JAX's own setting of where goes first.
    """
    if jax.config.values["jax_compilation_cache_dir"] is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "programs"))
