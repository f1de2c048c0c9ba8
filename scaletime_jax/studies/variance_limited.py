"""Finite data and finite width: the loss above its limit falls as a variance."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.exponents import MIN_POINTS
from scaletime_jax.studies.excess_losses import (
    WIDE,
    Excess,
    difference,
    excess_over_data,
    excess_over_width,
)
from scaletime_jax.studies.result import Result, finite, rows

NAME = "variance_limited"
TITLE = "Figure 1 of [B21], variance: losses of networks above their limits"
CAPTION = (
    "Over data: the test loss of networks trained on D examples less the test loss of "
    "the same initialisation trained as long on all N examples: the mean over disjoint "
    "training sets, then over initialisations, with one standard error. D of N "
    "examples count as 1 / (1/D - 1/N) independent examples. Right: the exponents with "
    "95% intervals over initialisations. Over width: the test loss of networks of "
    "width w less that of their own linearisations, trained as long on the same D "
    "examples, or the reverse where networks have less loss. Widths above "
    f"{WIDE} D, the filled marks, are fitted. Right: the exponents between "
    "neighbouring widths, with simultaneous 95% intervals. One colour for each number "
    "of training steps; lines are fits, grey dashes fall with exponent 1; in the band "
    "the claim holds."
)
SOURCE = "[B21, Fig. 1]"
STATEMENTS = {
    "train_size": "Finite data add a variance to the loss, which falls as one over "
    "their number.",
    "width": "Finite width changes the loss of the linearised network by a term that "
    "falls as one over the width.",
}
QUANTITIES = {"train_size": "number of examples", "width": "width"}
WITHIN = {"train_size": (0.9, 1.1), "width": (0.85, 1.15)}
# Parts of all steps after which the networks are compared.
STOPS = (0.25, 0.5, 1.0)


def study(runs: Runs) -> Result:
    """Returns the exponent of the loss above its limit, per setting and step.

    A setting with linearised runs is measured over widths (`excess_over_width`), any
    other over data (`excess_over_data`): the largest train size is N, and its runs give
    the limits.

    An initialisation is left out at a step where its limit has removed less than 5% of
    the loss before training: the network has died, or not left its first plateau. There
    is no exponent at a step where the mean loss above the limit changes sign between
    sizes, or over data is not above 0.

    Args:
        runs: runs of several train sizes, of which the largest is all data, or of
            several widths, linearised and not.

    Raises:
        InputError: a setting has fewer than two train sizes and no linearised runs, or
            its runs lack parts.
    """
    made = list(_measure(runs.table))
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(made),
        {"excess": [row for each in made for row in _points(each)]},
        {"settings": [_summarise(each) for each in made]},
        {"made": made},
        [],
    )


def check_grid(planned: pd.DataFrame) -> None:
    """Refuses, before training, runs from which no exponent can be measured.

    Args:
        planned: the identity of each run, one row each.

    Raises:
        InputError: over data, a setting has too few train sizes below the largest for
            a fit; over widths, too few widths above 4 D, or its runs are all
            linearised.
    """
    for _, mine in _split(planned):
        if not mine.linearised.any():
            number = mine.train_size.nunique() - 1
            if number < MIN_POINTS:
                raise InputError(
                    f"an exponent over data needs {MIN_POINTS} train sizes below the "
                    f"largest, got {number}; add smaller train sizes.",
                    train_size=None,
                )
            continue
        if mine.linearised.all():
            raise InputError(
                "the runs are all linearised; a difference needs linearised false and "
                "true.",
                linearised=None,
            )
        least = WIDE * int(mine.train_size.max())
        number = mine.width[mine.width > least].nunique()
        if number < MIN_POINTS:
            raise InputError(
                f"an exponent over width needs {MIN_POINTS} widths above {least:,}, "
                f"{WIDE} times the number of examples, got {number}; add wider "
                "networks, or choose fewer examples.",
                width=None,
            )


def _split(table: pd.DataFrame) -> Iterator[tuple[dict, pd.DataFrame]]:
    """Yields the runs of each setting."""
    names = [name for name in setting_of(table) if name not in ("part", "linearised")]
    return split_table(table, names)


def _measure(table: pd.DataFrame) -> Iterator[Excess]:
    """Yields the loss above its limit, per setting and step."""
    for fields, mine in _split(table):
        measure = excess_over_width if mine.linearised.any() else excess_over_data
        steps = mine.step.unique()
        for share in STOPS:
            step = int(steps[np.argmin(np.abs(steps - share * steps.max()))])
            yield measure(fields, mine, step)


def make_claims(made: Sequence[Excess]) -> list[Claim]:
    """Returns a claim for each setting and step: the exponent is 1."""
    claims = []
    for each in made:
        exponent = each.regime.law.exponent if not each.note else Estimate(None, None)
        claims.append(
            judge(
                exponent,
                WITHIN[each.over],
                source=SOURCE,
                statement=STATEMENTS[each.over],
                setting={**each.fields, "step": each.step},
                quantity=f"exponent of {difference(each.over)} in the "
                f"{QUANTITIES[each.over]}",
                note=each.note,
            )
        )
    return claims


def _points(each: Excess) -> list[dict]:
    excess = each.excess
    seeds = excess.shape[1]
    error = excess.std(axis=1, ddof=1) / np.sqrt(seeds) if seeds > 1 else None
    return rows(
        **each.fields,
        step=each.step,
        over=each.over,
        size=each.sizes,
        draws=each.draws,
        fitted=each.fitted,
        parts=each.parts,
        excess=excess.mean(axis=1) if seeds else np.nan,
        sem=error,
        limit=each.limits.mean(axis=1) if seeds else np.nan,
    )


def _summarise(each: Excess) -> dict:
    law = each.regime.law
    return {
        **each.fields,
        "step": each.step,
        "over": each.over,
        "train_size": each.whole,
        "initialisations": each.losses.shape[1],
        "left_out": each.left_out,
        "sign": each.sign,
        "diverged_widths": list(each.diverged),
        "exponent": law.exponent._asdict(),
        "regime": each.regime.name,
        "limit_share": finite(each.regime.limit_share),
        "reason": each.note or each.regime.reason,
    }
