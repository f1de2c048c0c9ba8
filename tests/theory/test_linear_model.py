import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from scaletime_jax.theory.linear_model import (
    expected_squared_error,
    flow_parameters,
    prediction_error,
    signal_noise_coefficients,
)

RATE = 0.01
SHAPES = {"tall": (12, 5), "wide": (5, 12), "square": (6, 6), "deficient": (12, 6)}


@pytest.fixture(params=SHAPES)
def problem(request):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=SHAPES[request.param])
    if request.param == "deficient":
        inputs[:, 4:] = inputs[:, :2]  # rank 4 of 6
    n, m = inputs.shape
    weights, noise, point = (rng.normal(size=size) for size in (m, n, m))
    return tuple(map(jnp.asarray, (inputs, weights, 0.3 * noise, point)))


def test_flow_is_its_matrix_exponential(problem):
    inputs, weights, noise, _ = problem
    targets = inputs @ weights + noise
    times = jnp.array([0.0, 0.5, 20.0])
    thetas = flow_parameters(inputs, targets, times, RATE)
    for t, theta in zip(times, thetas, strict=True):
        decay = scipy.linalg.expm(-RATE * inputs @ inputs.T * float(t))
        expected = np.linalg.pinv(inputs) @ (np.eye(len(inputs)) - decay) @ targets
        np.testing.assert_allclose(theta, expected, rtol=1e-9, atol=1e-11)


def test_flow_starts_at_zero_and_ends_at_the_pseudo_inverse(problem):
    inputs, weights, noise, _ = problem
    targets = inputs @ weights + noise
    start, end = flow_parameters(inputs, targets, jnp.array([0.0, jnp.inf]), RATE)
    np.testing.assert_array_equal(start, 0)
    np.testing.assert_allclose(end, np.linalg.pinv(inputs) @ targets, atol=1e-12)


def test_descent_with_small_steps_tends_to_the_flow_at_first_order(problem):
    inputs, weights, noise, _ = problem
    targets, end = inputs @ weights + noise, 4.0
    exact = flow_parameters(inputs, targets, jnp.array(end), RATE)

    def descend(steps):
        theta, size = np.zeros(inputs.shape[1]), RATE * end / steps
        for _ in range(steps):
            theta = theta - size * inputs.T @ (inputs @ theta - targets)
        return np.linalg.norm(theta - exact)

    errors = [descend(steps) for steps in (100, 200, 400)]
    assert errors[-1] < 1e-2
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 1, atol=0.1)


def test_error_by_modes_is_that_of_the_parameters(problem):
    inputs, weights, noise, point = problem
    times = jnp.array([0.0, 0.1, 5.0, 1e3, jnp.inf])
    thetas = flow_parameters(inputs, inputs @ weights + noise, times, RATE)
    modes = signal_noise_coefficients(inputs, weights, noise, point)
    assert modes.signal.shape == modes.noise.shape == weights.shape
    error = prediction_error(times, *modes, RATE)
    np.testing.assert_allclose(error, (thetas - weights) @ point, rtol=1e-9, atol=1e-11)


def test_expected_error_is_the_mean_over_draws(problem):
    """w ~ N(0, I), eps ~ N(0, 0.09 I), x ~ N(0, I), the inputs fixed."""
    inputs, *_ = problem
    n, m = inputs.shape
    draws, times = 20_000, jnp.array([0.1, 3.0, 40.0])
    keys = jax.random.split(jax.random.key(0), 3)
    weights = jax.random.normal(keys[0], (draws, m))
    noise = 0.3 * jax.random.normal(keys[1], (draws, n))
    points = jax.random.normal(keys[2], (draws, m))
    modes = jax.jit(jax.vmap(signal_noise_coefficients, (None, 0, 0, 0)))(
        jnp.asarray(inputs), weights, noise, points
    )
    values = modes.singular_values[0]
    present = np.asarray(values) > 0
    expected = expected_squared_error(
        times, values, jnp.eye(m), 0.09 * jnp.diag(present.astype(float)), RATE
    )
    errors = jax.vmap(lambda s, e: prediction_error(times, values, s, e, RATE))(
        modes.signal, modes.noise
    )
    squares = np.asarray(errors) ** 2
    sem = squares.std(axis=0) / np.sqrt(draws)
    assert (np.abs(squares.mean(axis=0) - expected) < 4 * sem).all()


def test_correlated_modes_cancel():
    """S_1 = -S_2 with equal rates: no error at all; a diagonal would miss it."""
    moment = jnp.array([[1.0, -1.0], [-1.0, 1.0]])
    error = expected_squared_error(
        jnp.array([0.0, 1.0]), jnp.ones(2), moment, jnp.zeros((2, 2)), RATE
    )
    np.testing.assert_allclose(error, 0, atol=1e-15)


def test_small_singular_values_are_exact():
    """(1 - e^{-eta sigma^2 t}) / sigma -> eta sigma t: a difference would lose it."""
    error = prediction_error(
        jnp.array(3.0), jnp.array([1e-9]), jnp.zeros(1), jnp.ones(1), 1.0
    )
    assert error == pytest.approx(3e-9, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: flow_parameters(jnp.ones(3), jnp.ones(3), jnp.ones(1), 1.0), "inputs"),
        (
            lambda: flow_parameters(
                jnp.eye(3) * jnp.nan, jnp.ones(3), jnp.ones(1), 1.0
            ),
            "inputs",
        ),
        (lambda: flow_parameters(jnp.eye(3), jnp.ones(2), jnp.ones(1), 1.0), "targets"),
        (lambda: flow_parameters(jnp.eye(3), jnp.ones(3), -jnp.ones(1), 1.0), "times"),
        (
            lambda: flow_parameters(jnp.eye(3), jnp.ones(3), jnp.ones(1), 0.0),
            "learning_rate",
        ),
        (
            lambda: signal_noise_coefficients(
                jnp.eye(3), jnp.ones(3), jnp.ones(3), jnp.ones(2)
            ),
            "point",
        ),
        (
            lambda: prediction_error(
                jnp.ones(1), jnp.ones(2), jnp.ones(3), jnp.ones(2), 1.0
            ),
            "signal",
        ),
        (
            lambda: expected_squared_error(
                jnp.ones(1), -jnp.ones(2), jnp.eye(2), jnp.eye(2), 1.0
            ),
            "singular_values",
        ),
        (
            lambda: expected_squared_error(
                jnp.ones(1), jnp.ones(2), jnp.eye(2), jnp.ones(2), 1.0
            ),
            "noise_moment",
        ),
    ],
)
def test_what_cannot_be_is_named(unchecked, call, name):
    with pytest.raises(ValueError, match=name):
        call()
