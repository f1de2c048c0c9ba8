import numpy as np
import pytest
from scipy import stats

from scaletime_jax.stats.lines import fit_line, log_line, straight_line


def test_a_line_is_scipys():
    rng = np.random.default_rng(0)
    x, y = rng.normal(3.0, 1.0, (2, 12))
    theirs = stats.linregress(x, y)
    # rounding of two ways to sum a dozen numbers
    np.testing.assert_allclose(straight_line(x, y), theirs[:2], rtol=1e-12)


def test_a_power_law_is_a_line_on_log_axes():
    sizes = np.geomspace(1e3, 1e7, 8)
    values = np.stack([2 * sizes**-0.4, 4 * sizes**-0.4], axis=1)
    slope, intercept = log_line(sizes, values)
    assert slope == pytest.approx(-0.4) and intercept == pytest.approx(np.log(3))
    fit = fit_line(sizes, values)
    assert fit.slope == pytest.approx(-0.4) and fit.r_squared == pytest.approx(1.0)


def test_the_share_explained_is_the_squared_correlation():
    rng = np.random.default_rng(1)
    sizes = np.geomspace(10, 1e4, 9)
    values = sizes[:, None] ** 0.5 * rng.lognormal(0, 0.5, (9, 4))
    fit = fit_line(sizes, values)
    theirs = stats.linregress(np.log(sizes), np.log(values.mean(axis=1)))
    np.testing.assert_allclose(fit.r_squared, theirs.rvalue**2, rtol=1e-9)
    low, high = fit.slope_ci
    assert low < fit.slope < high


def test_a_mean_that_is_not_above_0_has_no_line():
    assert np.isnan(log_line(np.array([1.0, 2.0, 4.0]), -np.ones((3, 2)))).all()


def test_values_that_do_not_vary_have_no_share_to_explain():
    fit = fit_line(np.array([1.0, 2.0, 4.0]), np.ones((3, 1)))
    assert fit == (0.0, None, None)
