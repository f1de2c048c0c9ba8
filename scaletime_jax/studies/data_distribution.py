"""Fewer classes and noisy inputs: what changes the exponent over data."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.log_means import log_mean
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.studies.scalings import (
    OVER_DATA,
    Scaling,
    describe_number,
    exponent_change,
    scale_runs,
)

NAME = "data_distribution"
TITLE = (
    "Figure 5 of [B21]: exponents over data with fewer classes and with noisy inputs"
)
CAPTION = (
    "A row for superclasses and a row for noise, where runs have them; one colour for "
    "each number of classes or strength of noise. Left: the best test loss along "
    "training (circles) and the best test error (squares), means of the logarithm over "
    "seeds with one standard error; lines are fitted to all sizes. Right: the exponent "
    "less the exponent of the unaltered data, paired by seed, with 95% intervals, "
    "circles for the loss and squares for the error; the claim holds in the band."
)
SOURCE = "[B21, Fig. 5]"
CLASSES, NOISE = "classes", "noise"
UNCHANGED = 0.05  # largest change of an exponent that counts as none
STATEMENTS = {
    CLASSES: "Grouping classes into superclasses leaves the exponent over data as it "
    "is.",
    NOISE: "Noise on the inputs lowers the exponent over data.",
}
WITHIN = {CLASSES: (-UNCHANGED, UNCHANGED), NOISE: (None, 0.0)}


class Altered(NamedTuple):
    """One number of one altered dataset, beside the unaltered one.

    Attributes:
        fields: the setting, the dataset by the name of the unaltered one.
        kind: 'classes' or 'noise'.
        level: number of classes, or strength of the noise; for the unaltered data None
            and 0.
        scaling: of the altered runs.
        change: exponent less that of the unaltered data, over the sizes and seeds that
            both have; 0 for the unaltered data.
    """

    fields: dict
    kind: str
    level: float | None
    scaling: Scaling
    change: Estimate


def study(runs: Runs) -> Result:
    """Returns the change of the exponent over data by superclasses and by noise.

    Runs on 'NAME-classes5' and 'NAME-noise0.5' are compared with runs on 'NAME' of the
    same network. A seed draws the same examples and weights for all of them, so the
    exponents are subtracted seed by seed. All sizes are fitted, by straight lines of
    the mean log value over the log size.

    Args:
        runs: on a dataset and on altered ones, of four train sizes or more.

    Raises:
        InputError: no altered dataset has runs on the unaltered one beside it.
    """
    made = list(_compare(list(scale_runs(runs.table))))
    if not made:
        raise InputError(
            "no runs on a dataset and on the same with superclasses or noise; train "
            "both, four train sizes of each.",
            superclasses=None,
            input_noise="0,0.5",
        )
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(made),
        {"points": [row for each in made for row in _points(each)]},
        {"altered": [_summarise(each) for each in made]},
        {"made": made},
        [],
    )


def parse_name(name: str) -> tuple[str, str, float] | None:
    """Returns the unaltered dataset, the kind and the level of an altered one.

    None for a dataset that is not altered, or in two ways.
    """
    found = re.fullmatch(r"(.+?)-(classes|noise)([\d.e+-]+)", name)
    return None if found is None else (found[1], found[2], float(found[3]))


def _compare(scalings: Sequence[Scaling]) -> Iterator[Altered]:
    best = [s for s in scalings if s.axis == OVER_DATA and s.number[0] == "best"]
    for base in best:
        named = ((each, parse_name(str(each.fields["dataset"]))) for each in best)
        mine = [(each, found) for each, found in named if found and _pairs(base, each)]
        for kind in (CLASSES, NOISE):
            levels = [(found[2], each) for each, found in mine if found[1] == kind]
            if levels:
                start = None if kind == CLASSES else 0.0
                yield Altered(base.fields, kind, start, base, Estimate(0.0, None))
            for level, each in sorted(levels, key=lambda pair: pair[0]):
                yield Altered(
                    base.fields, kind, level, each, exponent_change(each, base)
                )


def _pairs(base: Scaling, each: Scaling) -> bool:
    """Whether a scaling is of the same network and number, on altered data."""
    name = parse_name(str(each.fields["dataset"]))
    if name is None or each.number != base.number:
        return False
    return {**each.fields, "dataset": name[0]} == base.fields


def make_claims(made: Sequence[Altered]) -> list[Claim]:
    """Returns a claim for each altered dataset and each number."""
    return [
        judge(
            each.change,
            WITHIN[each.kind],
            source=SOURCE,
            statement=STATEMENTS[each.kind],
            setting={**each.fields, each.kind: each.level, "number": _words(each)},
            quantity=f"change of alpha_D by {each.kind}",
        )
        for each in made
        if each.level
    ]


def _words(each: Altered) -> str:
    return describe_number(each.scaling.number)


def _points(each: Altered) -> list[dict]:
    values = each.scaling.values
    return rows(
        **each.fields,
        kind=each.kind,
        level=each.level,
        number=_words(each),
        size=each.scaling.sizes,
        log_mean=np.exp(log_mean(values)),
    )


def _summarise(each: Altered) -> dict:
    return {
        **each.fields,
        "kind": each.kind,
        "level": each.level,
        "number": _words(each),
        "seeds": len(each.scaling.seeds),
        "exponent": each.scaling.whole._asdict(),
        "change": each.change._asdict(),
    }
