import numpy as np
import pytest
from planted import PARAMS, as_logs, planted_runs
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.effective_size import (
    SHARES,
    make_claims,
    measure_capacity,
    study,
    study_capacity,
)

SIZES = (20, 50, 100, 200, 500, 1000, 2000)
EPOCHS = np.array([0.0, 1.0])
CHANCE = {"planted": 0.09}


def law(exponent, at_8400=60.0):
    """n loss / chance is a power of n and crosses 1 at the planted capacity."""

    def losses(p, t, n, _):
        capacity = at_8400 * (p**3 / 8400) ** exponent
        train = 0.09 / n * (n / capacity) ** 3
        return np.ones_like(t), train + 0 * t

    return losses


@pytest.mark.parametrize(
    ("exponent", "verdict"), [(1 / 3, "holds"), (1.0, "fails"), (0.0, "fails")]
)
def test_a_planted_exponent(exponent, verdict):
    studies = study_capacity(planted_runs(law(exponent), EPOCHS, SIZES), CHANCE)
    [made] = studies
    for network in made.networks:
        expected = 60.0 * (PARAMS[network.width] / 8400) ** exponent
        np.testing.assert_allclose(list(network.exact.values()), expected, rtol=1e-6)
    assert made.exponent.value == pytest.approx(exponent, abs=1e-6)
    assert made.line[1][0] == pytest.approx(60.0, rel=1e-5)
    assert [claim.verdict for claim in make_claims(studies)] == [verdict]


def test_bounds_are_kept_apart_and_not_fitted():
    table = planted_runs(law(1.0), EPOCHS, (100, 200, 500))
    [made] = study_capacity(table, CHANCE)
    bounds = [{seed.bound for seed in n.seeds.values()} for n in made.networks]
    assert bounds == [{"below"}, {"exact"}, {"exact"}, {"above"}]
    assert made.exponent.value is None and made.line.shape == (2, 0)
    assert make_claims([made])[0].verdict == "undecided"


def test_one_train_size_is_refused():
    with pytest.raises(InputError, match="all runs have train_size 100") as error:
        study_capacity(planted_runs(law(1.0), EPOCHS, (100,)), CHANCE)
    assert error.value.quantities == {"train_size": None}


def test_a_width_with_one_bound_is_not_fitted():
    table = planted_runs(law(1 / 3), EPOCHS, SIZES)
    table.loc[(table.width == 5) & (table.seed == 0), "train_loss"] = 1.0
    [made] = study_capacity(table, CHANCE)
    [without] = study_capacity(table[table.width != 5], CHANCE)
    assert len(made.networks[2].exact) == 4
    assert made.exponent == without.exponent and made.exponent.value is not None


def test_where_a_seed_diverged_it_is_left_out():
    table = planted_runs(law(1 / 3), EPOCHS, SIZES)
    diverged = (table.width == 5) & (table.seed == 0) & (table.train_size == 200)
    table.loc[diverged, "train_loss"] = np.nan
    [made] = study_capacity(table, CHANCE)
    # by what it fitted elsewhere it is still measured
    assert len(made.networks[2].exact) == 5
    table.loc[(table.width == 5) & (table.seed == 0), "train_loss"] = np.nan
    [made] = study_capacity(table, CHANCE)
    assert len(made.networks[2].seeds) == 4
    assert made.exponent.value == pytest.approx(1 / 3, abs=1e-6)


def test_capacity_is_where_the_error_crosses_one_nth_of_chance():
    sizes = np.array([100, 200, 400, 800])
    # n error / chance is 1 a quarter of the way from 200 to 400, on log axes
    errors = 0.09 * np.array([0.0, 1 / 3, 27.0, 400]) / sizes
    capacity = measure_capacity(sizes, errors, 0.09)
    assert capacity.bound == "exact"
    assert capacity.train_size == pytest.approx(200 * 2**0.25, rel=1e-9)


def test_an_error_of_zero_is_a_very_small_one():
    sizes = np.array([200, 400])
    none, some = (
        measure_capacity(sizes, 0.09 * np.array([fitted, 2.0]) / sizes, 0.09).train_size
        for fitted in (0.0, 1e-8)
    )
    # 12 and 8 decades below 1 at 200, 0.3 above at 400
    assert none == pytest.approx(200 * 2 ** (12 / (12 + np.log10(2))))
    assert some == pytest.approx(200 * 2 ** (8 / (8 + np.log10(2))))


