"""The exponent of size, recovered from tables in which it is known."""

import numpy as np
import pytest
from planted import as_logs, planted_runs
from scipy.stats import ttest_1samp
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.laws.threshold_scan import scan_thresholds
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.mean_curve import functional_f_test
from scaletime_jax.studies.equivalence import (
    KAPPAS,
    collapse_curves,
    collapse_grams,
    find_collapses,
    make_claims,
    study,
)

SIZES = np.array([8_400.0, 17_590, 50_150, 119_910, 320_000])
EPOCHS = np.logspace(-1, 2, 61)


def product_law(kappa):
    """A plateau, then a power law, of num_params^kappa x epochs."""

    def law(size, epoch):
        progress = (size / 2e4) ** kappa * epoch / 10
        return 0.09 * np.minimum(1, progress**-0.5)

    return law


def additive_law(exponent, of_size=1.0, of_time=1.0):
    """Two power laws added, with the same exponent of size^(1/3) and of time."""

    def law(size, epoch):
        first = of_size * 0.05 * (size / 5e4) ** (-exponent / 3)
        return 0.002 + first + of_time * 0.05 * (epoch / 10) ** -exponent

    return law


def noisy(rng, law, seeds=5):
    """Runs faster or slower by 20%, higher or lower by 3%, each evaluation by 1%."""
    shape = len(SIZES), 1, seeds
    own = np.exp(0.2 * rng.normal(size=shape))
    logs = np.log(law(SIZES[:, None, None], EPOCHS[:, None] * own))
    logs += 0.03 * rng.normal(size=shape) + 0.01 * rng.normal(size=logs.shape)
    return LearningCurves(SIZES, np.full(len(SIZES), 1000.0), EPOCHS, logs)


def assert_recovered(kappa, trials):
    """Returns the verdicts of planted curves, whose exponents are right."""
    rng = np.random.default_rng(0)
    made = [collapse_curves(noisy(rng, product_law(kappa))) for _ in range(trials)]
    inside = [c.kappa.interval[0] <= kappa <= c.kappa.interval[1] for c in made]
    assert np.mean(inside) >= 0.9
    assert abs(np.mean([c.kappa.value for c in made]) - kappa) < 0.02
    verdicts = [c.verdict for c in made]
    assert verdicts.count("no collapse") == 0
    return verdicts


def test_the_exponent_is_recovered_within_its_interval():
    assert "equivalent" in assert_recovered(1 / 3, 20)


@pytest.mark.slow
@pytest.mark.parametrize("kappa", [1 / 3, 0.8])
def test_four_in_five_verdicts_are_decided(kappa):
    right = "equivalent" if kappa == 1 / 3 else "trade-off, other exponent"
    assert assert_recovered(kappa, 100).count(right) >= 80


@pytest.mark.parametrize(("of_size", "of_time"), [(1.0, 1.0), (10.0, 0.1), (0.03, 3.0)])
@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_added_power_laws_are_not_called_equivalent(exponent, of_size, of_time):
    """Also with equal exponents, which draw iso-loss curves much like 1:1 lines."""
    rng = np.random.default_rng(1)
    law = additive_law(exponent, of_size, of_time)
    made = [collapse_curves(noisy(rng, law)) for _ in range(10)]
    assert "equivalent" not in [c.verdict for c in made]


def test_without_noise_it_is_exact():
    def law(p, t, n, _):
        loss = 0.09 / (1 + p**2.4 * t / 1e4)  # num_params^0.8
        return loss, loss

    table = planted_runs(law, np.logspace(-1, 2, 400))
    [made] = find_collapses(table, np.inf)
    assert made.kappa.value == pytest.approx(0.8, abs=0.002)
    assert made.error == pytest.approx(0, abs=1e-3) and made.unexplained < 1e-5


def test_losses_above_that_of_guessing_count_as_it():
    """An untrained network's own scale, which falls at a pace of its own."""
    learn = product_law(1 / 3)

    def law(p, t, n, _):
        loss = learn(p**3, t) + 0.1 * np.exp(-t * (p / 20) ** 6)
        return loss, loss

    table = planted_runs(law, np.logspace(-1, 2, 400), scatter=0.1)
    [made] = find_collapses(table)
    low, high = made.kappa.interval
    assert low < 1 / 3 < high and np.max(made.curves.logs) <= np.log(0.09)
    [other] = find_collapses(table, np.inf)
    assert other.kappa.interval[0] > 1 / 3


def test_where_nothing_is_learned_nothing_is_decided():
    def law(p, t, n, _):
        return np.full_like(t, 0.0901), np.full_like(t, 0.09)

    table = planted_runs(law, np.logspace(-1, 2, 50))
    [made] = find_collapses(table)
    assert made.verdict == "undecided" and made.kappa.value is None
    for claim in make_claims([made]):
        assert claim.verdict == "undecided" and "overlap" in claim.note


