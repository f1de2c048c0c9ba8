import numpy as np
import pytest
from scipy import stats

from scaletime_jax.stats.exponents import select_range
from scaletime_jax.stats.log_means import (
    log_error,
    log_mean,
    mean_bend,
    neighbour_slopes,
    seed_exponents,
)

SIZES = np.array([30.0, 100, 300, 1000, 3000, 10_000])


@pytest.fixture
def losses():
    """[sizes, seeds] with exponents and scales of their own, and scatter."""
    rng = np.random.default_rng(0)
    exponents, scales = rng.normal(0.8, 0.1, 5), np.exp(rng.normal(0, 2, 5))
    scatter = np.exp(0.05 * rng.normal(size=(6, 5)))
    return scales * SIZES[:, None] ** -exponents * scatter


def test_the_mean_line_is_the_line_through_mean_logarithms(losses):
    line = stats.linregress(np.log(SIZES), np.log(losses).mean(axis=1))
    assert seed_exponents(SIZES, losses).mean() == pytest.approx(line.slope, rel=1e-9)


def test_one_large_seed_counts_like_the_others(losses):
    larger = losses * np.array([1e6, 1, 1, 1, 1])
    np.testing.assert_allclose(
        seed_exponents(SIZES, larger), seed_exponents(SIZES, losses), rtol=1e-9
    )


def test_a_planted_bend_is_found_with_its_interval():
    """log loss = -0.5 x - 0.05 x^2: the local exponent changes by 0.1 (x1 - x0)."""
    x = np.log(SIZES)
    rng = np.random.default_rng(1)
    scatter = 0.02 * rng.normal(size=(6, 8))
    values = np.exp((-0.5 * x - 0.05 * x**2)[:, None] + scatter)
    bend = mean_bend(SIZES, values)
    planted = -0.1 * (x[-1] - x[0])
    assert bend.interval[0] < planted < bend.interval[1]
    assert bend.value == pytest.approx(planted, abs=0.05)  # 2 s.e. of the scatter
    assert not select_range(SIZES, values, mean_bend).all()
    straight = np.exp((-0.5 * x)[:, None] + scatter)
    assert select_range(SIZES, straight, mean_bend).all()


def test_a_training_loss_of_zero_is_below_all_others():
    values = np.array([[1.0, 4.0], [0.0, 1.0]])
    np.testing.assert_allclose(log_mean(values), [np.log(2), -np.inf])


def test_two_sizes_have_no_bend():
    assert mean_bend(SIZES[:2], np.ones((2, 3))).value is None


def test_the_error_of_mean_logarithms():
    values = np.exp(np.array([[1.0, 3.0, 5.0], [2.0, 2.0, 2.0]]))
    # standard deviation 2 of three seeds
    np.testing.assert_allclose(log_error(values), [2 / np.sqrt(3), 0], atol=1e-12)
    np.testing.assert_array_equal(log_error(values[:, :1]), [0, 0])


def test_neighbour_slopes_are_those_of_each_seed():
    sizes, rng = np.array([10.0, 40.0, 90.0]), np.random.default_rng(0)
    own = 0.3 + 0.05 * rng.normal(size=(2, 8))
    steps = np.diff(np.log(sizes))[:, None]
    values = np.exp(np.vstack([np.zeros(8), np.cumsum(own * steps, axis=0)]))
    found = neighbour_slopes(sizes, values)
    np.testing.assert_allclose(found.values, own.mean(axis=1))
    np.testing.assert_allclose(found.sizes, [20, 60])
    error = own.std(axis=1, ddof=1) / np.sqrt(8)
    reach = (found.intervals[:, 1] - found.values) / error
    # beyond Student's t of one slope, 2.36, and alike
    assert (reach > 2.36).all() and (reach < 3.5).all() and np.ptp(reach) < 1e-6
    assert neighbour_slopes(sizes, values[:, :1]).intervals is None


def test_simultaneous_intervals_of_slopes_contain_the_truth():
    rng, sizes = np.random.default_rng(1), np.array([1.0, 3.0, 9.0, 30.0])
    hits = 0
    for _ in range(200):
        values = sizes[:, None] ** 0.5 * np.exp(0.3 * rng.normal(size=(4, 6)))
        low, high = neighbour_slopes(sizes, values).intervals.T
        hits += bool(((low <= 0.5) & (high >= 0.5)).all())
    assert hits >= 180  # 190 expected; three standard errors are 9
