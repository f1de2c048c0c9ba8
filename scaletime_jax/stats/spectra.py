"""The exponent of a spectrum's decay, and the modes that a finite pool bends."""

from typing import NamedTuple

import numpy as np

from scaletime_jax.arguments import require
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.lines import straight_line

# Largest difference of the exponents of loss and spectrum.
SAME_EXPONENT = 0.05


class SpectralFit(NamedTuple):
    """lambda_i ~ i^-(1 + exponent) [B21, Eq. 6].

    Attributes:
        exponent: alpha_K. Its interval is not statistical: it is the range of exponents
            over windows of half the range's length on the log axis, which measures the
            deviation of the spectrum from one power law.
        modes: first and last i of the range, counted from 1.
    """

    exponent: Estimate
    modes: tuple[int, int]


def fit_spectrum(eigenvalues: np.ndarray, first: int, last: int) -> SpectralFit:
    """Fits a power law to eigenvalues first..last, equally spaced in log i.

    Args:
        eigenvalues: [S], largest first.
        first: first mode, >= 1.
        last: last mode, at least first + 3, with eigenvalues above 0.

    Raises:
        InputError: the range is impossible.
    """
    values = np.asarray(eigenvalues, float)
    require(
        first > 0 and first + 3 <= last <= len(values),
        f"modes {first} to {last} are no range of {len(values)} eigenvalues.",
    )
    require(values[last - 1] > 0, f"eigenvalue {last} is 0.")
    modes = np.unique(np.geomspace(first, last, 200).round().astype(int))
    logs = np.log(modes), np.log(values[modes - 1])
    length = np.log(last / first) / 2
    slopes = [straight_line(*logs).slope]
    for start in logs[0][logs[0] <= np.log(last) - length + 1e-9]:
        inside = (logs[0] >= start) & (logs[0] <= start + length + 1e-9)
        if inside.sum() >= 3:
            slopes.append(straight_line(logs[0][inside], logs[1][inside]).slope)
    exponents = -1 - np.array(slopes)
    interval = float(exponents.min()), float(exponents.max())
    return SpectralFit(Estimate(float(exponents[0]), interval), (first, last))


def last_settled(
    eigenvalues: np.ndarray, of_fewer: np.ndarray, tolerance: float = 0.1
) -> int:
    """Returns the last mode for which a smaller pool gives the same eigenvalue.

    Beyond this mode the finite pool bends the spectrum. Single eigenvalues fluctuate,
    so means of their logarithms over windows of a factor of 2 around each mode are
    compared, from the last mode downwards.

    Args:
        eigenvalues: [S], largest first.
        of_fewer: [S'] eigenvalues for a part of the features, or of the inputs.
        tolerance: relative tolerance.
    """
    count = min(np.count_nonzero(eigenvalues), np.count_nonzero(of_fewer))
    if count == 0:
        return 0
    total = np.cumsum(np.log(of_fewer[:count] / eigenvalues[:count]))
    modes = np.arange(1, count + 1)
    first = np.maximum((modes / 2**0.5).astype(int), 1)
    last = np.minimum((modes * 2**0.5).astype(int), count)
    before = np.concatenate([[0.0], total])[first - 1]
    near = np.abs((total[last - 1] - before) / (last - first + 1)) <= tolerance
    return int(modes[near][-1]) if near.any() else 0


def judge_decay(name: str, loss: Estimate, spectrum: Estimate, setting: dict) -> Claim:
    """Returns the claim that an exponent of the loss equals alpha_K.

    Args:
        name: name of the loss's exponent.
        loss: the loss's exponent.
        spectrum: alpha_K with its range. The interval of the difference is from the
            ends of both intervals.
        setting: setting of both measurements.
    """
    return judge(
        _less(loss, spectrum),
        (-SAME_EXPONENT, SAME_EXPONENT),
        source="[B21, Eq. 7]",
        statement="The exponents of loss and spectrum are equal.",
        setting=setting,
        quantity=f"{name} - alpha_K",
    )


def _less(first: Estimate, second: Estimate) -> Estimate:
    """Returns a difference, with an interval from the ends of both intervals."""
    if first.value is None or second.value is None:
        return Estimate(None, None)
    value = first.value - second.value
    if first.interval is None or second.interval is None:
        return Estimate(value, None)
    low = first.interval[0] - second.interval[1]
    return Estimate(value, (low, first.interval[1] - second.interval[0]))
