import numpy as np
import pytest
from scipy import stats

from scaletime_jax.stats.claims import count_verdicts, judge
from scaletime_jax.stats.estimates import (
    Estimate,
    Resamples,
    bootstrap_error,
    jackknife,
    leaving_out,
    over_seeds,
    seed_weights,
    u_depth,
)

WHAT = {"source": "", "statement": "", "setting": {}, "quantity": ""}


def test_of_a_mean_it_is_students_interval():
    values = np.random.default_rng(0).normal(size=(1, 6))
    estimate = jackknife(lambda v: v.mean(), values)
    expected = stats.t.interval(0.95, 5, values.mean(), stats.sem(values[0]))
    assert estimate.value == pytest.approx(values.mean())
    np.testing.assert_allclose(estimate.interval, expected, rtol=1e-12)


def test_five_seeds_cover_a_nonlinear_statistic():
    rng, covered, trials = np.random.default_rng(2), 0, 400
    for _ in range(trials):
        pair = np.exp(0.2 * rng.normal(size=(2, 1, 5)))
        ratio = jackknife(lambda a, b: np.log(a.mean() / b.mean()), *pair)
        covered += ratio.interval[0] <= 0 <= ratio.interval[1]
    # 0.95 less and more 4 binomial s.e. of 400 trials
    assert 0.905 <= covered / trials <= 0.995


def test_a_seed_that_is_not_finite_in_one_is_left_out_of_all():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 5))
    with_nan = a.copy()
    with_nan[1, 2] = np.nan

    def statistic(a, b):
        return (a * b).sum(axis=0).mean()

    kept = [0, 1, 3, 4]
    assert jackknife(statistic, with_nan, b) == jackknife(
        statistic, a[:, kept], b[:, kept]
    )


def test_what_is_not_determined_is_none():
    def mean(values):
        return values.mean()

    assert jackknife(mean, np.full((2, 3), np.nan)) == Estimate(None, None)
    assert jackknife(lambda v: np.nan, np.ones((2, 3))) == Estimate(None, None)
    assert jackknife(mean, np.ones((2, 1))) == Estimate(1.0, None)
    # without the first seed there is no maximum above zero
    only = np.array([[1.0, 0.0, 0.0]])
    ratio = jackknife(lambda v: 1.0 if v.max() > 0 else np.nan, only)
    assert ratio == Estimate(1.0, None)


@pytest.mark.parametrize(
    ("interval", "within", "verdict"),
    [
        ((0.9, 1.1), (0.8, 1.2), "holds"),
        ((0.7, 1.1), (0.8, 1.2), "undecided"),
        ((0.7, 1.3), (0.8, 1.2), "undecided"),
        ((1.3, 1.5), (0.8, 1.2), "fails"),
        ((0.1, 0.5), (0.8, 1.2), "fails"),
        ((-2.0, -1.0), (None, 0.0), "holds"),
        ((0.0, 0.0), (None, 0.0), "fails"),
        ((0.0, 0.0), (0.0, None), "fails"),  # no upturn at all
        ((1.0, 1.0), (0.5, None), "holds"),
        (None, (0.5, None), "undecided"),
    ],
)
def test_verdicts(interval, within, verdict):
    claim = judge(Estimate(1.0, interval), within, **WHAT)
    assert claim.verdict == verdict
    assert count_verdicts([claim])[verdict] == 1


def test_a_planted_u_is_measured():
    rng = np.random.default_rng(0)
    means = np.array([1.0, 0.2, 0.5, 0.7])
    depth = u_depth(means[:, None] + 0.01 * rng.normal(size=(4, 5)))
    assert depth.value == pytest.approx(0.5, abs=0.02)  # 0.7, the lower end, less 0.2
    assert depth.interval[0] > 0.45


@pytest.mark.parametrize(
    "means", [(3.0, 2.0, 1.5, 1.0), (1.0, 1.5, 2.0, 3.0)], ids=["falls", "rises"]
)
def test_a_curve_that_only_falls_or_rises_is_no_u(means):
    rng = np.random.default_rng(0)
    depth = u_depth(np.array(means)[:, None] + 0.05 * rng.normal(size=(4, 5)))
    assert depth.value == pytest.approx(-0.5, abs=0.1)
    assert depth.interval[1] < 0


@pytest.mark.parametrize("points", [3, 6])
def test_noise_alone_is_no_u_and_not_surely_none(points):
    """The least of several noisy points must not count as a dip."""
    rng = np.random.default_rng(3)
    trials = [u_depth(rng.normal(size=(points, 5))) for _ in range(400)]
    depths = np.array([trial.value for trial in trials])
    # in expectation 0; the naive depth of six, end less least mean, would be 0.57
    assert abs(depths.mean()) < 4 * stats.sem(depths)
    for side in (
        [trial.interval[0] > 0 for trial in trials],
        [trial.interval[1] < 0 for trial in trials],
    ):
        # seeds choose for one another: 0.06 of 3,000 trials, and 4 binomial s.e.
        assert np.mean(side) < 0.06 + 0.048


def test_too_few_seeds_or_points_for_a_u():
    for shape in ((4, 1), (2, 5)):
        assert u_depth(np.ones(shape)) == Estimate(None, None)


def test_the_bootstraps_error_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=5)
    weights = seed_weights(5, 20_000)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_array_equal(weights[0], 0.2)
    error = bootstrap_error(weights @ values, 5)
    # of 20,000 resamples' standard deviation: half a percent
    assert error == pytest.approx(stats.sem(values), rel=0.02)
    estimate = Resamples(weights, False).estimate(weights @ values)
    expected = stats.t.interval(0.95, 4, values.mean(), error)
    np.testing.assert_allclose(estimate.interval, expected)


def test_where_resamples_fail_there_is_no_interval():
    resampled = np.ones(101)
    resampled[1:10] = np.nan
    assert bootstrap_error(resampled, 5) == 0
    resampled[1:13] = np.nan
    assert over_seeds(5).estimate(resampled) == Estimate(1.0, None)
    assert over_seeds(5).estimate(np.full(101, np.nan)) == Estimate(None, None)


def test_one_seed_has_no_bootstrap():
    assert seed_weights(1).shape == (1, 1)
    assert over_seeds(1).estimate(np.array([2.0])) == Estimate(2.0, None)
    assert over_seeds(1).words == "One seed of too few sizes: no interval."


def test_units_left_out_in_turn_are_the_jackknife():
    values = np.random.default_rng(1).normal(size=6)
    resamples = leaving_out(6)
    resampled = np.exp(resamples.weights @ values)
    expected = jackknife(lambda v: float(np.exp(v.mean())), values)
    found = resamples.estimate(resampled)
    assert found.value == pytest.approx(expected.value)
    np.testing.assert_allclose(found.interval, expected.interval)
    assert found.freedom == expected.freedom == 5
    # without one of the units there is no value
    resampled[3] = np.nan
    assert resamples.estimate(resampled) == Estimate(found.value, None)
