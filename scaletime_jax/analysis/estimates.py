"""A number with its interval over seeds, and what it says of a claim."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A statistic of runs.

    Attributes:
        value: None where the runs do not determine it.
        interval: its 95% interval over seeds; None for fewer than two of them.
    """

    value: float | None
    interval: tuple[float, float] | None


def jackknife(statistic: Callable[..., float], *values: np.ndarray) -> Estimate:
    """Returns a statistic of seeds with its interval.

    Leaving out one seed at a time gives the standard error

        se^2 = (n - 1) / n sum_i (statistic_i - mean of them)^2

    and Student's t with n - 1 degrees of freedom the interval. For as few as five
    seeds it covers what it says, where a percentile bootstrap covers some 85%.

    Args:
        statistic: of arrays like `values` with some of their seeds; smooth in them.
        *values: [..., seeds], the same seeds in all; a seed with a value that is not
            finite is left out.
    """
    finite = [np.isfinite(v).all(axis=tuple(range(v.ndim - 1))) for v in values]
    kept = [v[..., np.all(finite, axis=0)] for v in values]
    seeds = kept[0].shape[-1]
    value = float(statistic(*kept)) if seeds else float("nan")
    if not np.isfinite(value):
        return Estimate(None, None)
    if seeds < 2:
        return Estimate(value, None)
    without = np.array(
        [statistic(*(np.delete(v, i, axis=-1) for v in kept)) for i in range(seeds)]
    )
    error = np.sqrt((seeds - 1) * np.var(without))
    if not np.isfinite(error):  # one seed decides whether there is a value at all
        return Estimate(value, None)
    reach = float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2) * error)
    return Estimate(value, (value - reach, value + reach))


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


def describe_estimate(estimate: Estimate | Claim) -> str:
    """Returns value and interval in words."""
    if estimate.value is None:
        return "not measured"
    words = f"{estimate.value:+.3g}"
    if estimate.interval is not None:
        words += f" [{estimate.interval[0]:+.3g}, {estimate.interval[1]:+.3g}]"
    return words


def count_verdicts(claims: Sequence[Claim]) -> dict[str, int]:
    """Returns how many claims hold, fail and are undecided."""
    verdicts = [claim.verdict for claim in claims]
    return {name: verdicts.count(name) for name in ("holds", "fails", "undecided")}


def upturn(values: np.ndarray) -> Estimate:
    """Returns how far the end of a curve stands above its lowest earlier point.

    Above 0 for a curve that rises at its end, below for one that falls to it. The
    lowest point is chosen by the other seeds, so that the least of several noisy
    values is not taken for a dip: of noise alone the expected height is 0, and with
    five seeds the interval leaves 0 out on either side in 4 to 6% of cases.

    Args:
        values: [points, seeds] along the curve; two points or more, two seeds.
    """
    return _height(values, [-1], slice(0, -1))


def u_depth(values: np.ndarray) -> Estimate:
    """Returns how far the lower end of a curve stands above its lowest inner point.

    The depth of a U: above 0 for a curve that falls and rises again, below for one that
    only does either. Lower end and lowest point are chosen as in `upturn`.

    Args:
        values: [points, seeds] along the curve; three points or more, two seeds.
    """
    return _height(values, [0, -1], slice(1, -1))


def _height(values: np.ndarray, ends: list[int], valley: slice) -> Estimate:
    values = values[:, np.isfinite(values).all(axis=0)]
    seeds = values.shape[1]
    if seeds < 2 or len(values[valley]) == 0:
        return Estimate(None, None)
    others = values.sum(axis=1, keepdims=True) - values
    each = np.arange(seeds)
    lowest = values[valley][np.argmin(others[valley], axis=0), each]
    end = values[ends][np.argmin(others[ends], axis=0), each]
    return jackknife(np.mean, (end - lowest)[None])


def beyond(source: str, claimed: bool) -> str:
    """Returns the source of a claim, marked where the paper does not go that far."""
    return source if claimed else f"beyond {source}"
