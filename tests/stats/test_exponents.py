"""Exponents of laws that were planted, and what cannot be told."""

import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.exponents import (
    classify_regime,
    fit_power_law,
    select_range,
    variance_sizes,
)

SIZES = np.geomspace(10, 1000, 9)


def noisy(curve, draws=6, spread=0.02, seed=0):
    """Draws of a curve, each size with a log-normal error of its own."""
    rng = np.random.default_rng(seed)
    errors = np.exp(spread * rng.standard_normal((len(curve), draws)))
    return np.asarray(curve)[:, None] * errors


def test_a_power_law_is_found_exactly():
    law = fit_power_law(SIZES, 3 * SIZES[:, None] ** -0.7)
    assert law.exponent[:2] == (pytest.approx(0.7), None)  # one draw has no interval
    assert law.coefficient == pytest.approx(3) and law.offset == Estimate(0.0, None)
    assert law.sizes == (10, 1000) and law.warning is None


def test_an_offset_is_found_exactly():
    law = fit_power_law(SIZES, 0.2 + 3 * SIZES[:, None] ** -0.7, with_offset=True)
    assert law.exponent.value == pytest.approx(0.7, rel=1e-5)
    assert law.offset.value == pytest.approx(0.2, rel=1e-5)
    assert law.coefficient == pytest.approx(3, rel=1e-5) and law.warning is None


@pytest.mark.parametrize("with_offset", [False, True])
def test_intervals_hold_the_truth_and_are_not_idle(with_offset):
    held, widths, offset = [], [], 0.1 if with_offset else 0.0
    for seed in range(40):
        losses = noisy(offset + 3 * SIZES**-0.7, seed=seed)
        low, high = fit_power_law(SIZES, losses, with_offset).exponent.interval
        held.append(low < 0.7 < high)
        widths.append(high - low)
    # 95% intervals: of 40, at most 7 miss with a probability of 0.3%
    assert sum(held) >= 33 and np.median(widths) < 0.3


def test_no_offset_is_below_zero():
    losses = SIZES[:, None] ** -0.5 - 0.01  # bends down, which an offset cannot explain
    law = fit_power_law(SIZES, losses, with_offset=True)
    assert law.offset.value == 0 and law.exponent.value > 0.5


def test_what_cannot_be_told_apart_is_said():
    short = np.array([100.0, 110, 120, 130, 140])
    losses = noisy(1 + 3 * short**-0.7)
    assert "told apart" in fit_power_law(short, losses, with_offset=True).warning
    # noise or not, an offset of 1 under so little fall is no offset
    near = np.array([100.0, 101, 102, 103, 104])
    exact = fit_power_law(near, 1 + 3 * near[:, None] ** -0.7, with_offset=True)
    assert "by these sizes" in exact.warning
    rising = fit_power_law(SIZES, noisy(1 + 0 * SIZES), with_offset=True)
    assert "told apart" in rising.warning


def test_too_little_is_no_fit():
    assert fit_power_law(SIZES[:2], np.ones((2, 3))).exponent.value is None
    few = fit_power_law(SIZES[:3], np.ones((3, 3)), with_offset=True)
    assert few.exponent.value is None and "too few" in few.warning
    negative = fit_power_law(SIZES, -np.ones((9, 2)))
    assert negative.exponent.value is None and "not above 0" in negative.warning


def test_the_straight_stretch_is_selected():
    losses = SIZES**-0.8 + (SIZES > 300) * 3e-3  # a floor at the end
    chosen = select_range(SIZES, losses[:, None])
    assert chosen.tolist() == (SIZES < 300).tolist()
    assert select_range(SIZES, noisy(SIZES**-0.8)).all()
    bent = SIZES ** (-0.8 - 0.06 * np.log(SIZES / 100))  # its exponent changes by 0.55
    assert not select_range(SIZES, bent[:, None]).all()
    assert select_range(SIZES, noisy(bent, spread=1.0)).all()  # as far as can be told
    curved = np.exp(-((np.log(SIZES)) ** 2))
    assert not select_range(SIZES, curved[:, None]).any()


def test_a_variance_is_told_from_resolution():
    rng = np.random.default_rng(0)
    limits = 1 + 0.1 * rng.standard_normal(8)
    variance = limits + noisy(2 / SIZES, 8)
    found = classify_regime(SIZES, variance, limits)
    assert found.name == "variance-limited" and found.limit_share > 0.9
    # limits that differ between draws must go before the mean is taken
    low, high = found.law.exponent.interval
    assert low < 1 < high and high - low < 0.1
    resolution = classify_regime(SIZES, noisy(SIZES**-0.6))
    assert resolution.name == "resolution-limited" and "0.6" in resolution.reason


def test_an_exponent_of_one_alone_is_no_variance():
    found = classify_regime(SIZES, noisy(3 / SIZES), np.zeros(6))
    assert found.name == "resolution-limited"


def test_neither_regime_is_undecided():
    limits = np.ones(6)
    assert classify_regime(SIZES, 1 + noisy(SIZES**-0.5), limits).name == "undecided"
    wide = 1 + noisy(1 / SIZES, spread=1.5)
    assert classify_regime(SIZES[:3], -wide[:3], 0 * limits).name == "undecided"
    unknown = classify_regime(SIZES[:5], noisy(1 + SIZES[:5] ** -1.0, spread=0.3))
    assert unknown.name == "undecided" and "told apart" in unknown.reason


def test_a_finite_pool_counts_as_more_draws():
    sizes = variance_sizes(np.array([10, 50, 90]), 100)
    np.testing.assert_allclose(1 / sizes, [0.1 - 0.01, 0.02 - 0.01, 1 / 90 - 0.01])
    np.testing.assert_allclose(variance_sizes(np.array([10]), np.inf), [10])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: fit_power_law(0 * x, np.ones((2, 1))), "sizes must be above 0"),
        (lambda x: fit_power_law(x, np.ones((3, 1))), r"\[sizes, draws\]"),
        (lambda x: select_range(x, np.ones(2)), r"\[sizes, draws\]"),
        (lambda x: variance_sizes(x, 2), "below the size of the pool"),
    ],
)
def test_mistakes_are_one_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call(np.array([1, 2]))
