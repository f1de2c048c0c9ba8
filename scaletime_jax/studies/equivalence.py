"""Do size and time enter the loss as one product num_params^kappa x epochs?

Scale-time equivalence claims that they do, with kappa = 1/3 [BF24, Eq. 10, App. B].
This study fits kappa, with an interval, and compares the residual of the curves about
one common function with the spread (standard deviation) of seeds. Of runs with one seed
the interval is from leaving out one size at a time, and there is no spread.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.laws.collapse import (
    CLAIMED,
    KAPPAS,
    PairKappas,
    best_kappas,
    collapse_grams,
    keep_whole,
    least_left,
    pair_kappas,
    remaining_error,
)
from scaletime_jax.laws.resampling import resamples_of
from scaletime_jax.laws.threshold_scan import SCANNED, ThresholdScan, scan_thresholds
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import ceiling_of, check_shares, check_threshold
from scaletime_jax.runs.learning_curves import LearningCurves, learning_curves
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, over_seeds
from scaletime_jax.stats.lines import MIN_SIZES
from scaletime_jax.studies.result import Result, finite, rows
from scaletime_jax.track import Track, quiet

NAME = "equivalence"
TITLE = "Exchange of size and time: the exponent at which curves of all sizes coincide"
CAPTION = (
    "First two panels: the mean test loss at the largest train size, darker for "
    "larger networks, with one s.e.m., over epochs and over epochs times "
    "num_params^kappa relative to the smallest network. Losses above the guessing "
    "loss count as the guessing loss. Third panel: kappa with its 95% interval at "
    "each train size. Fourth panel: kappa at shares of the guessing loss removed "
    "or, for logs, at thresholds of the loss; a run that never reached the loss "
    "is censored at its last epoch. Fifth panel: kappa of neighbouring sizes, at "
    "the largest train size, with simultaneous 95% intervals. Grey bands are the "
    "limits of the claim about 1/3, the paper's value."
)
OVERVIEW = (
    "Kappa at each train size with its 95% interval, and the residual of the "
    "collapse, in each setting; one colour for each train size."
)
# Nearer to 1/3 than to 0 (size has no effect) or 2/3.
RESOLUTION = 1 / 6
EXPONENTS = CLAIMED - RESOLUTION, CLAIMED + RESOLUTION  # within the claim
# Up to as much as seeds differ by, one function describes all curves.
MOST_LEFT = 1.0
# Times of a curve for each decade, and for a curve of less than SHORT decades in all:
# shifted curves overlap in whole steps, which must be small against their exponent.
PER_DECADE, SHORT, LEAST_TIMES = 20, 2.0, 80
MIN_SEEDS = 3


class Collapse(NamedTuple):
    """The fit of one common function to the curves of one setting and train size.

    Attributes:
        fields: setting and train_size.
        curves: curves by size.
        kappa: the exponent at which the common function leaves the least share of
            variance unexplained.
        unexplained: that share of variance; None where there is no kappa.
        error: root mean square of the residual of log loss, after subtracting the mean
            square expected by chance; None for fewer than three whole seeds.
        error_in_spreads: error in units of the spread of seeds, the root of the mean
            variance over seeds.
        p_value: probability of a residual at least as large by chance alone.
        pairs: the exponents of neighbouring sizes; None without a whole seed.
        verdict: 'equivalent', 'trade-off, other exponent', 'no collapse', 'undecided'.
        reason: reason for the verdict, in words.
        interval_of: where the interval of kappa comes from; '' where it is from seeds.
    """

    fields: dict
    curves: LearningCurves
    kappa: Estimate
    unexplained: float | None
    error: float | None
    error_in_spreads: Estimate
    p_value: float | None
    pairs: PairKappas | None
    verdict: str
    reason: str
    interval_of: str = ""


def study(
    runs: Runs,
    threshold: float | None = None,
    shares: Sequence[float] = SCANNED,
    track: Track = quiet,
) -> Result:
    """Returns the exponent of size relative to time, per setting and train size.

    Args:
        runs: runs of networks of several sizes; runs may differ in length.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, where known.
        shares: shares of the guessing loss to be removed: the thresholds at which kappa
            is also measured.
        track: shows the progress.

    Raises:
        InputError: no setting has three sizes, or a share is not between 0 and 1.
    """
    check_threshold(threshold)
    made = find_collapses(runs.table, threshold, track)
    scans = scan_thresholds(runs.table, threshold, check_shares(shares), track)
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(made, runs.clock.plural),
        {
            "curves": _curves(made),
            "exponents": exponent_rows(made),
            "thresholds": threshold_rows(scans),
            "pairs": [row for each in made for row in pair_rows(each)],
        },
        {"collapses": [_summarise(each) for each in made]},
        {"made": made, "scans": scans, "time": runs.clock.plural},
        [],
        overview=OVERVIEW,
    )


def _summarise(collapse: Collapse) -> dict:
    entries = collapse._asdict()
    del entries["fields"], entries["curves"], entries["pairs"]
    return {
        **collapse.fields,
        **entries,
        "ceiling": finite(np.exp(collapse.curves.ceiling)),
        "kappa": collapse.kappa._asdict(),
        "error_in_spreads": collapse.error_in_spreads._asdict(),
        "pairs": pair_rows(collapse),
        "sizes": len(collapse.curves.num_params),
        "seeds": collapse.curves.seeds,
    }


def exponent_rows(made: list[Collapse]) -> list[dict]:
    """Returns the exponent of each train size, as plotted, in rows."""
    points = []
    for each in made:
        low, high = each.kappa.interval or (None, None)
        least, most = each.error_in_spreads.interval or (None, None)
        numbers = {
            "kappa": each.kappa.value,
            "low": low,
            "high": high,
            "error_in_spreads": each.error_in_spreads.value,
            "error_in_spreads_low": least,
            "error_in_spreads_high": most,
        }
        entries = _summarise(each)
        del entries["pairs"]
        points.append({**entries, **numbers})
    return points


def pair_rows(each: Collapse) -> list[dict]:
    """Returns the exponents of neighbouring sizes as rows."""
    found = each.pairs
    if found is None:
        return []
    rows = []
    for pair, (size, kappa) in enumerate(
        zip(found.num_params, found.values, strict=True)
    ):
        low, high = (None, None) if found.intervals is None else found.intervals[pair]
        ends = {name: finite(v) for name, v in (("low", low), ("high", high))}
        at = {"num_params": float(size), "kappa": finite(kappa)}
        rows.append({**each.fields, **at, **ends})
    return rows


def threshold_rows(scans: list[ThresholdScan]) -> list[dict]:
    """Returns the exponent at each threshold, as plotted."""
    points = []
    for scan in scans:
        shares = scan.shares or [None] * len(scan.kappa)
        for share, loss, kappa, reached in zip(
            shares, scan.thresholds, scan.kappa, scan.reached, strict=True
        ):
            low, high = kappa.interval or (None, None)
            at = {"share": share, "threshold": float(loss)}
            row = {**scan.fields, **at, "kappa": kappa.value}
            points.append({**row, "low": low, "high": high, "reached": float(reached)})
    return points


def _curves(made: list[Collapse]) -> list[dict]:
    """Returns the plotted curves, of mean log loss."""
    points = []
    for each in made:
        found = each.curves
        for size, mean, sem in zip(
            found.num_params, found.mean, found.sem, strict=True
        ):
            columns = {"epoch": found.epoch, "mean_log_loss": mean, "sem": sem}
            points += rows(**each.fields, num_params=int(size), **columns)
    return points


def find_collapses(
    table: pd.DataFrame, threshold: float | None = None, track: Track = quiet
) -> list[Collapse]:
    """Returns a collapse for each setting and train size in the table.

    Args:
        table: one row per run and evaluation.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, where known. Losses above the threshold are replaced by the
            threshold, because an untrained network's outputs shrink without learning.
        track: shows the progress.

    Raises:
        InputError: no setting has three sizes.
    """
    made: list[Collapse] = []
    cells = [*split_table(table, (*setting_of(table), "train_size"))]
    for fields, runs in track(cells, "settings compared"):
        if runs.num_params.nunique() >= MIN_SIZES:
            ceiling = ceiling_of(runs, threshold)
            curves = learning_curves(runs, _per_decade(runs), ceiling)
            made.append(collapse_curves(curves, fields))
    if not made:
        most = max(runs.num_params.nunique() for _, runs in cells)
        raise InputError(
            f"no setting has more than {most} size{'s' if most > 1 else ''} "
            f"(num_params); an exponent needs {MIN_SIZES}."
        )
    return made


def _per_decade(rows: pd.DataFrame) -> int:
    trained = rows.epoch[rows.epoch > 0]
    decades = float(np.log10(trained.max() / trained.min()))
    return PER_DECADE if decades >= SHORT else round(LEAST_TIMES / max(decades, 0.1))


def collapse_curves(curves: LearningCurves, fields: dict | None = None) -> Collapse:
    """Fits one common function to the curves of one setting and train size."""
    unknown = Estimate(None, None)
    nothing = unknown, None, None, unknown, None, None
    found = Collapse(fields or {}, curves, *nothing, verdict="undecided", reason="")
    whole = keep_whole(curves)
    if whole.seeds == 0:
        return found._replace(reason="every seed diverged, or is missing, at some size")
    found = found._replace(pairs=pair_kappas(whole))
    kappas, left, total = collapse_grams(whole, KAPPAS)
    if len(kappas) < 3:
        return found._replace(reason="learned parts hardly overlap at any exponent")
    if whole.seeds > 1:
        resamples = over_seeds(whole.seeds)
        best = least_left(kappas, left, total, resamples.weights)
    else:
        resamples, best = resamples_of(whole), best_kappas(whole)
    near = int(np.argmin(np.abs(kappas - best[0])))
    kappa = resamples.estimate(best)
    if not _is_inside(best[0], kappas):
        # the end of the search, and not the seeds, determines such an interval
        kappa = Estimate(kappa.value, None)
    found = found._replace(
        kappa=kappa,
        interval_of=resamples.words,
        unexplained=float(left[near].mean() / total[near].mean()),
    )
    if whole.seeds < MIN_SEEDS:
        return found._replace(reason=f"fewer than {MIN_SEEDS} whole seeds")
    left_over = remaining_error(whole, kappas[near])
    found = found._replace(
        error=left_over.error,
        error_in_spreads=left_over.in_spreads,
        p_value=left_over.p_value,
    )
    verdict, reason = _judge(found, kappas)
    return found._replace(verdict=verdict, reason=reason)


def _is_inside(kappa: float, kappas: np.ndarray) -> bool:
    """Whether an exponent is not at an end of the exponents that were searched."""
    return bool(kappas[1] < kappa < kappas[-2])


def _judge(found: Collapse, kappas: np.ndarray) -> tuple[str, str]:
    assert found.kappa.value is not None
    if not _is_inside(found.kappa.value, kappas):
        return "undecided", "the best exponent is at the limit of overlap of the curves"
    if not kappas[0] < CLAIMED < kappas[-1]:
        return "undecided", "at 1/3 the curves hardly overlap"
    exponent, collapse = _claims(found)
    if collapse.verdict == "fails":
        return "no collapse", "the residual is above the spread of seeds"
    if collapse.verdict == "undecided":
        return "undecided", "the residual may be above or below the spread of seeds"
    if exponent.verdict == "fails":
        return "trade-off, other exponent", "the interval lies outside of 1/3 +- 1/6"
    if exponent.verdict == "undecided":
        return "undecided", "the interval of the exponent is too wide to tell"
    return "equivalent", "exponent in 1/3 +- 1/6, residual below the spread of seeds"


def make_claims(made: list[Collapse], time: str = "epochs") -> list[Claim]:
    """Returns two claims for each collapse: of the exponent, and of the residual.

    Args:
        made: the collapses.
        time: the unit of time, in words.
    """
    return [claim for each in made for claim in _claims(each, time)]


def _claims(each: Collapse, time: str = "epochs") -> list[Claim]:
    what = {"source": "[BF24, Sec. 3, App. B]", "setting": each.fields}
    return [
        judge(
            each.kappa,
            EXPONENTS,
            statement="Size^(1/3) and training time enter the loss as one product.",
            quantity=f"exponent of num_params relative to {time}",
            note=each.interval_of or each.reason,
            **what,
        ),
        judge(
            each.error_in_spreads,
            (None, MOST_LEFT),
            statement="All curves are one function of one product of size and time.",
            quantity="residual of curves about one function / spread of seeds",
            note=each.reason,
            **what,
        ),
    ]
