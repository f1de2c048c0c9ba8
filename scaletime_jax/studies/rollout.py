"""How far can laws be trusted? Each rung of size and time predicted from those below.

The law that predicts the lower rungs best is chosen before the top rung is looked at.
Its error there is what one would have had to expect before the top rung was run.
"""

from collections.abc import Sequence

import numpy as np

from scaletime_jax.laws.backtest import TOWARDS
from scaletime_jax.laws.predictors import Predictor
from scaletime_jax.laws.rollout import LAWS, Chosen, Rung, choose, roll_out
from scaletime_jax.runs.clock import Clock
from scaletime_jax.runs.fields import describe
from scaletime_jax.runs.guessing import check_threshold
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.studies.result import Result, finite
from scaletime_jax.track import Track, quiet
from scaletime_jax.words import short

NAME = "rollout"
TITLE = "Errors of laws by distance: each rung predicted from all rungs below it"
CAPTION = (
    "The mean |log(predicted / true)| of the test loss against the factor by which a "
    "rung is larger, or longer, than all that the law was fitted to: medians over the "
    "rungs from which was predicted. Thick: the law that predicts the rungs below the "
    "top one best; the star is its error on the top rung. Dotted: the last measured "
    "loss (no change). Orange: laws in which size and time are one product; blue: "
    "other laws."
)
OVERVIEW = (
    "Errors on the top rung of each setting, predicted from all rungs below: of the "
    "law that predicts the lower rungs best (dots), and of the last measured loss "
    "(open squares)."
)


def study(
    runs: Runs,
    threshold: float | None = None,
    laws: Sequence[Predictor] = LAWS,
    track: Track = quiet,
) -> Result:
    """Returns the errors of all laws by distance, and of the law that they choose.

    Args:
        runs: runs of networks of several sizes.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, and no threshold for logs.
        laws: the laws that are fitted.
        track: shows the progress.

    Raises:
        InputError: no setting has three sizes, or times over a factor of 8.
    """
    check_threshold(threshold)
    rungs = roll_out(runs.table, threshold, laws, track)
    chosen = choose(rungs)
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(chosen),
        {"rungs": [_row(rung) for rung in rungs]},
        {"chosen": [_summarise(each) for each in chosen]},
        {"rungs": rungs, "chosen": chosen},
        [_describe(each, runs.clock) for each in chosen],
        overview=OVERVIEW,
    )


def make_claims(chosen: Sequence[Chosen]) -> list[Claim]:
    """Returns a claim for each chosen law: it predicts better than no change."""
    return [
        judge(
            each.against_unchanged,
            (None, 0.0),
            source="beyond [BF24, C.5]",
            statement="The law that predicts the lower rungs best predicts the top "
            "rung better than no change.",
            setting=each.law.fields,
            quantity="log(error of the chosen law / of no change) on "
            f"{TOWARDS[each.law.direction]}",
            note=each.law.resamples.words,
        )
        for each in chosen
    ]


def _row(rung: Rung) -> dict:
    low, high = rung.error.interval or (None, None)
    return {
        **rung.fields,
        "direction": rung.direction,
        "predictor": rung.predictor,
        "source": rung.source,
        "target": rung.target,
        "distance": rung.distance,
        "error": finite(rung.errors[0]),
        "low": low,
        "high": high,
        "reached": rung.reached,
        "covered": rung.covered,
    }


def _summarise(each: Chosen) -> dict:
    """Returns a choice; rows are in the table."""
    law = each.law
    return {
        **law.fields,
        "direction": law.direction,
        "law": law.predictor,
        "source": law.source,
        "target": law.target,
        "distance": law.distance,
        "error_on_lower_rungs": each.below,
        "error": law.error._asdict(),
        "error_of_no_change": each.unchanged.error._asdict(),
        "best_in_hindsight": each.hindsight.predictor,
        "error_of_best_in_hindsight": finite(each.hindsight.errors[0]),
        "covered": law.covered,
    }


def _describe(each: Chosen, clock: Clock) -> str:
    """Returns a choice in one sentence."""
    law = each.law
    unit = "parameters" if law.direction == "num_params" else clock.plural
    where = describe(law.fields)
    covered = (
        "" if law.covered is None else f", {law.covered:.0%} of runs in its intervals"
    )
    best = (
        ""
        if each.hindsight.predictor == law.predictor
        else f"; the best in hindsight is {each.hindsight.predictor} "
        f"({each.hindsight.errors[0]:.3g})"
    )
    return (
        f"{where + ': ' if where else ''}{law.predictor}, chosen on the lower rungs, "
        f"predicts {short(law.target)} {unit} from up to {short(law.source)} with an "
        f"error of {law.errors[0]:.3g} (no change: {each.unchanged.errors[0]:.3g})"
        f"{covered}{best}."
    )


def at_distances(
    rungs: Sequence[Rung],
) -> tuple[np.ndarray, np.ndarray]:
    """Returns distances and median errors of one law, in bins of a factor of 2.

    Args:
        rungs: of one law, setting and direction.
    """
    known = [rung for rung in rungs if rung.reached > 0 and np.isfinite(rung.errors[0])]
    bins: dict[int, list[Rung]] = {}
    for rung in known:
        bins.setdefault(round(np.log2(rung.distance)), []).append(rung)
    order = sorted(bins)
    distances = [np.exp(np.mean(np.log([r.distance for r in bins[b]]))) for b in order]
    errors = [np.median([rung.errors[0] for rung in bins[b]]) for b in order]
    return np.array(distances), np.array(errors)
