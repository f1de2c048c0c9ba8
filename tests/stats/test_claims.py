"""Verdicts by limits, and for many claims together."""

import numpy as np
import pytest

from scaletime_jax.stats.claims import correct, count_verdicts, holm, judge
from scaletime_jax.stats.estimates import Estimate, jackknife

WHAT = {"source": "[X]", "statement": "It is so.", "setting": {}, "quantity": "it"}


def of(value, reach, limits, freedom=4):
    estimate = Estimate(value, (value - reach, value + reach), freedom)
    return judge(estimate, limits, **WHAT)


def test_holm_is_statsmodels():
    """`multipletests(p, method="holm")` of statsmodels 0.15.0."""
    p = [0.011, 0.0002, 0.04, 0.011, 0.3, 0.0049, 0.9]
    expected = [0.055, 0.0014, 0.12, 0.055, 0.6, 0.0294, 0.9]
    np.testing.assert_allclose(holm(p), expected, rtol=1e-12)
    assert holm([0.4, 0.6]).tolist() == [0.8, 0.8] and holm([]).shape == (0,)


@pytest.mark.parametrize("limits", [(0.0, 1.0), (None, 1.0), (0.0, None)])
@pytest.mark.parametrize("value", [-0.7, -0.3, 0.2, 0.5, 0.8, 1.2, 1.9])
@pytest.mark.parametrize("freedom", [1, 4, None])
def test_the_p_value_decides_as_the_interval_does(value, limits, freedom):
    for reach in (0.1, 0.4, 0.6):
        claim = of(value, reach, limits, freedom)
        assert (claim.p_value < 0.05) == (claim.verdict != "undecided")


def test_at_the_limit_it_is_five_percent():
    assert of(0.0, 1.0, (-1.0, 5.0)).p_value == pytest.approx(0.05)
    assert of(2.0, 1.0, (None, 1.0), None).p_value == pytest.approx(0.05)


def test_the_p_value_is_students():
    """Of the mean of four numbers above 0: t = 2.683, three degrees of freedom."""
    estimate = jackknife(np.mean, np.array([[1.0, 2.0, 3.0, 0.5]]))
    claim = judge(estimate, (0.0, None), **WHAT)
    t = 1.625 / (np.std([1, 2, 3, 0.5], ddof=1) / 2)
    x = np.linspace(t, 2000, 4_000_001)
    density = 2 / (np.pi * np.sqrt(3) * (1 + x**2 / 3) ** 2)
    assert claim.p_value == pytest.approx(2 * np.trapezoid(density, x), rel=1e-3)


def test_without_an_interval_there_is_no_verdict():
    for estimate in (Estimate(None, None), Estimate(0.5, None)):
        claim = judge(estimate, (0.0, 1.0), **WHAT)
        assert claim.verdict == claim.corrected == "undecided"
        assert claim.p_value is None


def test_seeds_that_are_copies_decide():
    assert of(0.5, 0.0, (0.0, 1.0)).verdict == "holds"
    assert of(0.5, 0.0, (0.0, 1.0)).p_value == 0


def test_many_claims_are_corrected_together():
    one = of(0.5, 0.45, (0.0, 1.0))
    many = correct([one, of(0.5, 0.1, (0.0, 1.0)), *[of(0.5, 0.6, (0.0, 1.0))] * 8])
    assert one.verdict == many[0].verdict == "holds"
    assert many[0].corrected == "undecided" and many[1].corrected == "holds"
    assert many[0].p_corrected == pytest.approx(9 * one.p_value)
    assert count_verdicts(many) == {"holds": 2, "fails": 0, "undecided": 8}
    assert count_verdicts(many, corrected=True)["holds"] == 1
    assert correct([one])[0].corrected == "holds"


def test_what_was_not_measured_is_not_counted():
    nothing = judge(Estimate(None, None), (0.0, 1.0), **WHAT)
    first, *_ = correct([of(0.5, 0.45, (0.0, 1.0)), *[nothing] * 9])
    assert first.corrected == "holds"
