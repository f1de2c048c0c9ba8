"""Claims of papers, with measurements and verdicts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri, stdtr

from scaletime_jax.stats.estimates import CONFIDENCE, Estimate, t_quantile

Limits = tuple[float | None, float | None]  # None for no limit
SIGNIFICANT = 1 - CONFIDENCE


class Claim(NamedTuple):
    """A claim of a paper, the measurement, and whether they agree.

    Attributes:
        source: source of the claim, such as '[BF24, Fig. 2]'; preceded by 'beyond' if
            the paper studied another setting.
        statement: the claim in words.
        setting: columns of the run table with their values, for the measured runs.
        quantity: name of the measured number, with its unit.
        value: the number, None if it could not be measured.
        interval: 95% interval of the value over seeds, or None.
        holds_within: the claim holds for values between these limits.
        verdict: 'holds' if the whole interval is within the limits, 'fails' if it is
            wholly outside, else 'undecided'.
        note: reason for a verdict that does not follow from the interval.
        p_value: the least 1 - confidence of an interval that gives the same verdict as
            the value: below 0.05 if the 95% interval decides; None without an interval.
        corrected: the verdict of `correct`, for all claims of a study together; before
            the correction the same as `verdict`.
        p_corrected: the p-value of `correct`.
    """

    source: str
    statement: str
    setting: dict
    quantity: str
    value: float | None
    interval: tuple[float, float] | None
    holds_within: Limits
    verdict: str
    note: str = ""
    p_value: float | None = None
    corrected: str = ""
    p_corrected: float | None = None


def judge(estimate: Estimate, holds_within: Limits, **what) -> Claim:
    """Returns the claim with its verdict; `what` are the remaining fields."""
    low, high = holds_within
    verdict = "undecided"
    if estimate.interval is not None:
        least = -np.inf if low is None else low
        most = np.inf if high is None else high
        bottom, top = estimate.interval
        if least < bottom and top < most:
            verdict = "holds"
        elif top <= least or bottom >= most:
            verdict = "fails"
    return Claim(
        **what,
        value=estimate.value,
        interval=estimate.interval,
        holds_within=holds_within,
        verdict=verdict,
        p_value=_p_value(estimate, holds_within),
        corrected=verdict,
    )


def _p_value(estimate: Estimate, holds_within: Limits) -> float | None:
    """Returns twice the tail beyond the limit nearest in standard errors."""
    if estimate.interval is None or estimate.value is None:
        return None
    normal = estimate.freedom is None
    reach = ndtri((1 + CONFIDENCE) / 2) if normal else t_quantile(estimate.freedom)
    nearest = np.inf
    for limit in holds_within:
        if limit is not None:
            end = estimate.interval[int(limit > estimate.value)]
            error = abs(end - estimate.value) / reach
            gap = abs(limit - estimate.value)
            nearest = min(nearest, gap / error if error else np.inf)
    if normal:
        return float(2 * ndtr(-nearest))
    return float(2 * stdtr(estimate.freedom, -nearest))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Returns Holm's corrected p-values: 5% bounds the chance of any wrong decision.

    The i-th smallest of m p-values becomes the largest of (m - j + 1) p_j over j <= i,
    at most 1. The correction is valid for dependent claims [Holm 1979].

    Args:
        p_values: [claims].
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(scaled, 1.0)
    return corrected


def correct(claims: Sequence[Claim]) -> list[Claim]:
    """Returns a study's claims with verdicts that allow for their number.

    A claim with a corrected p-value of 0.05 or more is undecided.
    """
    measured = [claim.p_value for claim in claims if claim.p_value is not None]
    found = iter(holm(measured))
    corrected = []
    for claim in claims:
        p = None if claim.p_value is None else float(next(found))
        decided = p is not None and p < SIGNIFICANT
        verdict = claim.verdict if decided else "undecided"
        corrected.append(claim._replace(corrected=verdict, p_corrected=p))
    return corrected


def count_verdicts(claims: Sequence[Claim], corrected: bool = False) -> dict[str, int]:
    """Returns how many claims hold, fail and are undecided."""
    name = "corrected" if corrected else "verdict"
    verdicts = [getattr(claim, name) for claim in claims]
    return {name: verdicts.count(name) for name in ("holds", "fails", "undecided")}


def beyond(source: str, claimed: bool) -> str:
    """Returns the source of a claim, marked if the paper does not make the claim."""
    return source if claimed else f"beyond {source}"
