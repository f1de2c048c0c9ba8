"""Batches of robust fits, against SciPy's one at a time."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from scaletime_jax.laws.axis_laws import BROKEN, POWER, SIGMOIDAL
from scaletime_jax.laws.power_laws import (
    COUPLED,
    SIZE_TIME,
    SIZE_TIME_BOTH,
    SIZE_TIME_DATA,
)
from scaletime_jax.stats.robust_fit import (
    HUBER,
    fit_from_grid,
    fit_robust,
    huber,
    told_apart,
)

X = np.linspace(-2.5, 2.5, 24)
GRID = np.stack(np.meshgrid(X[::6], X[::3], X[::8]), axis=-1).reshape(-1, 3)
# Name, function of parameters, true parameters.
FUNCTIONS = {
    "power": (lambda p: POWER.log_loss(p, X), [0.3, 0.7]),
    "BNSL": (lambda p: BROKEN.log_loss(p, X), [-3.0, 0.1, 0.1, 0.8, 0.2, -0.5]),
    "M4": (lambda p: SIGMOIDAL.log_loss(p, X), [-3.0, 0.0, 0.4, 1.0, 0.2]),
    "additive": (
        lambda p: SIZE_TIME.log_loss(p, GRID[:, :2]),
        [-3.0, -1.0, -0.5, -0.3, -0.9],
    ),
    "interaction": (
        lambda p: SIZE_TIME_BOTH.log_loss(p, GRID[:, :2]),
        [-3.0, -1.0, -0.5, -1.5, -0.3, -0.9],
    ),
    "coupled": (
        lambda p: COUPLED.log_loss(p, GRID[:, [0, 1, 0]]),
        [-3.0, -1.0, -0.5, -0.3, -0.9, -0.2],
    ),
    "with data": (
        lambda p: SIZE_TIME_DATA.log_loss(p, GRID),
        [-3.0, -1.0, -0.5, -1.5, -0.3, -0.9, -0.5],
    ),
}


def noisy(name, seed):
    """Values with scatter of 3%, a few of them far off."""
    function, truth = FUNCTIONS[name]
    rng = np.random.default_rng(seed)
    values = function(np.array([truth]))[0][0]
    off = 0.5 * (rng.random(values.shape) < 0.05)
    return (
        function,
        np.array(truth),
        values + 0.03 * rng.normal(size=values.shape) + off,
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobians_are_derivatives(name):
    function, truth = FUNCTIONS[name]
    at = np.array(truth) + 0.3 * np.random.default_rng(0).normal(size=(5, len(truth)))
    _, slope = function(at)
    probe = 1e-6
    for k, column in enumerate(np.eye(len(truth)) * probe):
        expected = (function(at + column)[0] - function(at - column)[0]) / (2 * probe)
        np.testing.assert_allclose(slope[:, :, k], expected, atol=1e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_it_finds_what_scipy_finds(name, seed):
    function, truth, goal = noisy(name, seed)
    starts = truth + 0.2 * np.random.default_rng(9).normal(size=(8, len(truth)))
    fits = fit_from_grid(function, starts, goal[None], np.ones((1, len(goal))))
    theirs = least_squares(
        lambda p: function(p[None])[0][0] - goal,
        truth,
        jac=lambda p: function(p[None])[1][0],
        loss="huber",
        f_scale=HUBER,
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
        max_nfev=5000,
    )
    loss = np.mean(huber(function(theirs.x[None])[0][0] - goal))
    # ours stops where three steps in a row gain a millionth
    assert fits.loss[0] == pytest.approx(loss, rel=2e-4) and fits.converged[0]


def test_fits_of_a_batch_do_not_mix():
    goals = np.stack([noisy("additive", seed)[2] for seed in range(5)])
    function, truth, _ = noisy("additive", 0)
    starts, weight = np.repeat(truth[None], 5, axis=0), np.ones(goals.shape)
    together = fit_robust(function, starts, goals, weight)
    for k in range(5):
        alone = fit_robust(function, starts[:1], goals[k : k + 1], weight[:1])
        np.testing.assert_allclose(together.loss[k], alone.loss[0], rtol=1e-5)


def test_what_has_no_weight_does_not_count():
    function, truth, goal = noisy("BNSL", 0)
    gone = goal.copy()
    gone[3:6] = np.nan
    weight = np.isfinite(gone)[None].astype(float)
    fits = fit_robust(function, truth[None], gone[None], weight)
    with_other = np.where(np.isfinite(gone), goal, 99.0)
    again = fit_robust(function, truth[None], with_other[None], weight)
    np.testing.assert_array_equal(fits.parameters, again.parameters)


def test_the_best_of_many_starts():
    function, truth, goal = noisy("M4", 1)
    rng = np.random.default_rng(0)
    starts = truth + 2 * rng.normal(size=(50, len(truth)))
    many = fit_from_grid(function, starts, goal[None], np.ones((1, len(goal))))
    near = fit_robust(function, truth[None], goal[None], np.ones((1, len(goal))))
    assert many.loss[0] <= near.loss[0] * 1.001


def test_resamples_start_where_the_data_ended():
    function, truth, goal = noisy("additive", 0)
    again = np.stack(
        [goal, goal + 0.01 * np.random.default_rng(1).normal(size=goal.shape)]
    )
    fits = fit_from_grid(function, truth[None], again, np.ones(again.shape))
    alone = fit_robust(function, truth[None], again[1:], np.ones((1, len(goal))))
    assert fits.loss[1] == pytest.approx(alone.loss[0], rel=1e-3)


def test_parameters_that_cannot_be_told_apart():
    def twice(p):
        """Of two parameters only the sum matters."""
        value = p[:, :1] + p[:, 1:] + 0 * X
        return value, np.ones((*value.shape, 2))

    at = np.zeros(2)
    assert told_apart(twice, at, np.ones(len(X))) < 1e-8
    function, truth = FUNCTIONS["additive"]
    assert told_apart(function, np.array(truth), np.ones(len(GRID))) > 1e-3
    assert told_apart(function, np.array(truth), np.arange(len(GRID)) < 5) == 0
