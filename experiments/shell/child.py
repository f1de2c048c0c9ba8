"""Runs another script as a separate process and prints its progress."""

import os
import pathlib
import signal
import subprocess
import sys
from typing import NoReturn

from tqdm import tqdm

from scaletime_jax.errors import InputError

ROOT = pathlib.Path(__file__).parents[2]
RUNNING: set[subprocess.Popen] = set()


def call(script: str, *arguments: str) -> None:
    """Runs a script from the repository's root and prints its progress.

    Raises:
        InputError: the script failed.
    """
    command = [sys.executable, f"experiments/{script}.py", *arguments]
    last, ended = "no reason given", False
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        RUNNING.add(child)
        for line in child.stdout or ():
            last = line.strip() or last
            ended |= line == "\n"  # notes and claims follow, which stand on the page
            if not ended or line.startswith("Wrote"):
                say(f"{script}: {last}")
    RUNNING.discard(child)
    if child.returncode:
        raise InputError(f"{' '.join(command[1:])} failed: {last}")


def from_root(path: pathlib.Path) -> str:
    """Returns the path for scripts that run in the repository's root."""
    path = path.resolve()
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def end_together() -> None:
    """Makes SIGTERM and SIGINT end the running scripts with this process."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, _) -> NoReturn:
    for child in [*RUNNING]:
        child.terminate()
    os._exit(128 + number)


def say(sentence: str) -> None:
    """Prints a line at once, above a progress bar if there is one."""
    tqdm.write(sentence)
    sys.stdout.flush()
