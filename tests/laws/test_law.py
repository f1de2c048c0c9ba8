"""The interval of a prediction, from an error and a scatter that are known."""

import numpy as np
import pytest
from scipy import stats

from scaletime_jax.laws.law import Law, Scatter
from scaletime_jax.stats.estimates import over_seeds


def law(error, scatter, seeds=5, runs=25):
    """A law whose resamples have this standard error, at any place."""
    drawn = np.linspace(-1, 1, 200)
    drawn *= error * np.sqrt((seeds - 1) / seeds) / np.std(drawn, ddof=1)

    def log_loss(num_params, epoch, train_size, which):
        rows = np.concatenate([[0.0], drawn])[which, None]
        return np.repeat(rows, len(epoch), axis=1)

    one = np.array([[scatter]])
    about = Scatter(np.array([100.0]), np.array([1.0]), one, one, np.array([runs]))
    return Law(log_loss, about, over_seeds(seeds), True, True, {})


@pytest.mark.parametrize(("error", "scatter"), [(0.1, 1e-9), (1e-9, 0.2), (0.1, 0.1)])
def test_welch_and_satterthwaites_interval(error, scatter):
    mean, low, high = law(error, scatter).predict(1e4, 3.0, 100.0)
    variance = error**2 + scatter**2
    freedom = variance**2 / (error**4 / 4 + scatter**4 / 24)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    np.testing.assert_allclose(np.log([low, high]).ravel(), [-reach, reach], rtol=1e-9)
    assert mean == pytest.approx(1.0)


def test_resamples_that_do_not_reach_leave_no_interval():
    good = law(0.1, 0.1)

    def log_loss(*at):
        logs = good.log_loss(*at)
        logs[50:] = np.nan
        return logs

    mean, low, high = good._replace(log_loss=log_loss).predict(1e4, 3.0, 100.0)
    assert np.isfinite(mean).all() and np.isnan(low).all() and np.isnan(high).all()
