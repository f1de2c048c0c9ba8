import numpy as np
import pandas as pd
import pytest
from planted import PARAMS, as_logs, planted_runs, planted_table
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.guessing import Level
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.lines import fit_line
from scaletime_jax.studies.tradeoff import (
    find_floors,
    fit_tradeoff,
    make_claims,
    study,
)

PAPER = [Level(None, {"planted": 0.09})]


def crossing(width, exponent=1.0, train_size=1000, threshold=0.09):
    rate = PARAMS[width] ** (exponent / 3) * train_size * 2e-6
    return np.log(0.1 / threshold) / rate


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_a_planted_exponent_is_the_slope(exponent):
    [curve] = fit_tradeoff(planted_table(exponent), PAPER)
    # linear interpolation of an exponential on a grid of 0.05 epochs: the least
    # crossing, 0.3 epochs, is off by up to a thousandth of itself
    assert curve.fit.slope == pytest.approx(-exponent, abs=1e-3)
    assert curve.fit.r_squared == pytest.approx(1.0, abs=1e-6)
    assert (curve.reached, curve.censored) == (20, 0)
    for point in curve.points:
        expected = crossing(point.width, exponent)
        assert point.epochs_mean == pytest.approx(expected, rel=1e-3)
        assert point.epochs_sem == pytest.approx(0, abs=1e-9)
        assert point.effective_size == pytest.approx(PARAMS[point.width] ** (1 / 3))


def test_one_curve_a_train_size():
    table = planted_table(sizes=(500, 1000, 2000))
    curves = fit_tradeoff(table, PAPER)
    assert [curve.fields["train_size"] for curve in curves] == [500, 1000, 2000]
    means = [curve.points[0].epochs_mean for curve in curves]
    np.testing.assert_allclose(np.divide(means[:-1], means[1:]), 2, rtol=1e-3)


def test_runs_that_never_get_there_are_censored_not_missing():
    limit = (crossing(1) + crossing(2)) / 2  # width 1 does not get there in time
    [curve] = fit_tradeoff(planted_table(epochs_run=limit), PAPER)
    first = curve.points[0]
    assert (first.reached, first.censored) == (0, 5)
    assert first.epochs_mean is None and first.epochs_sem is None
    assert first.epochs_at_least == pytest.approx(limit)
    assert curve.censored == 5
    assert curve.fit.slope == pytest.approx(-1, abs=1e-3)  # of the other three widths


def test_partly_censored_widths_are_not_fitted():
    table = planted_table(noise=0.2)
    late = table.run_id.isin(["1000-1-0.0-0", "1000-1-0.0-1"])
    table.loc[late, "test_loss"] = 0.1
    [curve] = fit_tradeoff(table, PAPER)
    [whole] = fit_tradeoff(table[table.width > 1], PAPER)
    assert (curve.points[0].reached, curve.points[0].censored) == (3, 2)
    assert curve.points[0].epochs_at_least > curve.points[0].epochs_mean
    assert curve.fit == whole.fit


def test_fewer_than_three_widths_have_no_slope():
    table = planted_table()
    [curve] = fit_tradeoff(table[table.width <= 2], PAPER)
    assert curve.fit is None and curve.reached == 10


def test_the_interval_covers_the_planted_slope():
    """Seeds that scatter all sizes alike and each a little."""
    rng, covered, trials = np.random.default_rng(1), 0, 200
    sizes = np.array([20.0, 26.0, 37.0, 49.0, 68.0])
    for _ in range(trials):
        scatter = 0.15 * rng.normal(size=(5, 5)) + 0.2 * rng.normal(size=(1, 5))
        fit = fit_line(sizes, 1000 / sizes[:, None] * np.exp(scatter))
        covered += fit.slope_ci[0] <= -1 <= fit.slope_ci[1]
    # 0.95 less 4 binomial s.e. of 200 trials
    assert 0.89 <= covered / trials < 1


def test_a_threshold_above_the_untrained_loss_is_refused():
    with pytest.raises(InputError, match=r"threshold 0.2: 20 of 20 runs of planted"):
        fit_tradeoff(planted_table(), [Level(None, {"planted": 0.2})])


