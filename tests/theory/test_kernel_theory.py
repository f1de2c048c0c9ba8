"""The theory of spectra against independent roots, limits and simulations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from scaletime_jax.errors import InputError
from scaletime_jax.theory import kernel_theory
from scaletime_jax.theory.random_features import (
    losses_over_data,
    losses_over_features,
    teacher_student_loss,
)

MODES = np.arange(1, 201) ** -1.6
SIZES = np.array([3.0, 20.0, 90.0, 180.0])


def reference_kappa(size, ridge):
    """The root of kappa = ridge + sum kappa lambda / (kappa + D lambda)."""

    def excess(kappa):
        return kappa - ridge - np.sum(kappa * MODES / (kappa + size * MODES))

    return brentq(excess, 1e-12, ridge + MODES.sum() + 1, xtol=1e-18, rtol=1e-14)


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 2.0])
def test_curve_solves_its_equations(ridge):
    moments = np.where(np.arange(200) < 10, 3.0, 0.2)
    kappas = kernel_theory.effective_ridge(MODES, SIZES, ridge)
    losses = kernel_theory.learning_curve(MODES, moments, SIZES, ridge, noise=0.1)
    for size, kappa, loss in zip(SIZES, kappas, losses, strict=True):
        expected = reference_kappa(size, ridge)
        assert kappa == pytest.approx(expected, rel=1e-9)
        below = expected + size * MODES
        gamma = np.sum(size * MODES**2 / below**2)
        missed = expected**2 * np.sum(MODES * moments / below**2) + 0.1
        assert loss == pytest.approx(missed / (1 - gamma) / 2, rel=1e-7)


def test_teachers_have_the_loss_kappa_over_2s():
    losses = kernel_theory.learning_curve(MODES, 1 / 200, SIZES)
    kappas = kernel_theory.effective_ridge(MODES, SIZES)
    np.testing.assert_allclose(losses, kappas / 400, rtol=1e-9)


def test_all_modes_learned_leave_only_noise():
    more = np.array([200.0, 300.0, 1000.0])
    assert np.all(kernel_theory.effective_ridge(MODES, more) == 0)
    assert np.all(kernel_theory.learning_curve(MODES, 0.005, more) == 0)
    noisy = kernel_theory.learning_curve(MODES, 0.005, more, noise=0.4)
    # least squares without regularisation: noise / (1 - modes / D)
    np.testing.assert_allclose(noisy, [np.inf, 0.2 / (1 / 3), 0.2 / 0.8], rtol=1e-12)
    padded = np.append(MODES, np.zeros(50))
    same = kernel_theory.learning_curve(padded, 0.005, SIZES)
    plain = kernel_theory.learning_curve(MODES, 0.005, SIZES)
    np.testing.assert_allclose(same, plain, rtol=1e-12)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_curve_tends_to_its_power_law(exponent):
    modes = np.arange(1.0, 200_001)
    sizes = np.array([100.0, 300.0])
    values = modes ** -(1 + exponent)
    # modes beyond S, which the power law has and a sum to S has not, taken as a mean
    tail = len(modes) ** -exponent / exponent
    kappa = kernel_theory.effective_ridge(values, sizes, tail)
    law = kernel_theory.power_law_curve(exponent, sizes)
    np.testing.assert_allclose(kappa / 2, law, rtol=0.02)
    assert law[0] / law[1] == pytest.approx(3**exponent)


@pytest.mark.parametrize("exponent", [pytest.param(0.5, marks=pytest.mark.slow), 1.0])
def test_planted_spectra_meet_theory_within_three_percent(exponent):
    size, draws, sizes = 1000, 20, np.array([40, 80, 160])
    variances = jnp.arange(1.0, size + 1) ** -(1 + exponent)

    def draw(key):
        data_key, student_key = jax.random.split(key)
        points = jax.random.normal(data_key, (160, size)) * jnp.sqrt(variances)
        projection = jax.random.normal(student_key, (160, size))
        over_data = losses_over_data(points, covariance=variances)
        over_features = losses_over_features(projection, covariance=variances)
        return over_data[sizes - 1], over_features[sizes - 1]

    keys = jax.random.split(jax.random.key(0), draws)
    found = jax.jit(lambda keys: jax.lax.map(draw, keys))(keys)
    theory = kernel_theory.learning_curve(variances, 1 / size, sizes)
    for losses in found:
        ratio = np.asarray(losses.mean(axis=0) / theory)
        assert np.all((ratio > 0.97) & (ratio < 1.03)), ratio


def test_variance_limited_loss_of_a_finite_pool():
    pool, size, fixed, sizes = 80, 20, 4, np.array([8, 16, 40, 80])
    variances = np.arange(1, size + 1) ** -1.0

    def draw(key):
        data_key, student_key = jax.random.split(key)
        left = jnp.linalg.qr(jax.random.normal(data_key, (pool, size)))[0]
        features = left * jnp.sqrt(pool * variances)
        projection = jax.random.normal(student_key, (fixed, size))
        known = {"population_features": features}
        limit = losses_over_features(projection, **known)[-1]
        losses = [
            teacher_student_loss(features[:d], projection, **known) for d in sizes
        ]
        return jnp.stack(losses), limit

    keys = jax.random.split(jax.random.key(1), 400)
    # one by one: many batched QR in one CPU program may hang (jaxlib 0.10)
    found = jax.jit(lambda keys: jax.lax.map(draw, keys))(keys)
    losses, limits = map(np.asarray, found)
    expected = [
        kernel_theory.variance_limited_loss(limits, fixed, int(d), pool) for d in sizes
    ]
    gap = losses - np.stack(expected, axis=1)
    sem = gap.std(axis=0) / np.sqrt(len(gap))
    assert np.all(np.abs(gap.mean(axis=0)) < 4 * sem + 1e-12)
    assert np.all(4 * sem < 0.1 * losses.mean(axis=0))
    independent = kernel_theory.variance_limited_loss(2.0, 4, 25.0)
    assert independent == pytest.approx(2 * (1 + 4 / 20))


@pytest.mark.parametrize("shape", [(50, 20), (20, 50)])
def test_spectra_of_both_moments(shape):
    features = np.random.default_rng(0).normal(size=shape)
    of_features, of_inputs = kernel_theory.spectra(features)
    squares = np.linalg.svd(features, compute_uv=False) ** 2
    np.testing.assert_allclose(of_features[:20], squares / shape[0], rtol=1e-9)
    np.testing.assert_allclose(of_inputs[:20], squares / shape[1], rtol=1e-9)
    assert of_features.shape == shape[1:] and of_inputs.shape == shape[:1]
    assert not of_features[20:].any() and not of_inputs[20:].any()


def test_modes_that_are_not_there_are_zero():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 40))
    assert np.count_nonzero(kernel_theory.spectra(features)[0]) == 5


@pytest.mark.parametrize("transposed", [False, True])
def test_single_precision_finds_a_power_law_over_nine_orders(transposed):
    rng = np.random.default_rng(3)
    size = 600
    values = np.arange(1, 451) ** -3.4  # the last 150 modes are missing
    left = np.linalg.qr(rng.normal(size=(900, size)))[0][:, : len(values)]
    right = np.linalg.qr(rng.normal(size=(size, size)))[0][:, : len(values)]
    features = (left * np.sqrt(values)) @ right.T
    given = features.T if transposed else features
    of_features, of_inputs = kernel_theory.spectra(np.asarray(given, np.float32))
    found = (of_inputs if transposed else of_features)[:size] * 900
    np.testing.assert_allclose(found[:450], values, rtol=0.02)
    assert not found[450:].any() and of_features.dtype == np.float64


def test_modes_that_are_not_there_are_zero_in_single_precision():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 250))
    assert np.count_nonzero(kernel_theory.spectra(features.astype(np.float32))[0]) == 5


@pytest.mark.parametrize(("points", "students"), [(5, 12), (12, 5), (40, 30)])
def test_exchange_leaves_the_loss_as_it_is(points, students):
    rng = np.random.default_rng(2)
    features = rng.normal(size=(70, 45)) * np.arange(1, 46) ** -0.5
    sample, projection = rng.normal(size=(points, 70)), rng.normal(size=(students, 45))
    problem = sample, projection, features
    losses = [
        float(teacher_student_loss(a @ f, pi, population_features=f))
        for a, pi, f in (problem, kernel_theory.exchange(*problem))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.effective_ridge([1.0, -1.0], 3.0), "eigenvalues must be 0 or"),
        (lambda t: t.effective_ridge([0.0, 0.0], 3.0), "must not all be 0"),
        (lambda t: t.effective_ridge([1.0], 0), "train_sizes must be above 0"),
        (lambda t: t.effective_ridge([1.0], 1, -1.0), "ridge must be 0"),
        (lambda t: t.effective_ridge([[1.0]], 1), "must be a vector"),
        (lambda t: t.learning_curve([1.0, 0.5], [1.0] * 3, 1), "must be a number or 2"),
        (lambda t: t.learning_curve([1.0], np.nan, 1), "target_moments must be 0"),
        (lambda t: t.learning_curve([1.0], 1, 1, noise=-1), "noise must be 0"),
        (lambda t: t.power_law_curve(0, 1), "exponent must be above 0"),
        (lambda t: t.power_law_curve(1, 1, 0), "num_features must be above 0"),
        (lambda t: t.variance_limited_loss(1, 4, 5), "above fixed"),
        (lambda t: t.variance_limited_loss(1, 4, 50, 40), "at most the pool"),
        (lambda t: t.variance_limited_loss(1, -1, 50), "fixed must be 0"),
        (lambda t: t.spectra(np.full((2, 2), np.inf)), "features must be finite"),
    ],
)
def test_mistakes_are_one_sentence(unchecked, call, words):
    with pytest.raises(InputError, match=words):
        call(kernel_theory)
