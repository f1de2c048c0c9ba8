"""Start of every experiment, and its exit after invalid input."""

import os
import pathlib
import re
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

import jax
from absl import app, flags, logging

from scaletime_jax.data.cache import cache_dir
from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.runs.fields import FIELDS

# The flags whose names differ from the names of their quantities.
FLAGS = {field.name: field.choice for field in FIELDS}

# What JAX warns of where it keeps compiled programs.
OF_KEPT = re.compile(
    r"Error (read|writ)ing persistent compilation cache entry for '(\w+)': (.*)",
    re.DOTALL,
)

# What absl says of a value that Python does not read as the number of a flag.
NOT_A_NUMBER = re.compile(
    r"flag --(\w+)=(.*): (invalid literal for int|could not convert string to float).*"
)


def run(main: Callable[[], None]) -> None:
    """Runs `main()` as an absl program that exits with code 2 after invalid input."""

    def start(argv: list[str]) -> None:
        # errors are raised; the library of checkpoints logs them too, with tracebacks
        logging.set_verbosity(logging.FATAL)
        use_all_cores()
        keep_programs()
        execute(main, argv)

    app.run(start, flags_parser=parse)


def execute(main: Callable[[], None], argv: list[str]) -> None:
    """Calls `main()` and exits with code 2 after invalid input.

    A folder that cannot be written to is refused before anything is computed.

    Args:
        main: main function of a script.
        argv: the command line without the parsed flags.
    """
    if argv[1:]:
        fail(f"unexpected argument {argv[1]!r}; flags are written --name=value.")
    warnings.filterwarnings("always", message=OF_KEPT.pattern)
    warnings.showwarning = warn
    try:
        if "workdir" in flags.FLAGS and flags.FLAGS.workdir:
            store.check_writable(pathlib.Path(flags.FLAGS.workdir))
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


def warn(message: Warning | str, *_, **__) -> None:
    """Prints a warning, in a line."""
    words = str(message)
    if of_kept := OF_KEPT.match(words):
        words = drop_kept(*of_kept.groups())
    print(f"warning: {words}.", file=sys.stderr, flush=True)


def drop_kept(doing: str, name: str, reason: str) -> str:
    """Deletes compiled programs of a name, of which one is not whole.

    JAX would neither read nor replace it, in any later process.

    Args:
        doing: "read" or "writ", which failed.
        name: that JAX has for the program.
        reason: why, as JAX says it.

    Returns:
        What happened, in words.
    """
    lines = reason.strip().splitlines() or ["no reason given"]
    if jax.config.values["jax_compilation_cache_dir"] == str(kept_programs()):
        for path in kept_programs().glob(f"{name}-*-cache"):
            path.unlink(missing_ok=True)
    if doing == "writ":
        return f"a compiled program ({name}) is not kept: {lines[0].rstrip('.')}"
    return (
        f"a kept program ({name}) is damaged, and is compiled again: "
        f"{lines[0].rstrip('.')}"
    )


def parse(argv: list[str]) -> list[str]:
    """Parses flags; exits with code 2 after a mistake, and with code 0 after --help."""
    if any(word.lstrip("-") == "flagfile=" for word in argv[1:]):  # absl passes it by
        fail("--flagfile is empty; name a file, or leave --flagfile out.")
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        said = str(error).replace("ERROR:: ", "").strip().splitlines()[0]
        said = NOT_A_NUMBER.sub(tell_number, said)
        sentence, _, near = said.partition(". Did you mean: ")
        sentence = sentence.rstrip(".") + about_flagfile(error, argv)
        fail(f"{sentence}; did you mean {near[:-2]}?" if near else f"{sentence}.")
    except SystemExit:
        if any(word.lstrip("-").startswith("help") for word in argv[1:]):
            sys.exit(0)
        raise


def tell_number(said: re.Match[str]) -> str:
    """Returns what is wrong with a value that is no number, in the words of lists."""
    name, value, how = said.groups()
    return f"--{name}: {value!r} is not a {'whole ' * ('int' in how)}number"


def about_flagfile(error: flags.Error, argv: list[str]) -> str:
    """Returns what a mistake has to do with a flagfile, and the script's flagfiles."""
    script = pathlib.Path(argv[0])
    own = script.parent / "flagfiles" / script.stem
    known = ", ".join(sorted(path.name for path in own.glob("*.flags")))
    there = f"; {own} has {known}" if known else ""
    if isinstance(error, flags.CantOpenFlagFileError):
        return there
    name = str(getattr(error, "flagname", ""))
    files = [word.partition("=")[2] for word in argv if "-flagfile=" in word]
    for file in files if name else ():
        lines = pathlib.Path(file).read_text().splitlines()
        if name in (line.strip().lstrip("-").partition("=")[0] for line in lines):
            return f" in {file}{there}"
    return ""


def with_flags(error: InputError) -> str:
    """Returns the sentence of the library with the flags of its quantities."""
    words = [
        f"--{FLAGS.get(name, name)}" + ("" if value is None else f"={value}")
        for name, value in error.quantities.items()
    ]
    sentence = str(error)
    return f"{sentence.rstrip('.')} ({', '.join(words)})." if words else sentence


def fail(sentence: str) -> NoReturn:
    """Prints the sentence and ends the program with exit code 2."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


def kept_programs() -> pathlib.Path:
    """Returns the folder of compiled programs in the cache directory."""
    return cache_dir() / "programs"


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
        jax.config.update("jax_compilation_cache_dir", str(kept_programs()))
