"""The values of logs: numbers, words, seeds; each valid, or refused with its place."""

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs import fields
from scaletime_jax.runs.clock import UNITS
from scaletime_jax.words import plain

MEASURED = fields.measured()
TEXT = tuple(field.name for field in fields.columns() if field.kind is str)
WHOLE = ("num_params", "train_size", "width", "part", "test_size", "batch_size")
ABOVE_ZERO = ("num_params", "train_size", "learning_rate", "batch_size", "horizon")
SHARES = ("label_noise", "train_accuracy", "test_accuracy")
# Numbers beyond are mistakes, or break the arithmetic of logarithms.
SMALLEST, LARGEST, MOST_WHOLE = 1e-30, 1e30, 2**53


def check_values(logs: pd.DataFrame, given: list[str]) -> None:
    """Turns the columns into numbers; raises InputError at the first invalid value."""
    for name in given:
        if name in TEXT or name == "run":
            _refuse(logs, logs[name].isna(), name, "is empty")
            logs[name] = logs[name].astype(str)
        elif name == "seed":
            logs[name] = _seeds(logs)
        else:
            logs[name] = _numbers(logs, name)
    for name in given:
        if name in ABOVE_ZERO:
            _refuse(logs, logs[name] <= 0, name, "must be above 0")
        elif name in UNITS:
            _refuse(logs, logs[name] < 0, name, "must be 0 or more")
        elif name in SHARES:
            outside = (logs[name] < 0) | (logs[name] > 1)
            _refuse(logs, outside, name, "is not between 0 and 1")
    for name, least in (("test_loss", np.nextafter(0.0, 1.0)), ("train_loss", 0.0)):
        if name in given:
            words = "must be 0 or more" if least == 0 else "must be above 0"
            _refuse(logs, logs[name] < least, name, f"{words}: losses are on log axes")
    positive = (*UNITS, *ABOVE_ZERO, "test_loss", "train_loss")
    for name in (each for each in given if each in positive):
        far = (logs[name] > LARGEST) | ((logs[name] < SMALLEST) & (logs[name] > 0))
        _refuse(
            logs, far, name, f"is not between {plain(SMALLEST)} and {plain(LARGEST)}"
        )


def _numbers(logs: pd.DataFrame, name: str) -> pd.Series:
    """Returns a column as numbers; NaN only where a measurement is missing."""
    column = logs[name]
    if pd.api.types.is_datetime64_any_dtype(column):
        _refuse(logs, column.notna(), name, "is a date, not a number")
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    bad = numbers.isna() & column.notna()
    if bad.any():
        bad[bad] = column[bad].astype(str).str.strip().str.lower() != "nan"
    if name not in MEASURED:
        bad |= ~np.isfinite(numbers)
    _refuse(logs, bad, name, "is not a number")
    if name in MEASURED:
        return numbers.where(np.isfinite(numbers))
    if name in WHOLE:
        _refuse(logs, numbers % 1 != 0, name, "is not a whole number")
        _refuse(logs, numbers > MOST_WHOLE, name, f"is above {MOST_WHOLE:,}")
        return numbers.astype(np.int64)
    return numbers


def _seeds(logs: pd.DataFrame) -> pd.Series:
    """Returns seeds as they are if they are 64-bit integers, else as their ranks."""
    seeds = logs.seed
    _refuse(logs, seeds.isna(), "seed", "is empty")
    if pd.api.types.is_float_dtype(seeds):
        _refuse(logs, seeds % 1 != 0, "seed", "is not a whole number")
        rounded = seeds.abs() >= MOST_WHOLE
        _refuse(logs, rounded, "seed", "is rounded; write it as a whole number")
        return seeds.astype(np.int64)
    if pd.api.types.is_signed_integer_dtype(seeds):
        return seeds.astype(np.int64)
    words = seeds.astype(str).str.strip()
    unique = sorted(words.unique())
    try:
        numbers = {word: int(word) for word in unique}
    except ValueError:
        numbers = {}
    limits = np.iinfo(np.int64)
    if numbers and all(limits.min <= n <= limits.max for n in numbers.values()):
        return words.map(numbers).astype(np.int64)
    return words.map({word: rank for rank, word in enumerate(unique)})


def _refuse(logs: pd.DataFrame, bad: pd.Series, name: str, words: str) -> None:
    if bad.any():
        row = logs.loc[bad.idxmax()]
        raise InputError(f"{row.file}, line {row.line}: {name} {row[name]!s} {words}.")
