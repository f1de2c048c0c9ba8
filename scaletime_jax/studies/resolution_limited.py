"""Image classifiers over data and size: exponents of loss and error, and dimension."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import final_over, least_over
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.exponents import MIN_POINTS, select_range
from scaletime_jax.stats.intrinsic_dimension import estimate_dimension
from scaletime_jax.stats.local_exponents import BEND
from scaletime_jax.stats.log_means import log_error, log_mean, mean_bend, seed_exponents
from scaletime_jax.studies.result import Result, rows

NAME = "resolution_limited"
TITLE = "Figures 1, 2, S1 and S3 of [B21]: image classifiers over data and size"
CAPTION = (
    "A row over data and a row over model size, where runs have them; one colour for "
    "each setting. Left: the best test loss along training (circles) and the best test "
    "error (squares), means of the logarithm over seeds with one standard error. "
    "Filled points are fitted, by the line: the longest straight range. Middle: "
    "exponents over all sizes of four numbers, with 95% intervals over seeds. Right: "
    "four over the exponent of the best test loss against the dimension of the images "
    "(filled) and of the last hidden layer (open), both measured on test images; equal "
    "numbers are on the line, and in the band the claim holds."
)
OVER_DATA, OVER_SIZE = "train_size", "num_params"
SYMBOLS = {OVER_DATA: "alpha_D", OVER_SIZE: "alpha_P"}
NOUNS = {OVER_DATA: "data", OVER_SIZE: "model size"}
# When a number is read, and which number, the reference first.
BEST_LOSS = ("best", "test_loss")
NUMBERS = (
    BEST_LOSS,
    ("final", "test_loss"),
    ("best", "test_error"),
    ("final", "test_error"),
)
# Of 4 / alpha over the dimension, and of an exponent over that of the best loss.
WITHIN = 0.85, 1.15
ALIKE = 0.8, 1.25
MOST_POINTS = 10_000
PLACES = {"images": "images", "hidden": "last hidden layer"}


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


# By dataset, and by a key of `PLACES`.
Dimensions = Mapping[str, Mapping[str, Estimate]]


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


def study(runs: Runs, dimensions: Dimensions | None = None) -> Result:
    """Returns the exponents of loss and error, beside measured dimensions.

    Over data each width with four train sizes or more is measured, and over model size
    the largest train size, if it has four widths or more. A seed is used if all sizes
    have it.

    Args:
        runs: runs of several train sizes or widths.
        dimensions: of images and last hidden layers, by dataset; None if not measured.

    Raises:
        InputError: no setting has four sizes with a common seed.
    """
    dimensions = dimensions or {}
    made = list(scale_runs(runs.table))
    if not made:
        raise InputError(
            f"no setting has {MIN_POINTS} train sizes or widths with a common seed; "
            "add runs.",
            train_size=None,
            width=None,
        )
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(made, dimensions),
        {
            "points": [row for each in made for row in _points(each)],
            "dimensions": _dimension_rows(dimensions),
        },
        {"scalings": [_summarise(each) for each in made]},
        {"made": made, "dimensions": {k: dict(v) for k, v in dimensions.items()}},
        [],
    )


def measure_dimension(points: np.ndarray) -> Estimate:
    """Returns the dimension of the manifold of points, with its interval.

    The estimate is the mean over neighbours of `stats.intrinsic_dimension`, for the
    first 10,000 points that differ from each other.

    Args:
        points: [n, ...] numbers.
    """
    flat = np.asarray(points, float).reshape(len(points), -1)
    _, first = np.unique(flat, axis=0, return_index=True)
    return estimate_dimension(flat[np.sort(first)[:MOST_POINTS]]).ratio


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


def make_claims(made: Sequence[Scaling], dimensions: Dimensions) -> list[Claim]:
    """Returns claims on straightness, on likeness of the numbers, and on dimension."""
    losses = [each for each in made if each.number == BEST_LOSS]
    claims = [
        judge(
            each.bend,
            (-BEND, BEND),
            source="[B21, Fig. 1, S3]",
            statement=f"The loss over {NOUNS[each.axis]} is one power law.",
            setting=each.fields,
            quantity="change of the exponent of the best test loss from end to end",
        )
        for each in losses
    ]
    for loss in losses:
        same = (o for o in made if (o.fields, o.axis) == (loss.fields, loss.axis))
        claims += [_alike(loss, other) for other in same if other is not loss]
    for each in losses:
        for place, found in dimensions.get(each.fields["dataset"], {}).items():
            claims.append(_of_dimension(each, place, found))
    return claims


def _alike(loss: Scaling, other: Scaling) -> Claim:
    """Returns the claim that two numbers fall with one exponent."""
    sizes = np.intersect1d(loss.sizes, other.sizes)
    slopes = [
        seed_exponents(sizes, each.values[np.isin(each.sizes, sizes)])[None]
        for each in (other, loss)
    ]
    ratio = Estimate(None, None)
    if len({each.shape for each in slopes}) == 1:
        ratio = jackknife(lambda one, two: float(one.mean() / two.mean()), *slopes)
    return judge(
        ratio,
        ALIKE,
        source="[B21, Fig. S1]",
        statement=f"Loss and error, best and final, fall with one exponent over "
        f"{NOUNS[loss.axis]}.",
        setting={**loss.fields, "number": describe_number(other.number)},
        quantity="exponent over that of the best test loss",
    )


def _of_dimension(each: Scaling, place: str, found: Estimate) -> Claim:
    value, interval, freedom = each.inverse
    dimension = found.value
    share, note = Estimate(None, None), "no straight range of sizes"
    if value is not None and dimension is not None:
        ends = interval and (interval[0] / dimension, interval[1] / dimension)
        share = Estimate(value / dimension, ends, freedom)
        note = f"the dimension is {dimension:.3g}"
        if found.interval is not None:
            note += f" [{found.interval[0]:.3g}, {found.interval[1]:.3g}]"
    symbol = SYMBOLS[each.axis]
    return judge(
        share,
        WITHIN,
        source="[B21, Fig. 2]",
        statement=f"Four over the exponent over {NOUNS[each.axis]} is the dimension of "
        f"the {PLACES[place]}.",
        setting=each.fields,
        quantity=f"4 / {symbol} over the dimension",
        note=note,
    )


def describe_number(number: tuple[str, str]) -> str:
    """Returns a number of `NUMBERS` in words, such as 'best test loss'."""
    when, column = number
    return f"{when} {column.replace('_', ' ')}"


def _points(each: Scaling) -> list[dict]:
    return rows(
        **each.fields,
        axis=each.axis,
        number=describe_number(each.number),
        size=each.sizes,
        log_mean=np.exp(log_mean(each.values)),
        sem_of_log=log_error(each.values),
        fitted=each.used,
    )


def _dimension_rows(dimensions: Dimensions) -> list[dict]:
    return [
        {
            "dataset": dataset,
            "place": place,
            "dimension": found.value,
            "low": None if found.interval is None else found.interval[0],
            "high": None if found.interval is None else found.interval[1],
        }
        for dataset, places in dimensions.items()
        for place, found in places.items()
    ]


def _summarise(each: Scaling) -> dict:
    return {
        **each.fields,
        "axis": each.axis,
        "number": describe_number(each.number),
        "seeds": each.values.shape[1],
        "fitted": each.sizes[each.used].tolist(),
        "not_fitted": each.sizes[~each.used].tolist(),
        "exponent": each.exponent._asdict(),
        "exponent_over_all_sizes": each.whole._asdict(),
        "bend": each.bend._asdict(),
        "four_over_exponent": each.inverse._asdict(),
    }
