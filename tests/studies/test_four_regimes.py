"""The four regimes, kernels and duality of a small population of Gaussian features."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from precision import double_precision

from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.duality import (
    exchange_error,
    make_claims,
    measure_duality,
)
from scaletime_jax.studies.feature_pool import (
    make_inputs,
    make_targets,
    measure_spectrum,
)
from scaletime_jax.studies.four_regimes import Sizes, measure_regimes
from scaletime_jax.studies.four_regimes import make_claims as judge_regimes
from scaletime_jax.studies.kernel_targets import judge_kernels, study_kernel
from scaletime_jax.studies.planted_spectra import judge_planted, measure_planted

N, S, ALPHA = 800, 400, 0.7


@pytest.fixture(scope="module")
def population():
    """Features whose C is known but for sampling, in a basis of no meaning."""
    with double_precision():
        keys = jax.random.split(jax.random.key(0))
        turn = jnp.linalg.qr(jax.random.normal(keys[0], (S, S)))[0]
        scales = jnp.arange(1.0, S + 1) ** (-(1 + ALPHA) / 2)
        features = (jax.random.normal(keys[1], (N, S)) * scales) @ turn
        return features, measure_spectrum(features)


@pytest.fixture(scope="module")
def regimes(population):
    features, spectrum = population
    sizes = Sizes([16, 32, 64], 4, [64, 128, 256, 512], [64, 128, 256, 400])
    with double_precision():
        return measure_regimes(features, spectrum.eigenvalues, sizes, 30, 1)


def test_spectrum_of_a_pool_is_fitted_before_it_bends(population):
    _, spectrum = population
    assert spectrum.modes[0] == 10 and 15 < spectrum.modes[1] < 200
    low, high = spectrum.exponent.interval
    assert low - 0.05 < ALPHA < high + 0.05


def test_all_four_regimes_meet_theory(regimes):
    names = ["variance-limited"] * 2 + ["resolution-limited"] * 2
    assert [panel.regime.name for panel in regimes] == names
    assert [panel.over for panel in regimes] == ["data", "features"] * 2
    for panel in regimes[:2]:
        low, high = panel.law.exponent.interval
        assert low < 1.05 and high > 0.95 and high - low < 0.4
        # sums over 30 draws of a variance with P = 4 degrees of freedom: 10%
        assert np.all(np.abs(panel.ratio - 1) < 0.4), panel.ratio
        assert np.abs(np.log(panel.ratio)).mean() < 0.2
    for panel in regimes[2:]:
        assert np.all(np.abs(panel.ratio - 1) < 0.05), panel.ratio
        gap = panel.law.exponent.value - panel.theory_law.exponent.value
        assert abs(gap) < 0.05


def test_a_finite_pool_of_points_counts_as_more(regimes):
    data, features = regimes.variance_data, regimes.variance_features
    np.testing.assert_allclose(1 / data.draws, 1 / data.sizes - 1 / N)
    np.testing.assert_allclose(features.draws, features.sizes)
    np.testing.assert_array_equal(data.fitted, data.sizes >= 64)


def test_regimes_are_judged(population, regimes):
    claims = judge_regimes(population[1], regimes, {"dataset": "planted"})
    assert [claim.quantity for claim in claims] == [
        "variance-limited exponent in D",
        "variance-limited exponent in P",
        "alpha_D - alpha_P",
        "alpha_D - alpha_K",
        "alpha_P - alpha_K",
    ]
    gap = claims[2]
    laws = regimes.resolution_data.law, regimes.resolution_features.law
    difference = laws[0].exponent.value - laws[1].exponent.value
    assert gap.value == pytest.approx(difference)
    assert gap.interval[0] < gap.value < gap.interval[1]
    law, spectrum = laws[0].exponent, population[1].exponent
    assert claims[3].value == pytest.approx(law.value - spectrum.value)
    reach = (
        law.interval[0] - spectrum.interval[1],
        law.interval[1] - spectrum.interval[0],
    )
    assert claims[3].interval == pytest.approx(reach)
    spectrum = population[1]._replace(exponent=Estimate(None, None))
    assert judge_regimes(spectrum, regimes, {})[3].verdict == "undecided"


def test_planted_exponents_are_found():
    with double_precision():
        (planted,) = measure_planted([1.0], 3000, [20, 40, 80], 10, 0)
    assert planted.spectrum.exponent.value == pytest.approx(1)
    for law in (planted.data_law, planted.features_law, planted.theory_law):
        assert law.exponent.value == pytest.approx(1, abs=0.06)
    np.testing.assert_allclose(planted.theory, planted.asymptote, rtol=0.1)
    claims = judge_planted(planted)
    assert [claim.quantity[:7] for claim in claims] == ["alpha_D", "alpha_P"]
    assert claims[0].value == pytest.approx(planted.data_law.exponent.value - 1)


@pytest.mark.slow
def test_data_and_features_may_be_exchanged(population):
    features, spectrum = population
    with double_precision():
        curves = measure_duality(
            features,
            spectrum.eigenvalues,
            25,
            [10, 25, 80],
            [1e-3, 1e2, 1e4],
            12,
            0,
        )
        exact = exchange_error(features, 0)
    small, tuned = curves
    assert small.ridge == 1e-3 and tuned.ridge is None and exact < 1e-9
    assert np.all(tuned.over_data.mean(axis=1) <= small.over_data.mean(axis=1))
    assert tuned.ratio.value == pytest.approx(1, abs=0.08)
    off_peak = np.array([0, 2])
    for curve, kept in ((small, off_peak), (tuned, np.arange(3))):
        for losses in (curve.over_data, curve.over_features):
            ratio = (losses.mean(axis=1) / curve.theory)[kept]
            assert np.all(np.abs(ratio - 1) < 0.15), ratio
    claims = make_claims(curves, {})
    assert [claim.setting["ridge"] for claim in claims] == [1e-3, "tuned ridge"]


def test_kernels_tell_teachers_from_labels():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(500, 12))
    with double_precision():
        distance = np.sum((inputs[:, None] - inputs) ** 2, axis=2)
        kernel = jnp.asarray(np.exp(-np.sqrt(distance) / 5))
        labels = inputs[:, :2] + 0.1 * inputs[:, 2:4] * inputs[:, 4:6]
        labels = (labels - labels.mean(axis=0)) / labels.std()
        study = study_kernel("Laplace", kernel, labels, [16, 32, 64], 8, 0)
    assert study.eigenvalues.sum() == pytest.approx(1)
    for targets in (study.teacher, study.labels):
        ratio = targets.losses.mean(axis=1) / targets.theory
        assert np.all(np.abs(ratio - 1) < 0.12), ratio
    # the moments make up the second moment of the labels
    total = np.sum(study.eigenvalues * study.labels.moments)
    assert total == pytest.approx(np.mean(labels**2))
    # a smooth target is easier than the kernel's own
    [claim] = judge_kernels([study], {"dataset": "planted"})
    laws = study.teacher.law, study.labels.law
    assert claim.value == pytest.approx(laws[0].exponent.value - laws[1].exponent.value)
    assert claim.verdict == "fails" and claim.source.startswith("beyond")


def test_inputs_lie_on_a_sphere_and_targets_are_normalised(digits):
    inputs = make_inputs(digits.test_images[:50], 4)
    assert inputs.shape == (50, 49)
    np.testing.assert_allclose(jnp.sum(inputs**2, axis=1), 49, rtol=1e-5)
    targets = make_targets(digits.test_labels, 10)
    assert np.mean(targets**2) == pytest.approx(1)
    np.testing.assert_allclose(targets.mean(axis=0), 0, atol=1e-12)
