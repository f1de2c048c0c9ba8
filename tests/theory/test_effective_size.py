import numpy as np
import pytest
from scipy import stats

from scaletime_jax.theory.effective_size import (
    cube_root_size,
    fit_exponent,
    measure_capacity,
)


def test_a_thousand_times_the_parameters_is_ten_times_the_size():
    np.testing.assert_allclose(cube_root_size(np.array([8.0, 8000.0])), [2, 20])


def test_capacity_is_where_the_error_crosses_one_nth_of_chance():
    sizes = np.array([100, 200, 400, 800])
    # n error / chance is 1 a quarter of the way from 200 to 400, on a log axis
    errors = 0.09 * np.array([0.0, 0.5, 2.5, 40]) / sizes
    capacity = measure_capacity(sizes, errors, 0.09)
    assert capacity.bound == "exact"
    assert capacity.train_size == pytest.approx(200 * 2**0.25, rel=1e-9)


def test_capacity_hardly_depends_on_how_well_less_is_fitted():
    sizes = np.array([200, 400])
    capacities = [
        measure_capacity(sizes, 0.09 * np.array([fitted, 2.0]) / sizes, 0.09).train_size
        for fitted in (0.0, 1e-8)
    ]
    assert capacities[0] == pytest.approx(capacities[1], rel=1e-6)


def test_capacity_counts_the_last_crossing():
    sizes = np.array([100, 200, 400])
    errors = 0.09 * np.array([2.0, 0.1, 10.0]) / sizes
    assert 200 < measure_capacity(sizes, errors, 0.09).train_size < 400


def test_capacity_outside_the_sweep_is_a_bound():
    sizes = np.array([100, 200])
    assert measure_capacity(sizes, np.zeros(2), 0.09) == (200.0, "above")
    assert measure_capacity(sizes, np.full(2, 0.09), 0.09) == (100.0, "below")


def test_an_exponent_is_recovered_with_its_interval():
    params = np.geomspace(1e3, 1e7, 8)
    exact = fit_exponent(params, 3 * params**0.4)
    assert exact.exponent == pytest.approx(0.4) and exact.r_squared == pytest.approx(1)
    rng, inside = np.random.default_rng(0), 0
    fits = params ** (1 / 3) * rng.lognormal(0, 0.3, 8)
    line, ours = (
        stats.linregress(np.log(params), np.log(fits)),
        fit_exponent(params, fits),
    )
    reach = stats.t.ppf(0.975, 6) * line.stderr
    np.testing.assert_allclose(ours.exponent, line.slope, rtol=1e-12)
    np.testing.assert_allclose(ours.exponent_ci[1] - line.slope, reach, rtol=1e-9)
    np.testing.assert_allclose(ours.r_squared, line.rvalue**2, rtol=1e-9)
    for _ in range(400):
        noisy = fit_exponent(params, params ** (1 / 3) * rng.lognormal(0, 0.3, 8))
        inside += noisy.exponent_ci[0] <= 1 / 3 <= noisy.exponent_ci[1]
    # 95% of 400 within 4 standard errors
    assert abs(inside - 380) < 4 * np.sqrt(400 * 0.95 * 0.05)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: measure_capacity([100, 200], [0.1], 0.09), "train_errors"),
        (lambda: measure_capacity([200, 100], [0.1, 0.1], 0.09), "train_sizes"),
        (lambda: measure_capacity([100, 200], [0.1, np.nan], 0.09), "train_errors"),
        (lambda: measure_capacity([100, 200], [0.1, 0.1], 0.0), "chance_error"),
        (lambda: fit_exponent([1e3, 1e4], [10, 20]), "three networks"),
        (lambda: fit_exponent([1e3, 1e4, 1e5], [10, 20, 0]), "capacity"),
    ],
)
def test_what_cannot_be_is_named(unchecked, call, name):
    with pytest.raises(ValueError, match=name):
        call()
