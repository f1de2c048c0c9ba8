"""Errors of laws on larger networks and on longer training than they were fitted to."""

from collections.abc import Sequence

import numpy as np

from scaletime_jax.arguments import require_number
from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import (
    CLAIMED,
    TOWARDS,
    Score,
    Split,
    backtest,
    score,
)
from scaletime_jax.runs.fields import describe
from scaletime_jax.runs.guessing import check_threshold
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.result import Result
from scaletime_jax.track import Track, quiet

NAME = "backtest"
TITLE = "Errors of laws on held-out runs: larger networks, and longer training"
CAPTION = (
    "The mean |log(predicted / true)| of held-out test loss for each law. Orange: "
    "laws in which size and time are one product; blue: other laws. Open: the law "
    "does not reach all held-out runs, and the last measured loss replaces the "
    "missing predictions; a law that reaches no run is not drawn. Bars: 95% "
    "intervals. Dotted: predicting no change. At the right: the share "
    "of held-out runs inside each law's 95% intervals."
)
OVERVIEW = (
    "Each law's mean |log(predicted / true)| of held-out test loss over that of "
    "predicting no change, in each setting; errors left of the dotted line are "
    "smaller. A law that reaches no held-out run is not drawn."
)
LEAST_SOURCES = 2


def study(
    runs: Runs,
    threshold: float | None = None,
    split: Split | None = None,
    track: Track = quiet,
) -> Result:
    """Returns the error of each law on runs that the law was not fitted to.

    Args:
        runs: runs of networks of several sizes.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, and no threshold for logs.
        split: the part of the runs that laws are fitted to; if None half of the sizes,
            and a tenth of the longest run.
        track: shows the progress.

    Raises:
        InputError: no runs are left to predict, or the split is impossible.
    """
    split = split or Split()
    check(split)
    check_threshold(threshold)
    scores = score(backtest(runs.table, split, threshold, track))
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(scores),
        _tables(scores),
        {"scores": [_summarise(each) for each in scores]},
        {"scores": scores},
        _rank(scores),
        overview=OVERVIEW,
    )


def check(split: Split) -> None:
    """Raises InputError if the split is too small to fit a law."""
    require_number("sources", split.sizes, whole=True)
    require_number("source_epochs", split.epochs)
    if split.sizes is not None and split.sizes < LEAST_SOURCES:
        raise InputError(
            f"sources must be {LEAST_SOURCES} or more, got {split.sizes}.",
            sources=LEAST_SOURCES,
        )
    if split.epochs is not None and not 0 < split.epochs < np.inf:
        raise InputError(
            f"source_epochs must be above 0 and finite, got {split.epochs:g}.",
            source_epochs=None,
        )


def make_claims(scores: Sequence[Score]) -> list[Claim]:
    """Returns a claim for each law but scale-time: scale-time predicts better."""
    return [
        judge(
            # what stands in for a law without predictions is not the law
            each.against_claimed if each.reached > 0 else Estimate(None, None),
            (None, 0.0),
            note="" if each.reached > 0 else "the law predicts nothing there",
            source="beyond [BF24, C.5]",
            statement=f"Scale-time predicts {TOWARDS[each.direction]} better than "
            f"{each.predictor}.",
            setting=each.fields,
            quantity=f"log(error of scale-time / of {each.predictor}) on "
            f"{TOWARDS[each.direction]}",
        )
        for each in scores
        if each.predictor != CLAIMED
    ]


def _summarise(each: Score) -> dict:
    return {
        **each.fields,
        **{name: value for name, value in each._asdict().items() if name != "fields"},
        "error": each.error._asdict(),
        "against_claimed": each.against_claimed._asdict(),
    }


def _tables(scores: Sequence[Score]) -> dict[str, list[dict]]:
    """Returns the plotted points of each direction."""
    tables: dict[str, list[dict]] = {}
    for each in scores:
        low, high = each.error.interval or (None, None)
        row = {**_summarise(each), "error": each.error.value, "low": low, "high": high}
        del row["against_claimed"]
        tables.setdefault(each.direction, []).append(row)
    return tables


def _rank(scores: Sequence[Score]) -> list[str]:
    """Returns the laws of each setting and direction in words, best first."""
    groups: dict[tuple[str, str], list[Score]] = {}
    for each in scores:
        groups.setdefault((describe(each.fields), each.direction), []).append(each)
    lines = []
    for (setting, direction), members in groups.items():
        lines.append(f"{setting}, along {direction}:")
        members.sort(key=lambda each: each.error.value or np.inf)
        lines += [f"  {_describe(each)}" for each in members]
    return lines


def _describe(each: Score) -> str:
    value = each.error.value
    error = "not measured" if value is None else f"{value:8.4f}"
    covered = "" if each.covered is None else f", covers {each.covered:.0%}"
    return f"{each.predictor:20}{error}  reaches {each.reached:.0%}{covered}"
