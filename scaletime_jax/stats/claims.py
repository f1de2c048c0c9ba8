"""What a paper says, beside what was measured."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scaletime_jax.stats.estimates import Estimate


class Claim(NamedTuple):
    """What a paper says, what was measured, and whether they agree.

    Attributes:
        source: where it says so, such as '[BF24, Fig. 2]'; 'beyond' before it where the
            paper looked at another setting.
        statement: what it says, in words.
        setting: what was measured on: columns of the run table with their values.
        quantity: what the number is, with its unit.
        value: the number, None where it could not be measured.
        interval: its 95% interval over seeds, or None.
        holds_within: the claim holds for values between these; None has no limit.
        verdict: 'holds' if the whole interval is within them, 'fails' if it is wholly
            outside, else 'undecided'.
        note: why the verdict is another all the same.
    """

    source: str
    statement: str
    setting: dict
    quantity: str
    value: float | None
    interval: tuple[float, float] | None
    holds_within: tuple[float | None, float | None]
    verdict: str
    note: str = ""


def judge(
    estimate: Estimate, holds_within: tuple[float | None, float | None], **what
) -> Claim:
    """Returns the claim with its verdict; `what` are its remaining fields."""
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
    )


def count_verdicts(claims: Sequence[Claim]) -> dict[str, int]:
    """Returns how many claims hold, fail and are undecided."""
    verdicts = [claim.verdict for claim in claims]
    return {name: verdicts.count(name) for name in ("holds", "fails", "undecided")}


def beyond(source: str, claimed: bool) -> str:
    """Returns the source of a claim, marked where the paper does not go that far."""
    return source if claimed else f"beyond {source}"
