"""Local exponents, their simultaneous intervals, and whether a curve is straight."""

import numpy as np
import pytest

from scaletime_jax.stats.local_exponents import (
    bend_of,
    bend_p_value,
    is_straight,
    local_exponents,
    max_t_quantile,
)

SIZES = np.array([36.0, 49.0, 68.0, 112.0, 169.0])
BENT = np.array([-1.8, -1.1, -0.6, -0.5])


def curve(exponents, seeds=5):
    """Values [sizes, seeds] with these exponents between sizes, without scatter."""
    logs = np.r_[0.0, np.cumsum(np.asarray(exponents) * np.diff(np.log(SIZES)))]
    return np.repeat(np.exp(logs)[:, None], seeds, axis=1)


def scattered(exponents, seeds, rng):
    """Seeds that differ at all sizes alike and each a little."""
    alone, alike = rng.normal(size=(len(SIZES), seeds)), rng.normal(size=seeds)
    return curve(exponents, seeds=seeds) * np.exp(0.12 * alone + 0.2 * alike)


def test_planted_exponents_are_found_exactly():
    found = local_exponents(SIZES, curve(BENT))
    np.testing.assert_allclose(found.values, BENT, rtol=1e-12)
    np.testing.assert_allclose(found.sizes, np.sqrt(SIZES[1:] * SIZES[:-1]))
    np.testing.assert_allclose(found.intervals, BENT[:, None] * [1, 1], atol=1e-9)


def test_a_bent_curve_has_no_single_slope():
    rng = np.random.default_rng(0)
    bent = local_exponents(SIZES, scattered(BENT, 20, rng))
    assert bent.fit is None and bent.bend.interval[0] > 0.5
    assert bend_p_value(bent.bend) < 1e-3
    straight = local_exponents(SIZES, scattered(np.full(4, -1.0), 20, rng))
    assert straight.fit.slope == pytest.approx(-1, abs=0.15)
    assert bend_p_value(straight.bend) > 0.05


def test_the_smallest_size_alone_may_bend_a_curve():
    rng = np.random.default_rng(1)
    found = local_exponents(SIZES, scattered([-3.0, -1.0, -1.0, -1.0], 20, rng))
    assert found.fit is None
    assert found.without_smallest.slope == pytest.approx(-1, abs=0.15)


def test_a_bend_is_the_change_of_the_parabolas_slope():
    logs = np.log(SIZES)
    values = np.exp(0.3 * logs**2 - 3 * logs)[:, None]
    bend = bend_of(SIZES, values)
    assert bend.value == pytest.approx(0.6 * (logs[-1] - logs[0]))
    assert bend.interval is None and not is_straight(bend)
    assert bend_p_value(bend) is None
    assert bend_of(SIZES[:2], values[:2]).value is None


def test_one_seed_has_exponents_and_no_intervals():
    found = local_exponents(SIZES, curve(BENT, seeds=1))
    assert found.intervals is None and found.bend.interval is None
    np.testing.assert_allclose(found.values, BENT)


def test_the_largest_of_many_reaches_further_than_one():
    rng = np.random.default_rng(0)
    free, same = rng.normal(size=(400, 4)), rng.normal(size=(400, 1)) * np.ones(4)
    # 97.5% of |t| with 19 degrees of freedom is below 2.093; of four independent
    # ones Sidak's 1 - 0.95^(1/4) each
    assert max_t_quantile(same[:, :1], 20) == pytest.approx(2.093, rel=0.05)
    assert max_t_quantile(free, 20) == pytest.approx(2.75, rel=0.05)
    assert 2.0 < max_t_quantile(same, 20) < 2.5


def coverage(seeds, trials):
    rng, held = np.random.default_rng(2), 0
    for _ in range(trials):
        low, high = local_exponents(SIZES, scattered(BENT, seeds, rng)).intervals.T
        held += np.all((low <= BENT) & (high >= BENT))
    return held / trials


def test_the_intervals_hold_together():
    # 0.95 within four binomial standard errors of 300 trials
    assert coverage(5, 300) == pytest.approx(0.95, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 20])
def test_the_intervals_hold_together_as_often_as_they_say(seeds):
    assert 0.93 <= coverage(seeds, 3000) <= 0.97
