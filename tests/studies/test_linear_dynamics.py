import numpy as np
import pytest
from written import assert_can_be_written

from scaletime_jax.studies.linear_dynamics import (
    Options,
    make_data_curves,
    make_trajectories,
    study,
)
from scaletime_jax.studies.size_time import make_regression, make_size_time_curves


def test_noise_decides_how_the_error_goes(float64):
    by_name = {each.name: each for each in make_trajectories(np.geomspace(1e-2, 1e5))}
    assert by_name["no noise"].turns == ["falls"]
    assert by_name["noise first: double descent"].turns == ["falls", "rises", "falls"]
    assert by_name["noise last"].turns == ["falls", "rises"]
    clean = by_name["no noise"]
    np.testing.assert_allclose(clean.path[-1], clean.teacher, atol=1e-9)


def test_error_over_data_has_its_known_values(float64):
    """Gaussian inputs: 1 - n/m without noise, noise^2 m / (n - m - 1) with n >> m."""
    [few] = make_data_curves([10], 40, 0.0, [np.inf], draws=50, seed=0)
    assert few.median[0] == pytest.approx(1 - 10 / 40, rel=1e-9)
    [many] = make_data_curves([400], 5, 0.3, [np.inf], draws=400, seed=0)
    # the median of a nearly symmetric distribution with a spread of 2%
    assert many.median[0] == pytest.approx(0.09 * 5 / 394, rel=0.02)
    assert many.low[0] < many.median[0] < many.high[0]


def test_the_peak_is_where_points_are_as_many_as_parameters(float64):
    sizes = [5, 10, 15, 18, 20, 22, 25, 30, 40]
    early, late = make_data_curves(sizes, 20, 0.5, [0.01, np.inf], draws=50, seed=0)
    assert sizes[np.argmax(late.median)] == 20
    assert np.argmax(early.median) == 0  # stopped early there is no peak


def test_size_and_time_fall_on_one_curve_with_double_descent(float64):
    problem, progress = make_regression(0), np.geomspace(1e-2, 1e5, 15)
    curves = make_size_time_curves(
        problem, [10**3, 10**5, 10**7], progress, [10**6], [1e-3], draws=10, seed=0
    )
    along_p, along_t = curves
    assert along_p.fixed == "t" and along_t.fixed == "p"
    np.testing.assert_allclose(along_p.progress, [1.0, 1e2, 1e4])
    # fluctuations of sqrt(20 / p), averaged over ten draws
    assert along_t.deviation < 1e-3 and along_p.deviation < 0.03
    rises = np.diff(along_t.limit)
    assert (rises > 0).any() and rises[0] < 0 and along_t.limit[-1] < along_t.limit[0]


def test_too_few_parameters_never_learn_it_all(float64):
    """p below n: what is out of reach stays, the capacity limit."""
    problem = make_regression(0)
    curves = make_size_time_curves(
        problem, [5], np.array([1e9]), [5], [1.0], draws=20, seed=0
    )
    assert curves[1].mean[0] > curves[1].limit[0] + 0.1


@pytest.mark.slow
def test_a_study_has_all_four_panels(float64):
    options = Options(10, [5, 8, 10, 12, 20], sizes=[30, 1000, 10**6], draws=20)
    result = study(options)
    assert_can_be_written(result)
    assert result.summary["train_size_of_largest_error"]["inf"] == 10
    turns = result.summary["error_over_time"]["noise first: double descent"]
    assert turns == ["falls", "rises", "falls"]
    assert len(result.tables["data"]) == 5 * 4
    assert len(result.notes) == 4 + 4 + 4
