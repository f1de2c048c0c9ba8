"""Loss and error of image classifiers over data and over model size, by setting."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import final_over, least_over
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.exponents import MIN_POINTS, select_range
from scaletime_jax.stats.log_means import mean_bend, seed_exponents

OVER_DATA, OVER_SIZE = "train_size", "num_params"
# When a number is read, and which number, the reference first.
BEST_LOSS = ("best", "test_loss")
NUMBERS = (
    BEST_LOSS,
    ("final", "test_loss"),
    ("best", "test_error"),
    ("final", "test_error"),
)
COMMON = 3  # least number of sizes of a difference of exponents


class Scaling(NamedTuple):
    """One number of the runs of a setting over data or over model size.

    Attributes:
        fields: the setting, with the width or the train size that is fixed; the other
            one is None.
        axis: 'train_size' or 'num_params'.
        number: one of `NUMBERS`.
        sizes: [sizes] ascending.
        values: [sizes, seeds] > 0.
        seeds: [seeds].
        used: [sizes] whether the size is in the longest straight range.
        exponent: minus the slope of the mean log value over the straight range; no
            value without one.
        whole: the same over all sizes.
        bend: change of the exponent from the smallest to the largest size.
        inverse: 4 / `exponent`.
    """

    fields: dict
    axis: str
    number: tuple[str, str]
    sizes: np.ndarray
    values: np.ndarray
    seeds: np.ndarray
    used: np.ndarray
    exponent: Estimate
    whole: Estimate
    bend: Estimate
    inverse: Estimate


def check_grid(planned: pd.DataFrame) -> None:
    """Refuses, before training, runs from which no exponent can be measured.

    Args:
        planned: the identity of each run, one row each.

    Raises:
        InputError: a setting has too few train sizes and too few widths for a fit.
    """
    for fields, mine in split_table(planned, setting_of(planned)):
        found = {axis: mine[axis].nunique() for axis in ("train_size", "width")}
        if max(found.values()) < MIN_POINTS:
            raise InputError(
                f"an exponent needs {MIN_POINTS} train sizes or widths; "
                f"{fields['dataset']} has {found['train_size']} and {found['width']}: "
                "add sizes.",
                train_size=None,
                width=None,
            )


def scale_runs(table: pd.DataFrame) -> Iterator[Scaling]:
    """Yields the numbers of each setting over data and over model size.

    Args:
        table: one row per run and evaluation.
    """
    for fields, mine in split_table(table, setting_of(table)):
        for width, runs in split_table(mine, ["width"]):
            yield from _over(OVER_DATA, {**fields, **width, "train_size": None}, runs)
        *_, (largest, runs) = split_table(mine, ["train_size"])
        yield from _over(OVER_SIZE, {**fields, "width": None, **largest}, runs)


def _over(axis: str, fields: dict, runs: pd.DataFrame) -> Iterator[Scaling]:
    """Yields the numbers of runs along an axis, if there are enough sizes."""
    accuracy = runs.get("test_accuracy", np.nan)  # unknown in some logs
    runs = runs.assign(test_error=1 - accuracy)
    for number in NUMBERS:
        when, column = number
        read = final_over if when == "final" else least_over
        found = read(runs, axis, column).dropna(axis=1)
        found = found[(found > 0).all(axis=1)]  # an error of 0 has no logarithm
        if len(found) >= MIN_POINTS and found.shape[1]:
            yield _scale(fields, axis, number, found)


def _scale(
    fields: dict, axis: str, number: tuple[str, str], found: pd.DataFrame
) -> Scaling:
    sizes, values = found.index.to_numpy(float), found.to_numpy()
    used = select_range(sizes, values, mean_bend)
    exponent = inverse = Estimate(None, None)
    if used.any():
        alphas = -seed_exponents(sizes[used], values[used])[None]
        exponent = jackknife(np.mean, alphas)
        inverse = jackknife(lambda alpha: float(4 / np.mean(alpha)), alphas)
    whole = jackknife(np.mean, -seed_exponents(sizes, values)[None])
    bend = mean_bend(sizes, values)
    # of the slope; the exponent is minus the slope
    ends = bend.interval and (-bend.interval[1], -bend.interval[0])
    bend = Estimate(None if bend.value is None else -bend.value, ends, bend.freedom)
    fits = used, exponent, whole, bend, inverse
    seeds = found.columns.to_numpy()
    return Scaling(fields, axis, number, sizes, values, seeds, *fits)


def exponent_change(new: Scaling, base: Scaling) -> Estimate:
    """Returns the exponent less another one, with an interval over pairs of seeds.

    Both exponents are of lines through all sizes that both have, seed by seed. No value
    with fewer than three such sizes, or without a common seed.

    Args:
        new: of the first exponent.
        base: of the exponent that is subtracted, along the same axis.
    """
    sizes = np.intersect1d(base.sizes, new.sizes)
    seeds = np.intersect1d(base.seeds, new.seeds)
    if len(sizes) < COMMON or len(seeds) == 0:
        return Estimate(None, None)
    alphas = [
        -seed_exponents(
            sizes,
            one.values[np.ix_(np.isin(one.sizes, sizes), np.isin(one.seeds, seeds))],
        )[None]
        for one in (new, base)
    ]
    return jackknife(lambda new, old: float(np.mean(new - old)), *alphas)


def describe_number(number: tuple[str, str]) -> str:
    """Returns a number of `NUMBERS` in words, such as 'best test loss'."""
    when, column = number
    return f"{when} {column.replace('_', ' ')}"
