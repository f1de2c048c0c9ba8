import numpy as np
import pytest

from scaletime_jax.laws import unified_law
from scaletime_jax.laws.unified_law import fit_unified_law

TAU = np.geomspace(0.1, 1e4, 60)


def double_descent(tau):
    """A noise learned early, the signal late: falls never before it has risen."""
    fast, slow = 1.0, 1e-3
    signal = 0.8 * np.exp(-2 * slow * tau) + 0.2 * np.exp(-2 * 10 * fast * tau)
    return 0.01 + signal + 0.5 * (1 - np.exp(-fast * tau)) ** 2 * np.exp(-slow * tau)


def planted(tau):
    return (
        0.05
        + 0.6 * np.exp(-2 * 0.01 * tau)
        + 0.3 * np.exp(-2 * tau)
        + 0.2 * (1 - np.exp(-0.1 * tau)) ** 2
    )


def power_law_misfit(tau, error):
    """Root mean square log error of the best c + a tau^-b, over a grid of b."""
    best = np.inf
    for b in np.linspace(-1, 3, 81):
        design = np.stack([np.ones_like(tau), tau**-b], axis=1) / error[:, None]
        weights = np.linalg.lstsq(design, np.ones_like(tau), rcond=None)[0]
        fitted = np.stack([np.ones_like(tau), tau**-b], axis=1) @ weights
        if (fitted > 0).all():
            best = min(best, np.sqrt(np.mean(np.log(fitted / error) ** 2)))
    return best


def test_a_planted_law_is_recovered_on_its_own_rates():
    rates = np.array([0.01, 0.1, 1.0])
    law = fit_unified_law(TAU, planted(TAU), rates=rates, ridge=0.0)
    assert law.offset == pytest.approx(0.05, abs=1e-8)
    np.testing.assert_allclose(law.signal, [0.6, 0, 0.3], atol=1e-8)
    # b_k / lam_k = 0.2 at lam = 0.1
    np.testing.assert_allclose(law.noise, [0, 0.02, 0], atol=1e-8)
    np.testing.assert_allclose(law.predict(TAU), planted(TAU), rtol=1e-8)


def test_a_planted_law_is_predicted_between_and_beyond_the_points():
    law = fit_unified_law(TAU[:45:2], planted(TAU[:45:2]))
    between = TAU[1:44:2]
    np.testing.assert_allclose(law.predict(between), planted(between), rtol=0.01)
    assert law.predict(0.0) == pytest.approx(planted(0.0), rel=0.1)


def test_it_beats_a_power_law_on_double_descent():
    error = double_descent(TAU)
    assert (np.diff(error) > 0).any() and error[-1] < error[0]  # it is one
    law = fit_unified_law(TAU, error)
    ours = np.sqrt(np.mean(np.log(law.predict(TAU) / error) ** 2))
    assert ours < power_law_misfit(TAU, error) / 4


def test_weights_are_never_negative_and_errors_positive():
    noisy = planted(TAU) * np.random.default_rng(0).lognormal(0, 0.2, len(TAU))
    law = fit_unified_law(TAU, noisy)
    assert law.offset >= 0 and (law.signal >= 0).all() and (law.noise >= 0).all()
    assert (law.predict(np.geomspace(1e-3, 1e7, 50)) > 0).all()


def test_leaving_out_curves_chooses_more_ridge_for_more_noise():
    rng = np.random.default_rng(0)
    tau, curves = np.tile(TAU, 4), np.repeat(np.arange(4), len(TAU))

    def chosen(noise):
        error = planted(tau) * rng.lognormal(0, noise, len(tau))
        return fit_unified_law(tau, error, curves)

    clean, noisy = chosen(0.0), chosen(0.5)
    assert clean.ridge < noisy.ridge
    # its mean is that of the noise, e^{0.125}; each of 60 places has four points of 0.5
    miss = np.log(noisy.predict(TAU) / planted(TAU)) - 0.125
    assert np.sqrt(np.mean(miss**2)) < 0.15


def test_the_unit_of_the_error_and_repeated_points_do_not_matter():
    noisy = planted(TAU) * np.random.default_rng(0).lognormal(0, 0.2, len(TAU))
    one = fit_unified_law(TAU, noisy, ridge=0.01).predict(TAU)
    scaled = fit_unified_law(TAU, 1000 * noisy, ridge=0.01).predict(TAU)
    twice = fit_unified_law(np.tile(TAU, 2), np.tile(noisy, 2), ridge=0.01)
    np.testing.assert_allclose(scaled, 1000 * one, rtol=1e-6)
    np.testing.assert_allclose(twice.predict(TAU), one, rtol=1e-6)


def test_curves_are_left_out_whole(monkeypatch):
    fitted, fit = [], unified_law._fit
    monkeypatch.setattr(
        unified_law, "_fit", lambda t, *rest: fitted.append(len(t)) or fit(t, *rest)
    )
    fit_unified_law(TAU, planted(TAU), np.repeat([0, 1], [40, 20]))
    tried = len(unified_law.RIDGES)
    assert fitted == [20, 40] * tried + [60]


def test_without_a_curve_to_judge_by_the_ridge_is_small_but_there():
    few = fit_unified_law(TAU[:4], planted(TAU[:4]), [0, 0, 1, 1])
    assert few.ridge == min(ridge for ridge in unified_law.RIDGES if ridge > 0)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"progress": -TAU}, "progress"),
        ({"progress": TAU[:5]}, "progress and squared_error"),
        ({"squared_error": 0 * TAU}, "squared_error"),
        ({"squared_error": TAU * np.nan}, "finite"),
        ({"curves": [1, 2]}, "curves"),
        ({"rates": np.array([0.0, 1.0])}, "rates"),
        ({"ridge": -1.0}, "ridge"),
        ({"progress": np.zeros(60)}, "three points"),
    ],
)
def test_what_cannot_be_is_named(unchecked, changes, name):
    arguments = {"progress": TAU, "squared_error": planted(TAU), **changes}
    with pytest.raises(ValueError, match=name):
        fit_unified_law(**arguments)
