"""The flags of every experiment, and functions that read flags."""

import math
import pathlib
from typing import Any

from absl import flags

from scaletime_jax.arguments import require, require_positive
from scaletime_jax.errors import InputError
from scaletime_jax.sweep.config import MAX_SEED

WORKDIR = flags.DEFINE_string(
    "workdir",
    "results",
    "Folder of all results: runs/ (shared by all experiments), one per experiment.",
)
DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Print the planned work and its cost, and exit."
)

# The values of a single seed.
SEED_RANGE: dict[str, Any] = {"lower_bound": 0, "upper_bound": MAX_SEED}


def workdir() -> pathlib.Path:
    """Returns the folder of all results."""
    if not WORKDIR.value:
        raise InputError("--workdir is empty; name a folder, such as results.")
    return pathlib.Path(WORKDIR.value)


def numbers(flag, kind) -> list:
    """Returns the values of a list flag as numbers; 1e6 counts as a whole number."""
    values = []
    for text in flag.value:
        try:
            value = float(text)
            values.append(kind(value))
            fits = value == values[-1] or math.isnan(value)
        except (ValueError, OverflowError):
            fits = False
        if not fits:
            word = "a whole number" if kind is int else "a number"
            raise InputError(f"--{flag.name}: {text!r} is not {word}.")
    return values


def truths(flag) -> list[bool]:
    """Returns the values of a list flag as true or false."""
    words = {"true": True, "false": False}
    for text in flag.value:
        if text.lower() not in words:
            raise InputError(f"--{flag.name}: {text!r} is neither true nor false.")
    return [words[text.lower()] for text in flag.value]


def positive_numbers(flag, kind) -> list:
    """Returns the values of a list flag as finite numbers above 0, in order."""
    values = sorted(numbers(flag, kind))
    if not values:
        raise InputError(f"--{flag.name} is empty; give at least one number.")
    require_positive(f"--{flag.name}", values)
    return values


def seeds(flag) -> list[int]:
    """Returns the values of a list flag as seeds."""
    values = numbers(flag, int)
    if not values:
        raise InputError(f"--{flag.name} is empty; give at least one seed.")
    fits = all(0 <= value <= MAX_SEED for value in values)
    require(fits, f"--{flag.name} must be whole numbers from 0 to {MAX_SEED}.")
    return values


def check_positive(*holders) -> None:
    """Requires that the values of all set flags are above 0."""
    for flag in holders:
        if flag.value is not None:
            require_positive(f"--{flag.name}", flag.value)
