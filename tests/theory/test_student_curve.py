"""The curve of finite students on finite data: limits, symmetry, simulation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.theory.kernel_theory import learning_curve
from scaletime_jax.theory.random_features import teacher_student_loss
from scaletime_jax.theory.student_curve import student_curve

SIZE = 300
MODES = np.arange(1, SIZE + 1) ** -1.7
SIZES = np.array([10.0, 40.0, 100.0, 250.0])


@pytest.mark.parametrize("ridge", [0.0, 5.0])
def test_exchange_of_data_and_features_changes_nothing(ridge):
    over_data = student_curve(MODES, 1 / SIZE, SIZES, 60, ridge)
    over_features = student_curve(MODES, 1 / SIZE, 60, SIZES, ridge)
    np.testing.assert_allclose(over_data, over_features, rtol=1e-9)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_many_features_are_all_features(ridge):
    moments = np.where(np.arange(SIZE) < 5, 2.0, 0.1)
    many = 1e9
    curve = student_curve(MODES, moments, SIZES, many, ridge * many, noise=0.2)
    limit = learning_curve(MODES, moments, SIZES, ridge, noise=0.2)
    np.testing.assert_allclose(curve, limit, rtol=1e-5)


@pytest.mark.parametrize("ridge", [pytest.param(0.0, marks=pytest.mark.slow), 2.0])
def test_curve_is_that_of_simulated_teachers(ridge):
    sizes = [30, 120]

    def draw(key):
        data_key, student_key = jax.random.split(key)
        points = jax.random.normal(data_key, (120, SIZE)) * jnp.sqrt(MODES)
        projection = jax.random.normal(student_key, (60, SIZE))
        known = {"covariance": MODES, "ridge": ridge}
        losses = [teacher_student_loss(points[:d], projection, **known) for d in sizes]
        return jnp.stack(losses)

    keys = jax.random.split(jax.random.key(0), 60)
    losses = jax.jit(lambda keys: jax.lax.map(draw, keys))(keys).mean(axis=0)
    theory = student_curve(MODES, 1 / SIZE, np.array(sizes), 60, ridge)
    # corrections of order 1 / 30, a sampling error of 1%
    np.testing.assert_allclose(losses, theory, rtol=0.05)


def test_curve_is_that_of_one_simulated_target_with_noise():
    rng, ridge, points, students = np.random.default_rng(1), 3.0, 150, 90
    target = np.where(np.arange(SIZE) < 20, 1.0, 0.05)
    losses = []
    for _ in range(60):
        x = rng.normal(size=(points, SIZE)) * np.sqrt(MODES)
        projection = rng.normal(size=(students, SIZE))
        labels = x @ target + 0.3 * rng.normal(size=points)
        seen = x @ projection.T
        inner = seen.T @ seen + ridge * np.eye(students)
        rest = projection.T @ np.linalg.solve(inner, seen.T @ labels) - target
        losses.append((np.sum(MODES * rest**2) + 0.09) / 2)
    theory = float(student_curve(MODES, target**2, points, students, ridge, 0.09))
    assert np.mean(losses) == pytest.approx(theory, rel=0.04)


def test_without_a_ridge_it_diverges_at_the_peak():
    curve = student_curve(MODES, 1 / SIZE, np.array([59.0, 60.0, 61.0]), 60)
    assert np.isinf(curve[1]) and np.all(np.isfinite(curve[jnp.array([0, 2])]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0, -1.0], 1, 3, 3), "eigenvalues must be 0 or"),
        (([0.0], 1, 3, 3), "must not all be 0"),
        (([1.0], 1, 0, 3), "train_sizes must be above 0"),
        (([1.0], 1, 3, 0), "num_params must be above 0"),
        (([1.0], -1, 3, 3), "target_moments must be 0"),
        (([1.0], 1, 3, 3, -1.0), "ridge must be 0"),
        (([1.0], 1, 3, 3, 0.0, np.nan), "noise must be 0"),
    ],
)
def test_mistakes_are_one_sentence(unchecked, arguments, words):
    with pytest.raises(InputError, match=words):
        student_curve(*arguments)
