"""What students of random teachers learn: values, hidden layers, and other students."""

from collections.abc import Sequence

import numpy as np

from scaletime_jax.arguments import require, require_least
from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.exponents import MIN_POINTS
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.studies.taught_students import (
    KINDS,
    Hidden,
    Options,
    Other,
    Segment,
    Students,
    measure_hidden,
    measure_other,
    measure_segment,
)
from scaletime_jax.theory.piecewise_linear import MOST_DIM
from scaletime_jax.track import Track, quiet

NAME = "student_functions"
TITLE = "Figure 2 of [B21]: a teacher and its students between two examples"
CAPTION = (
    "A teacher and students trained on D of its examples, along the straight line from "
    "one training example to another, which all training sets contain. Below, the "
    "difference of student and teacher. In the figure of other students: losses of the "
    "nearest example's value and of linear interpolation in a Delaunay triangulation, "
    "on the same teachers and training sets, means of logarithms over seeds with one "
    "standard error, and their exponents. In the figure of dimensions: estimates from "
    "ratios of distances to neighbours, for test inputs and for the last hidden layer "
    "of students, over the true number of inputs; in the band the claim holds."
)
WITHIN = 0.85, 1.15  # of k / alpha over d, and of estimate / d
SOURCE = "[B21, App. A.1]"


def check(options: Options) -> None:
    """Requires options that the measurement can follow.

    Raises:
        InputError: a dimension or a number is too small, or a grid is too short.
    """
    require_least("dims", options.dims, 1)
    require_least("segment_dim", options.segment_dim, 1)
    require_least("segment_sizes", options.segment_sizes, 2)
    require_least("hidden_size", options.hidden_size, 2)
    require(
        len(options.other_sizes) >= MIN_POINTS,
        f"other_sizes needs {MIN_POINTS} sizes or more for an exponent, got "
        f"{len(options.other_sizes)}.",
    )
    require_least("other_sizes", options.other_sizes, MOST_DIM + 2)
    require(
        bool((np.diff(options.other_sizes) > 0).all()),
        "other_sizes must be ascending.",
    )
    require(len(options.seeds) >= 2, "seeds must be two or more, for intervals.")


def largest(options: Options) -> int:
    """Returns the largest number of training examples."""
    return max(*options.segment_sizes, options.hidden_size, *options.other_sizes)


def study(options: Options, students: Students, track: Track = quiet) -> Result:
    """Trains students, and measures what they have learned.

    Args:
        options: dimensions, sizes and seeds.
        students: teachers, their examples and students.
        track: shows the progress.

    Raises:
        InputError: an option is impossible.
    """
    check(options)
    segment = measure_segment(options, students, track)
    hidden = [measure_hidden(dim, options, students, track) for dim in options.dims]
    others = [
        measure_other(kind, dim, options, students, track)
        for kind in KINDS
        for dim in options.dims
        if kind != "linear" or dim <= MOST_DIM
    ]
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(hidden, others),
        {
            "segment": _segment_rows(segment),
            "others": [row for each in others for row in _other_rows(each)],
        },
        {
            "segment": {
                "dimension": segment.dimension,
                "sizes": segment.sizes.tolist(),
                "rms_error": segment.errors.tolist(),
            },
            "dimensions": [
                {
                    "dimension": each.dimension,
                    "inputs": each.inputs._asdict(),
                    "hidden_layer": each.hidden._asdict(),
                }
                for each in hidden
            ],
        },
        {"segment": segment, "hidden": hidden, "others": others},
        [],
    )


def make_claims(hidden: Sequence[Hidden], others: Sequence[Other]) -> list[Claim]:
    """Returns the claims on dimensions and on exponents."""
    claims = []
    for each in hidden:
        for what, estimate in (
            ("the inputs", each.inputs),
            ("the last hidden layer", each.hidden),
        ):
            claims.append(
                judge(
                    _share(estimate, each.dimension),
                    WITHIN,
                    source=SOURCE,
                    statement="The dimension measured from distances to neighbours is "
                    "close to the number of inputs.",
                    setting={"of": what, "d": each.dimension},
                    quantity="estimate / d",
                )
            )
    for other in others:
        power = KINDS[other.kind].power
        claims.append(
            judge(
                _share(other.ratio, other.dimension),
                WITHIN,
                source=beyond("[B21, Sec. 2.2.3]", other.kind == "linear"),
                statement=f"The loss of {KINDS[other.kind].words} falls with exponent "
                f"{power} / d.",
                setting={"d": other.dimension},
                quantity=f"{power} / alpha over d",
                note=other.note,
            )
        )
    return claims


def _share(estimate: Estimate, dimension: int) -> Estimate:
    value, interval, freedom = estimate
    if value is None:
        return estimate
    ends = interval and (interval[0] / dimension, interval[1] / dimension)
    return Estimate(value / dimension, ends, freedom)


def _segment_rows(segment: Segment) -> list[dict]:
    made = rows(position=segment.positions, teacher=segment.teacher)
    for size, student in zip(segment.sizes, segment.students, strict=True):
        for row, value in zip(made, student, strict=True):
            row[f"student_{size}"] = float(value)
    return made


def _other_rows(each: Other) -> list[dict]:
    return rows(
        student=each.kind,
        dimension=each.dimension,
        size=each.sizes,
        loss=np.exp(np.log(each.losses).mean(axis=1)),
        fitted=each.used,
    )