def wavy(height, seeds=5, scatter=0.1):
    """One curve of the product, with waves of which each size has its own phase."""
    rng = np.random.default_rng(3)
    progress = np.log(EPOCHS) + np.log(SIZES / SIZES[0])[:, None] / 3
    phase = 2 * np.pi * np.arange(len(SIZES))[:, None] / len(SIZES)
    logs = -0.5 * progress + height * np.cos(4 * progress + phase)
    runs = scatter * rng.normal(size=(len(SIZES), 1, seeds))
    sizes = np.full(len(SIZES), 1000.0)
    return LearningCurves(SIZES, sizes, EPOCHS, logs[:, :, None] + runs)


@pytest.mark.parametrize(
    ("height", "scatter", "verdict"),
    [(0.1, 0.15, "equivalent"), (0.1, 0.02, "no collapse")],
)
def test_the_error_that_is_left_is_that_of_the_waves(height, scatter, verdict):
    """Five phases spread evenly: a mean square of h^2 / 2, over four that are free."""
    made = collapse_curves(wavy(height, 30, scatter))
    expected = height * np.sqrt(5 / 4 / 2)
    # of 30 seeds, and not at every place do all five overlap
    assert made.error == pytest.approx(expected, rel=0.2)
    assert made.error_in_spreads.value == pytest.approx(expected / scatter, rel=0.3)
    assert made.verdict == verdict and made.p_value < 0.05


def test_chance_is_taken_off_the_error_that_is_left():
    """Without it a fifth of the variance of runs, and more, would be left of five."""
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(20):
        curves = wavy(0.0, scatter=0.0)
        noise = 0.1 * rng.normal(size=curves.logs.shape)  # at each time anew
        errors.append(collapse_curves(curves._replace(logs=curves.logs + noise)).error)
    assert np.sqrt(np.mean(np.square(errors))) < 0.4 * 0.1 / np.sqrt(5)


def test_an_interval_too_wide_to_tell_decides_nothing():
    rng = np.random.default_rng(0)
    verdicts, wide = set(), 0
    for _ in range(20):
        shape = len(SIZES), 1, 4
        own = np.exp(1.0 * rng.normal(size=shape))  # runs that differ in pace by e
        law = product_law(1 / 3)
        logs = np.log(law(SIZES[:, None, None], EPOCHS[:, None] * own))
        made = collapse_curves(LearningCurves(SIZES, SIZES, EPOCHS, logs))
        verdicts.add(made.verdict)
        wide += "too wide" in made.reason
    assert wide > 5 and "equivalent" not in verdicts


def test_exponents_at_which_curves_hardly_overlap_are_not_tried():
    """Over four decades of size, in two of time, 1.2 would take them apart."""
    curves = wavy(0.0)
    sizes = np.logspace(3, 7, 5)
    wide = curves._replace(num_params=sizes, epoch=np.logspace(0, 2, 61))
    kappas, _, _ = collapse_grams(wide, KAPPAS)
    # neighbours are a decade apart: 0.75 x 2 decades is the most they may be shifted
    assert kappas.max() == pytest.approx(1.5, abs=0.011)
    short = wide._replace(epoch=np.logspace(0, 1, 61))
    assert collapse_grams(short, KAPPAS)[0].max() == pytest.approx(0.75, abs=0.011)


def test_a_best_exponent_at_the_end_of_those_tried_is_none():
    made = collapse_curves(noisy(np.random.default_rng(0), product_law(1.6)))
    assert made.verdict == "undecided" and "limit of overlap" in made.reason
    assert make_claims([made])[0].verdict == "undecided"


def test_a_diverged_seed_is_left_out_at_all_sizes():
    rng = np.random.default_rng(0)
    curves = noisy(rng, product_law(1 / 3))
    without = collapse_curves(curves._replace(logs=curves.logs[:, :, :4]))
    curves.logs[2, 30:, 4] = np.nan
    made = collapse_curves(curves)
    assert made.kappa == without.kappa and made.error == without.error


def test_runs_that_end_a_little_earlier_are_whole():
    curves = noisy(np.random.default_rng(0), product_law(1 / 3))
    every = collapse_curves(curves)
    for seed in range(5):
        curves.logs[1, 56 + seed :, seed] = np.nan
    made = collapse_curves(curves)
    assert made.kappa.value == pytest.approx(every.kappa.value, abs=0.03)
    assert made.verdict == every.verdict


def test_two_seeds_tell_nothing_of_the_collapse():
    curves = noisy(np.random.default_rng(0), product_law(1 / 3), seeds=2)
    made = collapse_curves(curves)
    assert made.verdict == "undecided" and "seeds" in made.reason
    assert made.kappa.value == pytest.approx(1 / 3, abs=0.2)


