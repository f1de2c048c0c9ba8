"""Narrow networks on much data: the loss above its limit falls as a variance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.exponents import (
    MIN_POINTS,
    Regime,
    classify_regime,
    no_fit,
    variance_sizes,
)
from scaletime_jax.studies.result import Result, finite, rows
from scaletime_jax.words import count_of

NAME = "variance_limited"
TITLE = "Figure 1 of [B21], variance: the loss of narrow networks above its limit"
CAPTION = (
    "The test loss of networks trained on D examples less the test loss of the same "
    "initialisation trained as long on all N examples: the mean over disjoint training "
    "sets, then over initialisations, with one standard error. D of N examples count "
    "as 1 / (1/D - 1/N) independent examples. One colour for each number of training "
    "steps; lines are fits, grey dashes fall with exponent 1. Right: the exponents "
    "with 95% intervals over initialisations; in the band the claim holds."
)
SOURCE = "[B21, Fig. 1]"
STATEMENT = (
    "Finite data add a variance to the loss, which falls as one over their number."
)
WITHIN = 0.9, 1.1
# Least share of the loss before training that an initialisation has removed where it
# is used.
LEARNED = 0.05
# Parts of all steps after which the networks are compared.
STOPS = (0.25, 0.5, 1.0)


class Excess(NamedTuple):
    """The loss above its limit, of one setting after a number of steps.

    Attributes:
        fields: the setting.
        step: number of training steps.
        pool: N.
        sizes: [sizes] D, ascending, below N.
        losses: [sizes, initialisations] mean over disjoint training sets of L(D).
        limits: [initialisations] L(N).
        parts: [sizes] number of disjoint training sets.
        left_out: number of initialisations left out.
        regime: regime of the loss, with the fitted exponent.
        note: reason for a missing exponent.
    """

    fields: dict
    step: int
    pool: int
    sizes: np.ndarray
    losses: np.ndarray
    limits: np.ndarray
    parts: np.ndarray
    left_out: int
    regime: Regime
    note: str

    @property
    def excess(self) -> np.ndarray:
        """[sizes, initialisations] L(D) - L(N)."""
        return self.losses - self.limits


def study(runs: Runs) -> Result:
    """Returns the exponent of the loss above its limit, per setting and step.

    The largest train size of a setting is N, and its runs give the limits. With the
    gradient of the test loss at the limit, a training set adds a term of the first
    order in its difference from all N examples. The terms of the disjoint sets of one
    size, which together have all N examples, sum to zero; what is left is of the second
    order, the variance. So the exponents need all parts (`part`) of each size.

    An initialisation is left out at a step where it has removed less than 5% of its
    loss before training when trained on all N examples: it has died, or not left its
    first plateau. There is no exponent at a step where the mean of L(D) - L(N) is not
    above 0 at all sizes.

    Args:
        runs: runs of several train sizes, of which the largest is all data.

    Raises:
        InputError: a setting has fewer than two train sizes, or its runs lack parts.
    """
    made = []
    names = [name for name in setting_of(runs.table) if name != "part"]
    for fields, mine in split_table(runs.table, names):
        steps = mine.step.unique()
        for share in STOPS:
            step = int(steps[np.argmin(np.abs(steps - share * steps.max()))])
            made.append(measure_excess(fields, mine, step))
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


def measure_excess(fields: dict, runs: pd.DataFrame, step: int) -> Excess:
    """Returns the loss above its limit of one setting after a number of steps.

    Args:
        fields: the setting.
        runs: one row per run and evaluation, the evaluation before training included.
        step: a step with an evaluation.

    Raises:
        InputError: there are fewer than two train sizes, or parts are missing.
    """
    pool = int(runs.train_size.max())
    runs = runs.astype({"test_loss": float}).sort_values(["seed", "train_size", "part"])
    at = runs[runs.step == step]
    means = (
        at.groupby(["train_size", "seed"])
        .test_loss.mean()
        .unstack("seed")
        .dropna(axis=1)
    )
    limits = means.loc[pool].to_numpy(float)
    start = (
        runs[(runs.step == 0) & (runs.train_size == pool)].set_index("seed").test_loss
    )
    learned = limits <= (1 - LEARNED) * start[means.columns].to_numpy(float)
    used = means.loc[means.index < pool, means.columns[learned]]
    if len(used) == 0:
        raise InputError(
            f"the runs of {fields['dataset']} have one train size, {pool}; a variance "
            "needs smaller training sets beside all data."
        )
    sizes = used.index.to_numpy(float)
    parts = _parts(fields, at, sizes, pool)
    found = sizes, used.to_numpy(float), limits[learned]
    regime, note = _classify(*found, pool)
    left_out = int((~learned).sum())
    return Excess(fields, step, pool, *found, parts, left_out, regime, note)


def _parts(fields: dict, at: pd.DataFrame, sizes: np.ndarray, pool: int) -> np.ndarray:
    """Returns the number of parts of each size; raises InputError if parts miss."""
    counts = at.groupby(["train_size", "seed"]).size().unstack("seed")
    for size in sizes:
        have, whole = int(counts.loc[size].min()), int(pool // size)
        if have < whole:
            raise InputError(
                f"the runs of {fields['dataset']} have {have} of {whole} disjoint "
                f"training sets of {size:,.0f} examples; train parts 0 to {whole - 1}.",
                parts=None,
            )
    return np.array([int(counts.loc[size].min()) for size in sizes])


def _classify(
    sizes: np.ndarray, losses: np.ndarray, limits: np.ndarray, pool: int
) -> tuple[Regime, str]:
    if losses.shape[1] == 0:
        note = "no initialisation has learned"
        return Regime("undecided", no_fit(sizes, note), np.nan, note), note
    regime = classify_regime(variance_sizes(sizes, pool), losses, limits)
    if len(sizes) < MIN_POINTS:
        which = count_of(len(sizes), "size")
        return regime, f"{which} below all data; a fit needs {MIN_POINTS}"
    excess = (losses - limits).mean(axis=1)
    if not np.all(excess > 0):
        below = count_of(int((excess <= 0).sum()), "size")
        return regime, f"the mean of L(D) - L(N) is not above 0 at {below}"
    return regime, ""


def make_claims(made: Sequence[Excess]) -> list[Claim]:
    """Returns a claim for each setting and step: the exponent is 1."""
    claims = []
    for each in made:
        exponent = each.regime.law.exponent if not each.note else Estimate(None, None)
        claims.append(
            judge(
                exponent,
                WITHIN,
                source=SOURCE,
                statement=STATEMENT,
                setting={**each.fields, "step": each.step},
                quantity="exponent of L(D) - L(N) in the number of examples",
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
        train_size=each.sizes,
        independent=variance_sizes(each.sizes, each.pool),
        parts=each.parts,
        excess=excess.mean(axis=1) if seeds else np.nan,
        sem=error,
        limit=finite(each.limits.mean()) if seeds else None,
    )


def _summarise(each: Excess) -> dict:
    law = each.regime.law
    return {
        **each.fields,
        "step": each.step,
        "pool": each.pool,
        "initialisations": each.losses.shape[1],
        "left_out": each.left_out,
        "exponent": law.exponent._asdict(),
        "regime": each.regime.name,
        "reason": each.note or each.regime.reason,
    }
