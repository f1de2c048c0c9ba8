"""Image classifiers over data and size: exponents of loss and error, and dimension."""

from collections.abc import Mapping, Sequence

import numpy as np

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.exponents import MIN_POINTS
from scaletime_jax.stats.intrinsic_dimension import estimate_dimension
from scaletime_jax.stats.local_exponents import BEND
from scaletime_jax.stats.log_means import log_error, log_mean, seed_exponents
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.studies.scalings import (
    BEST_LOSS,
    OVER_DATA,
    OVER_SIZE,
    Scaling,
    describe_number,
    scale_runs,
)

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
SYMBOLS = {OVER_DATA: "alpha_D", OVER_SIZE: "alpha_P"}
NOUNS = {OVER_DATA: "data", OVER_SIZE: "model size"}
# Of 4 / alpha over the dimension, and of an exponent over that of the best loss.
WITHIN = 0.85, 1.15
ALIKE = 0.8, 1.25
MOST_POINTS = 10_000
PLACES = {"images": "images", "hidden": "last hidden layer"}


# By dataset, and by a key of `PLACES`.
Dimensions = Mapping[str, Mapping[str, Estimate]]


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