def test_one_size_is_refused():
    def law(p, t, n, _):
        return 0.1 / t, 0.1 / t

    table = planted_runs(law, np.logspace(0, 2, 20))
    with pytest.raises(InputError, match="no setting has more than 1 size"):
        find_collapses(table[table.width == 1])
    with pytest.raises(InputError, match="more than 2 sizes"):
        find_collapses(table[table.width < 5])


def test_the_f_test_has_its_degrees_of_freedom():
    """Two independent points of equal variance: nu is near 2, not 1."""
    rng = np.random.default_rng(2)
    p_values = [functional_f_test(rng.normal(size=(2, 40))) for _ in range(2000)]
    # F(2, 78): three standard errors of a share of 5% in 2000
    assert abs(np.mean(np.array(p_values) < 0.05) - 0.05) < 0.015


def test_the_f_test_of_a_single_point_is_the_t_test():
    values = np.random.default_rng(0).normal(0.3, size=7)
    expected = ttest_1samp(values, 0).pvalue
    assert functional_f_test(values[None]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("length", [1, 10, 1000])
def test_the_f_test_takes_chance_for_more_at_most_as_often_as_it_should(length):
    """Curves of 100 points that are alike within a length; five seeds."""
    rng = np.random.default_rng(length)
    kernel = np.exp(-np.abs(np.subtract.outer(np.arange(100), np.arange(100))) / length)
    root = np.linalg.cholesky(kernel + 1e-9 * np.eye(100))
    p_values = [functional_f_test(root @ rng.normal(size=(100, 5))) for _ in range(800)]
    rejected = np.mean(np.array(p_values) < 0.05)
    # three standard errors of a share of 5% in 800; smooth curves reach it
    assert rejected < 0.073 and (length < 1000 or rejected > 0.027)


def planted_product(**how):
    learn = product_law(1 / 3)

    def law(p, t, n, _):
        loss = learn(p**3, t)
        return loss, loss

    return planted_runs(law, np.logspace(-1, 2, 60), scatter=0.1, **how)


def test_the_study_holds_all_that_is_written():
    table = planted_product(sizes=(500, 1000))
    result = study(Runs(table, [], []), 0.09)
    assert_can_be_written(result)
    made = find_collapses(table)
    assert result.claims == make_claims(made) and result.notes == []
    for entry, row, each in zip(
        result.summary["collapses"], result.tables["exponents"], made, strict=True
    ):
        assert entry["kappa"] == each.kappa._asdict()
        assert (row["kappa"], row["low"]) == (each.kappa.value, each.kappa.interval[0])
        assert (entry["sizes"], entry["seeds"]) == (4, 5)
        assert entry["ceiling"] == pytest.approx(0.09)
        assert row["verdict"] == entry["verdict"] == each.verdict
    scans = scan_thresholds(table)
    kappas = [kappa.value for scan in scans for kappa in scan.kappa]
    assert [row["kappa"] for row in result.tables["thresholds"]] == kappas
    means = np.concatenate([each.curves.mean.ravel() for each in made])
    points = [row["mean_log_loss"] for row in result.tables["curves"]]
    np.testing.assert_array_equal(points, means)


def test_logs_that_say_little():
    result = study(Runs(as_logs(planted_product()), [{"logs": ["mine.csv"]}], []))
    assert_can_be_written(result)
    [entry] = result.summary["collapses"]
    assert entry["train_size"] is None and entry["ceiling"] is None


def test_kappa_of_two_sizes_is_the_planted_one():
    """Time to any loss falls with size^1 between the first two, then with size^0.2."""
    kappas = np.array([1.0, 0.2, 0.2, 0.2])
    shift = np.r_[0, np.cumsum(kappas * np.diff(np.log(SIZES)))]
    rng = np.random.default_rng(0)
    own = 0.05 * rng.normal(size=(len(SIZES), 1, 20))
    progress = np.log(EPOCHS)[None, :, None] + shift[:, None, None] + own
    logs = np.log(0.01 + 0.09 / (1 + np.exp(progress) / 50))
    made = collapse_curves(LearningCurves(SIZES, SIZES, EPOCHS, logs))
    np.testing.assert_allclose(made.pairs.values, kappas, atol=0.1)
    low, high = made.pairs.intervals.T
    assert np.all((low < kappas) & (kappas < high)) and np.all(high - low < 0.3)
    np.testing.assert_allclose(made.pairs.num_params, np.sqrt(SIZES[1:] * SIZES[:-1]))


def test_short_curves_have_places_enough_for_an_exponent():
    """Curves overlap in whole steps, at one of which resamples would all stick."""

    def law(p, t, n, _):
        loss = 0.09 / (1 + p * t / 1e3)
        return loss, loss

    def steps_of(epochs):
        [found] = find_collapses(planted_runs(law, np.array(epochs), seeds=3))
        return len(found.curves.epoch) - 1

    assert steps_of([4.0, 8.0, 16.0, 32.0]) == pytest.approx(80, abs=1)
    assert steps_of([0.1, 1.0, 10.0, 100.0]) == 60  # twenty a decade, as ever
