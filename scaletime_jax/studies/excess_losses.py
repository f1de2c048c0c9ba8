"""Losses above their limits, over the number of examples and over the width."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.stats.exponents import (
    MIN_POINTS,
    Regime,
    classify_regime,
    no_fit,
    variance_sizes,
)
from scaletime_jax.words import count_of

# Least share of the loss before training that an initialisation has removed where it
# is used.
LEARNED = 0.05
# Widths above so many times the number of examples are fitted: narrower networks are
# not near their linearisations.
WIDE = 4


class Excess(NamedTuple):
    """The loss above its limit, of one setting after a number of steps.

    Attributes:
        fields: the setting.
        over: 'train_size' or 'width', of which a size is.
        step: number of training steps.
        whole: number of examples N of the limit, or of all networks over widths.
        sizes: [sizes] D below N, or widths, ascending.
        draws: [sizes] the equivalent number of independent draws.
        fitted: [sizes] whether a size is in the fit.
        losses: [sizes, initialisations] L(D), mean over disjoint training sets; or
            L(w).
        limits: [sizes, initialisations] L(N), or L_lin(w) of the linearised network.
        parts: [sizes] number of training sets.
        left_out: number of initialisations left out.
        diverged: widths left out, at which a run diverged.
        sign: 1, or -1 where networks have less loss than their linearisations.
        regime: regime of the loss, with the fitted exponent.
        note: reason for a missing exponent.
    """

    fields: dict
    over: str
    step: int
    whole: int
    sizes: np.ndarray
    draws: np.ndarray
    fitted: np.ndarray
    losses: np.ndarray
    limits: np.ndarray
    parts: np.ndarray
    left_out: int
    diverged: tuple[int, ...]
    sign: int
    regime: Regime
    note: str

    @property
    def excess(self) -> np.ndarray:
        """[sizes, initialisations] L less its limit, times the sign."""
        return self.sign * (self.losses - self.limits)


def excess_over_data(fields: dict, runs: pd.DataFrame, step: int) -> Excess:
    """Returns L(D) - L(N) of one setting after a number of steps.

    With the gradient of the test loss at the limit, a training set adds a term of the
    first order in its difference from all N examples. The terms of the disjoint sets of
    one size, which together have all N examples, sum to zero; what is left is of the
    second order, the variance. So all parts (`part`) of each size are needed. D of N
    distinct examples count as 1 / (1/D - 1/N) independent draws.

    Args:
        fields: the setting.
        runs: one row per run and evaluation, the evaluation before training included.
        step: a step with an evaluation.

    Raises:
        InputError: there are fewer than two train sizes, several widths, or parts are
            missing.
    """
    pool = int(runs.train_size.max())
    if runs.width.nunique() > 1:
        widths = sorted(runs.width.unique())
        raise InputError(
            f"the runs of {fields['dataset']} mix widths "
            f"{' and '.join(map(str, widths))}; choose one, or train all widths with "
            "linearised false and true.",
            widths=str(widths[0]),
        )
    at = runs[runs.step == step]
    means = _by_seed(at, "train_size").dropna(axis=1)
    start = _by_seed(runs[(runs.step == 0) & (runs.train_size == pool)], "train_size")
    learned = _has_learned(means.loc[pool], start.loc[pool, means.columns])
    used = means.loc[means.index < pool, learned]
    if len(used) == 0:
        raise InputError(
            f"the runs of {fields['dataset']} have one train size, {pool}; a variance "
            "needs smaller training sets beside all data, or several widths with "
            "linearised false and true."
        )
    sizes = used.index.to_numpy(float)
    limits = np.tile(means.loc[pool, learned].to_numpy(float), (len(sizes), 1))
    draws = variance_sizes(sizes, pool)
    found = used.to_numpy(float), limits
    regime, note = _classify(draws, *found, "below all data", "train_size")
    return Excess(
        fields,
        "train_size",
        step,
        pool,
        sizes,
        draws,
        np.ones(len(sizes), bool),
        *found,
        _count_parts(fields, at, sizes, pool),
        int((~learned).sum()),
        (),
        1,
        regime,
        note,
    )


def excess_over_width(fields: dict, runs: pd.DataFrame, step: int) -> Excess:
    """Returns L(w) - L_lin(w) of one setting after a number of steps.

    The limit of a network is its own linearisation, trained from the same
    initialisation on the same examples, so that what both losses share is subtracted
    seed by seed. The difference is of the first order in 1/w and may have either sign;
    the sign of its mean at the widest network is divided out. Widths above `WIDE` times
    the number of examples are fitted. A width at which a run diverged, above the
    catapult's learning rate, is left out.

    Args:
        fields: the setting.
        runs: one row per run and evaluation, linearised and not, the evaluation before
            training included.
        step: a step with an evaluation.

    Raises:
        InputError: there are several train sizes, or no width has both kinds of runs.
    """
    if runs.train_size.nunique() > 1:
        sizes = sorted(runs.train_size.unique())
        raise InputError(
            f"the linearised runs of {fields['dataset']} mix train sizes "
            f"{' and '.join(map(str, sizes))}; choose one.",
            train_sizes=str(sizes[0]),
        )
    diverged = tuple(sorted(map(int, runs[runs.diverged].width.unique())))
    kept = runs[~runs.width.isin(diverged)]
    linear, network = kept[kept.linearised], kept[~kept.linearised]
    at, start = (
        _by_seed(each, "width")
        for each in (network[network.step == step], linear[linear.step == 0])
    )
    limits = _by_seed(linear[linear.step == step], "width")
    seeds = limits.columns.union(at.columns)
    limits, losses = limits.align(at, join="inner")
    paired = limits.notna().all() & losses.notna().all()
    limits, losses = limits.loc[:, paired], losses.loc[:, paired]
    if len(losses) == 0 or losses.shape[1] == 0:
        raise InputError(
            f"the runs of {fields['dataset']} have no width with a network and its "
            "linearisation of one seed; train with linearised false and true"
            f"{', at a lower learning rate' if diverged else ''}."
        )
    learned = _has_learned(limits, start.loc[limits.index, limits.columns]).all(axis=0)
    limits, losses = limits.loc[:, learned], losses.loc[:, learned]
    examples = int(runs.train_size.max())
    widths = losses.index.to_numpy(float)
    wide = widths > WIDE * examples
    found = losses.to_numpy(float), limits.to_numpy(float)
    which = f"above {WIDE} D = {WIDE * examples:,}"
    below = found[0][-1].mean() < found[1][-1].mean() if learned.any() else False
    sign = -1 if below else 1
    limit = found[1][wide]
    above = limit + sign * (found[0][wide] - limit)
    regime, note = _classify(widths[wide], above, limit, which, "width")
    return Excess(
        fields,
        "width",
        step,
        examples,
        widths,
        widths,
        wide,
        *found,
        np.ones(len(widths), int),
        len(seeds) - losses.shape[1],
        diverged,
        sign,
        regime,
        note,
    )


def _by_seed(runs: pd.DataFrame, size: str) -> pd.DataFrame:
    """Returns the mean test loss [sizes, seeds], over parts."""
    losses = runs.astype({"test_loss": float}).groupby([size, "seed"]).test_loss.mean()
    return losses.unstack("seed")


def _has_learned(limits, start):
    """Returns where the limit has removed `LEARNED` of the loss before training."""
    return limits <= (1 - LEARNED) * start


def _count_parts(
    fields: Mapping, at: pd.DataFrame, sizes: np.ndarray, pool: int
) -> np.ndarray:
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
    draws: np.ndarray, losses: np.ndarray, limits: np.ndarray, which: str, over: str
) -> tuple[Regime, str]:
    """Returns the regime of the sizes to fit, and the reason for a missing exponent."""
    note = ""
    if losses.shape[1] == 0:
        note = "no initialisation has learned"
    elif len(draws) < MIN_POINTS:
        found = count_of(len(draws), "size" if over == "train_size" else "width")
        note = f"{found} {which}; a fit needs {MIN_POINTS}"
    if losses.size == 0 or len(draws) == 0:
        return Regime("undecided", no_fit(np.ones(1), note), np.nan, note), note
    regime = classify_regime(draws, losses, limits)
    excess = (losses - limits).mean(axis=1)
    if not note and not np.all(excess > 0):
        below = count_of(int((excess <= 0).sum()), "size")
        rule = "is not above 0" if over == "train_size" else "has the other sign"
        note = f"the mean of {difference(over)} {rule} at {below}"
    return regime, note


def difference(over: str) -> str:
    """Returns the loss less its limit as a formula."""
    return "L(D) - L(N)" if over == "train_size" else "L(w) - L_lin(w)"
