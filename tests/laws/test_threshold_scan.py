"""Lines through bounds, and the exponent at every threshold."""

import numpy as np
import pytest
from planted import planted_runs
from scipy.optimize import minimize
from scipy.stats import linregress, norm

from scaletime_jax.laws.threshold_scan import log_crossings, scan_thresholds
from scaletime_jax.runs.learning_curves import learning_curves
from scaletime_jax.stats.censored import fit_censored_line


def censored_data(seed):
    """25 measurements at five x; the highest and lowest known as bounds alone."""
    rng = np.random.default_rng(seed)
    x = np.repeat(2 * rng.normal(size=5), 5)
    y = 1 - 0.7 * x + rng.choice([0.1, 1.0]) * rng.normal(size=25)
    low, high = np.quantile(y, rng.uniform(0, 0.2)), np.quantile(y, rng.uniform(0.5, 1))
    bound = np.where(y > high, 1, np.where(y < low, -1, 0))
    return x, np.clip(y, low, high), bound, rng.integers(0, 3, 25).astype(float)


@pytest.mark.parametrize("seed", range(12))
def test_the_line_of_greatest_likelihood(seed):
    x, y, bound, weights = censored_data(seed)

    def loss(parameters):
        constant, slope, log_scatter = parameters
        middle, scatter = constant + slope * x, np.exp(log_scatter)
        exact = norm.logpdf(y, middle, scatter)
        tail = norm.logcdf(-bound * (y - middle) / scatter)
        return -np.sum(weights * np.where(bound == 0, exact, tail))

    how = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000}
    best = minimize(loss, [1, -0.7, -0.5], method="Nelder-Mead", options=how)
    line = fit_censored_line(x, y, bound, weights)
    # Nelder-Mead's own precision
    np.testing.assert_allclose([line.constant, line.slope], best.x[:2], atol=1e-5)
    assert line.scatter == pytest.approx(np.exp(best.x[2]), rel=1e-4)


def test_without_bounds_it_is_least_squares():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=30), rng.normal(size=30)
    line = fit_censored_line(x, y, np.zeros(30), np.ones(30))
    assert line.slope == pytest.approx(linregress(x, y).slope, abs=1e-8)
    assert line.constant == pytest.approx(linregress(x, y).intercept, abs=1e-8)


def test_a_batch_is_each_by_itself():
    data = [censored_data(seed) for seed in range(4)]
    x = data[0][0]
    y, bound, weights = (np.stack([each[k] for each in data]) for k in (1, 2, 3))
    batch = fit_censored_line(x, y, bound, weights)
    for k in range(4):
        alone = fit_censored_line(x, y[k], bound[k], weights[k])
        assert batch.slope[k] == pytest.approx(alone.slope, abs=1e-6)


def test_one_place_that_is_exact_has_no_slope():
    x = np.array([0.0, 0.0, 1.0, 1.0])
    bound = np.array([0, 0, 1, 1])
    line = fit_censored_line(x, np.zeros(4), bound, np.ones(4))
    assert np.isnan(line.slope)


def law(p, t, n, _):
    loss = 0.09 / (1 + (p**1.5 * t / 2e4) ** 0.7)  # num_params^0.5
    return loss, loss


def test_the_exponent_at_every_threshold():
    """The deepest ones are reached by the larger sizes alone, within 100 epochs."""
    table = planted_runs(law, np.logspace(-1, 2, 200), scatter=0.2, seeds=8)
    [scan] = scan_thresholds(table)
    expected = 0.09 * (1 - np.array(scan.shares))
    np.testing.assert_allclose(scan.thresholds, expected, rtol=1e-6)
    assert scan.reached[0] == 1 and 0 < scan.reached[5] < 0.8
    known, none = scan.kappa[:6], scan.kappa[6:]  # three sizes reach a share of 0.4
    inside = [low <= 0.5 <= high for low, high in (kappa.interval for kappa in known)]
    assert sum(inside) >= 5
    np.testing.assert_allclose([kappa.value for kappa in known], 0.5, atol=0.1)
    assert {kappa.value for kappa in none} == {None}


def test_where_guessing_is_not_known_thresholds_are_spread_over_what_is_reached():
    table = planted_runs(law, np.logspace(-1, 2, 200), scatter=0.2)
    [scan] = scan_thresholds(table.assign(guessing_loss=np.nan))
    assert scan.shares is None and len(scan.thresholds) == 9
    assert scan.thresholds[0] < 0.09 and np.all(np.diff(scan.thresholds) < 0)
    np.testing.assert_allclose([k.value for k in scan.kappa], 0.5, atol=0.15)


def test_leaving_censored_runs_out_would_be_wrong():
    """What the likelihood is for: a slope through those that got there is too flat."""
    table = planted_runs(law, np.logspace(-1, 2, 200), scatter=0.5, seeds=40)
    curves = learning_curves(table, 20)
    level = np.log(0.06)
    epochs, bound = log_crossings(curves, level)
    assert 0.2 < np.mean(bound[0] == 1) < 0.8 and np.all(bound[-1] < 1)
    x = np.repeat(np.log(curves.num_params), 40)
    line = fit_censored_line(x, epochs.ravel(), bound.ravel(), np.ones(x.size))
    naive = linregress(x[bound.ravel() == 0], epochs[bound == 0]).slope
    assert line.slope == pytest.approx(-0.5, abs=0.08) and naive > -0.42


def test_crossings_are_found_along_power_laws():
    def power(p, t, n, _):
        return p / 20 * 0.1 / t, 0.1 / t

    table = planted_runs(power, np.array([0.0, 1, 2, 5, 10, 20, 50, 100]), seeds=2)
    table.loc[table.epoch == 0, "test_loss"] = 1.0
    curves = learning_curves(table, 20)
    epochs, bound = log_crossings(curves, np.log(0.01))
    expected = np.cbrt(curves.num_params) / 20 * 10
    np.testing.assert_allclose(np.exp(epochs[:, 0]), expected, rtol=1e-6)
    assert np.all(bound == 0)
    assert np.all(log_crossings(curves, np.log(9.0))[1] == -1)
    late, never = log_crossings(curves, np.log(1e-9))
    assert np.all(never == 1) and np.exp(late) == pytest.approx(100)


def test_a_run_that_diverged_ran_until_it_did():
    table = planted_runs(law, np.logspace(-1, 2, 100), seeds=2)
    gone = (table.width == 1) & (table.seed == 0) & (table.epoch > 10)
    table.loc[gone, "test_loss"] = np.nan
    curves = learning_curves(table, 20)
    epochs, bound = log_crossings(curves, np.log(0.02))
    assert bound[0, 0] == 1 and 9 < np.exp(epochs[0, 0]) <= 10.1