def test_equal_times_have_slope_zero_and_no_r_squared():
    fit = fit_line(np.array([1.0, 2.0, 4.0]), np.full((3, 2), 7.0))
    np.testing.assert_allclose([fit.slope, *fit.slope_ci], 0, atol=1e-12)
    assert fit.r_squared is None


def test_one_seed_has_a_slope_and_no_interval():
    [curve] = fit_tradeoff(planted_table(seeds=1), PAPER)
    assert curve.fit.slope == pytest.approx(-1, abs=1e-3)
    assert curve.fit.slope_ci is None
    assert all(point.epochs_sem is None for point in curve.points)


def test_r_squared_is_that_of_the_line():
    sizes, epochs = np.array([1.0, 2.0, 4.0]), np.array([[1.0], [4.0], [4.0]])
    fit = fit_line(sizes, epochs)
    x, y = np.log(sizes), np.log(epochs[:, 0])
    assert fit.slope == pytest.approx(np.polyfit(x, y, 1)[0])
    assert fit.r_squared == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)


@pytest.mark.parametrize(("exponent", "verdict"), [(1.0, "holds"), (0.5, "fails")])
def test_the_verdict_on_a_planted_exponent(exponent, verdict):
    [claim] = make_claims(fit_tradeoff(planted_table(exponent, noise=0.02), PAPER))
    assert claim.verdict == verdict
    assert claim.value == pytest.approx(-exponent, abs=0.1)
    assert claim.holds_within == (-1.15, -0.85)


def test_adams_upturn_is_a_claim_of_its_own():
    def law(p, t, n, _):
        rate = 1e-3 * p * np.exp(-((p / 42) ** 2))  # fastest at 42 / sqrt 2
        return 0.1 * np.exp(-rate * t), np.ones_like(t)

    table = planted_runs(law, np.linspace(0, 300, 3001), scatter=0.02)
    slope, rise = make_claims(fit_tradeoff(table.assign(optimizer="adam"), PAPER))
    assert slope.source == "beyond [BF24, Fig. 2]" and slope.verdict == "undecided"
    assert slope.value is None and "no single slope" in slope.note
    assert rise.source == "[BF24, Fig. 7]" and rise.verdict == "holds"

    def log_time(width):
        p = np.cbrt(PARAMS[width])
        return (p / 42) ** 2 - np.log(p)

    assert log_time(1) < log_time(10)  # the lower end
    depth = log_time(1) - log_time(2)
    assert rise.value == pytest.approx(depth, abs=0.05)


def test_adams_epochs_that_only_rise_are_no_u():
    def law(p, t, n, _):
        return 0.1 * np.exp(-t / p), np.ones_like(t)

    table = planted_runs(law, np.linspace(0, 300, 3001), scatter=0.02)
    _, rise = make_claims(fit_tradeoff(table.assign(optimizer="adam"), PAPER))
    assert rise.verdict == "fails" and rise.value < 0


def test_a_seed_that_one_width_lacks_leaves_the_others():
    table = planted_table(noise=0.1)
    part = table[~((table.width == 5) & (table.seed == 4))]
    [curve] = fit_tradeoff(part, PAPER)
    [without] = fit_tradeoff(table[table.seed < 4], PAPER)
    assert curve.fit == without.fit and curve.fit is not None
    assert curve.points[0].reached == 5 and curve.points[2].reached == 4


def test_runs_that_were_evaluated_too_rarely_are_refused():
    table = planted_table()
    with pytest.raises(InputError, match=r"first evaluated, at epoch 100; .*record"):
        fit_tradeoff(table[table.epoch == 100], PAPER)


@pytest.mark.parametrize("convert", [lambda table: table, as_logs])
def test_the_study_holds_all_that_is_written(convert):
    """Also of logs that say little."""
    table = convert(planted_table(noise=0.1))
    result = study(Runs(table, [], []), 0.09)
    assert_can_be_written(result)
    [entry], [points, pairs] = result.summary["curves"], result.tables.values()
    assert entry["slope"] == pytest.approx(-1, abs=0.3)
    assert [point["width"] for point in points] == list(PARAMS)
    assert [pair["exponent"] for pair in pairs] == pytest.approx([-1] * 3, abs=0.5)
    assert result.claims[0].value == entry["slope"] and result.notes == []


