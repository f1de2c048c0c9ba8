"""The decay of spectra that were planted, and of finite pools."""

import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.stats.spectra import fit_spectrum, last_settled

MODES = np.arange(1.0, 2001)


def test_a_power_law_has_its_exponent_in_every_window():
    fit = fit_spectrum(MODES**-1.6, 10, 1000)
    low, high = fit.exponent.interval
    assert fit.exponent.value == pytest.approx(0.6)
    assert (low, high) == (pytest.approx(0.6), pytest.approx(0.6))
    assert fit.modes == (10, 1000)


def test_the_interval_is_the_range_of_slopes():
    bent = np.where(MODES < 100, MODES**-1.4, 100**0.4 * MODES**-1.8)
    fit = fit_spectrum(bent, 10, 1000)
    # half of the range on either side of the bend has each slope on its own
    assert fit.exponent.interval == pytest.approx((0.4, 0.8), abs=0.01)
    assert 0.45 < fit.exponent.value < 0.75


def test_a_smaller_pool_bends_earlier():
    whole, part = MODES**-1.5, MODES[:1000] ** -1.5
    part = part * np.exp(-((MODES[:1000] / 300) ** 2))
    # exp(-(i / 300)^2), as a mean over a factor of 2, leaves 10% near mode 90
    assert 70 < last_settled(whole, part) < 110
    assert last_settled(whole, whole[:1000]) == 1000
    assert last_settled(whole, whole / 2) == 0


def test_single_eigenvalues_may_fluctuate():
    rng = np.random.default_rng(0)
    ripple = np.exp(0.15 * rng.choice([-1, 1], 2000))
    assert last_settled(MODES**-1.5, MODES**-1.5 * ripple) > 1900


def test_zeros_are_no_modes():
    padded = np.append(MODES**-1.5, np.zeros(500))
    assert last_settled(padded, padded) == 2000
    with pytest.raises(InputError, match="eigenvalue 2400 is 0"):
        fit_spectrum(padded, 10, 2400)
    with pytest.raises(InputError, match="no range of 2000 eigenvalues"):
        fit_spectrum(MODES**-1.5, 10, 11)