def test_capacity_counts_the_last_crossing():
    sizes = np.array([100, 200, 400])
    errors = 0.09 * np.array([2.0, 0.1, 10.0]) / sizes
    assert 200 < measure_capacity(sizes, errors, 0.09).train_size < 400


def test_capacity_outside_the_sweep_is_a_bound():
    sizes = np.array([100, 200])
    assert measure_capacity(sizes, np.zeros(2), 0.09) == (200.0, "above")
    assert measure_capacity(sizes, np.full(2, 0.09), 0.09) == (100.0, "below")


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: measure_capacity([100, 200], [0.1], 0.09), "train_errors"),
        (lambda: measure_capacity([200, 100], [0.1, 0.1], 0.09), "train_sizes"),
        (lambda: measure_capacity([100, 200], [0.1, np.nan], 0.09), "train_errors"),
        (lambda: measure_capacity([100, 200], [0.1, 0.1], 0.0), "chance_error"),
    ],
)
def test_what_cannot_be_is_named(unchecked, call, name):
    with pytest.raises(ValueError, match=name):
        call()


def test_the_study_holds_all_that_is_written():
    table = planted_runs(law(1.0), EPOCHS, (100, 200, 500))
    result = study(Runs(table, [], []), 0.09)
    assert_can_be_written(result)
    made = study_capacity(table, CHANCE)
    assert result.claims == make_claims(made) and result.notes == []
    entry, *others = result.summary["studies"]
    assert [entry["share"]] + [o["share"] for o in others] == [None, *SHARES]
    assert [each.share for each in result.figure["studies"]] == [None]
    assert (entry["below"], entry["exact"], entry["above"]) == (5, 10, 5)
    assert entry["exponent"]["value"] is None
    points = [row for row in result.tables["capacity"] if row["share"] is None]
    assert len(result.tables["capacity"]) == 4 * len(points)
    assert len(points) == 20 and points[0]["num_params"] == PARAMS[1]
    assert [row["bound"] for row in points].count("exact") == 10


def test_a_share_asks_for_the_same_however_many_examples_there_are():
    """With error(n) = chance/n (n/c)^3 a share s is removed up to ((1-s) c^3)^(1/2)."""
    table = planted_runs(law(1 / 3), EPOCHS, SIZES)
    papers, some = study_capacity(table, CHANCE, (0.8,))
    assert (papers.share, some.share) == (None, 0.8)
    for one, other in zip(papers.networks, some.networks, strict=True):
        expected = np.sqrt(0.2 * np.array(list(one.exact.values())) ** 3)
        np.testing.assert_allclose(list(other.exact.values()), expected, rtol=1e-6)
    assert some.exponent.value == pytest.approx(0.5)
    with pytest.raises(InputError, match="share is a share"):
        study(Runs(table, [], []), 0.09, [1.0])


def test_logs_that_say_little():
    table = as_logs(planted_runs(law(1 / 3), EPOCHS, SIZES), "train_size")
    result = study(Runs(table, [], []), 0.09)
    assert_can_be_written(result)
    assert result.claims[0].verdict == "holds"


def bending(p, t, n, _):
    """Capacities of 60, 60, 300 and 1500: level, then steeper than the size."""
    capacity = {8_400: 60, 17_590: 60, 50_150: 300, 119_910: 1500}[round(float(p) ** 3)]
    train = 0.09 / n * (n / capacity) ** 3
    return np.ones_like(t), train + 0 * t


def test_a_curve_that_bends_has_no_single_exponent():
    [made] = study_capacity(planted_runs(bending, EPOCHS, SIZES), CHANCE)
    assert made.exponent.value is None and made.line.size == 0
    sizes = np.log(list(PARAMS.values()))
    expected = np.diff(np.log([60, 60, 300, 1500])) / np.diff(sizes)
    np.testing.assert_allclose(made.exponents.values, expected, atol=1e-6)
    [claim] = make_claims([made])
    assert claim.verdict == "undecided" and "no single slope" in claim.note


def test_what_a_run_once_fitted_can_count():
    """A spike at the end hides what was fitted before."""
    table = planted_runs(law(1 / 3), np.array([0.0, 1.0, 2.0]), SIZES)
    table.loc[table.epoch == 2.0, "train_loss"] = 0.09
    table.loc[table.epoch == 0.0, "train_loss"] = 0.09
    [last] = study_capacity(table, CHANCE)
    assert {seed.bound for n in last.networks for seed in n.seeds.values()} == {"below"}
    [best] = study_capacity(table, CHANCE, best=True)
    assert best.exponent.value == pytest.approx(1 / 3, abs=1e-6)