def bent_law(p, t, n, _):
    """Time falls with p^-2 where p is small and not at all where it is large."""
    time = 20 * (1 + (30 / p) ** 4)
    return 0.1 * np.exp(-t / time), np.ones_like(t)


def test_a_curve_that_bends_has_local_exponents_and_no_slope():
    table = planted_runs(bent_law, np.linspace(0, 300, 3001), scatter=0.02, seeds=20)
    [curve] = fit_tradeoff(table, PAPER)
    sizes = np.cbrt(list(PARAMS.values()))
    times = np.log(1 + (30 / sizes) ** 4)
    expected = np.diff(times) / np.diff(np.log(sizes))
    np.testing.assert_allclose(curve.exponents.values, expected, atol=0.1)
    low, high = curve.exponents.intervals.T
    assert np.all((low < expected) & (expected < high))
    assert curve.fit is None and curve.exponents.bend.interval[0] > 1
    [claim] = make_claims([curve])
    assert claim.verdict == "undecided" and "no single slope" in claim.note


def test_a_share_is_of_what_guessing_costs():
    table = planted_table().assign(guessing_loss=0.08)
    given, tenth = fit_tradeoff(table, [Level(None, {"planted": 0.072}), Level(0.1)])
    assert tenth.threshold == pytest.approx(0.072) and tenth.share == 0.1
    assert given.share is None
    for one, other in zip(given.points, tenth.points, strict=True):
        assert one.epochs_mean == pytest.approx(other.epochs_mean)


@pytest.mark.parametrize("gone", [None, np.nan])
def test_where_guessing_is_not_known_a_threshold_is_asked_for(gone):
    table = planted_table().assign(guessing_loss=gone)
    with pytest.raises(
        InputError, match=r"class frequencies .* are not known"
    ) as error:
        fit_tradeoff(table, [Level(0.1)])
    assert "threshold" in error.value.quantities


def with_control(reach):
    """Runs that learn, and runs with shuffled labels that stop at a loss."""

    def chance(p, t, n, _):
        return reach + (0.1 - reach) * np.exp(-t / 5), np.ones_like(t)

    epochs = np.linspace(0, 100, 1001)
    table = planted_table(noise=0.02)
    control = planted_runs(chance, epochs, scatter=0.02).assign(shuffled_labels=True)
    control["run_id"] = "shuffled-" + control.run_id
    return table, control


def test_a_loss_that_chance_reaches_is_told_by_its_control():
    table, control = with_control(0.0895)
    levels = [Level(None, {"planted": 0.09}), Level(0.05)]
    chance, real = fit_tradeoff(table, levels, control)
    assert (chance.control.reached, chance.control.runs) == (20, 20)
    assert (real.control.reached, real.control.runs) == (0, 20)
    result = study(Runs(table, [{"logs": []}], [], control), 0.09)
    [floor] = result.summary["controls"]
    assert floor["loss"] == pytest.approx(0.0895, abs=1e-4) and floor["runs"] == 20
    assert floor["share"] == pytest.approx(1 - 0.0895 / 0.09, abs=1e-3)
    assert any("20 runs with shuffled labels reach no" in note for note in result.notes)
    assert_can_be_written(result)


def test_a_control_is_no_longer_than_the_runs_it_stands_beside():
    table, control = with_control(0.08)
    [long] = fit_tradeoff(table, [Level(0.01)], control)
    assert long.control.reached == 20  # after about four epochs
    [short] = fit_tradeoff(table[table.epoch <= 3], [Level(0.01)], control)
    assert short.control.reached == 0 and short.control.runs == 20


def test_no_more_than_one_control_in_a_hundred_is_below_the_floor():
    table, control = with_control(0.0895)
    lucky = control.run_id == control.run_id.iloc[0]
    control.loc[lucky & (control.epoch == 50), "test_loss"] = 0.05
    [floor] = find_floors(table, control)
    assert floor.loss == pytest.approx(0.05)  # of twenty it is the least
    more = [control.assign(run_id=control.run_id + str(i)) for i in range(6)]
    more[1:] = [each[~lucky.to_numpy()] for each in more[1:]]
    [floor] = find_floors(table, pd.concat(more))
    assert floor.runs == 115 and floor.loss == pytest.approx(0.0895, abs=1e-4)
