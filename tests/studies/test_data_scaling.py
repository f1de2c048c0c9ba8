import numpy as np
import pytest
from planted import PARAMS, as_logs, planted_runs
from written import assert_can_be_written

from scaletime_jax.runs.guessing import Level
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.data_scaling import make_claims, scale_data, study

SIZES = (100, 200, 500, 1000, 2000, 5000)
EPOCHS = np.array([0.0, 50.0, 100.0])
LIMIT = [Level(None, {"planted": 0.09})]


def law(size_exponent, train_exponent):
    """The test loss crosses 0.09 at n = 700 (p / 30)^size_exponent."""

    def losses(p, t, n, _):
        needed = 700 * (p / 30) ** size_exponent
        test = 0.09 - 0.01 * np.log(n / needed) + 0 * t
        train = 0.05 * (n / 1000) ** train_exponent * np.ones_like(t)
        return np.where(t == 100, test, 0.2), np.where(t == 100, train, 0.2)

    return losses


@pytest.mark.parametrize("exponent", [-1.0, -0.5, 0.5])
def test_the_planted_need_of_data_is_found(exponent):
    [made] = scale_data(planted_runs(law(exponent, -0.3), EPOCHS, SIZES), LIMIT)
    assert made.fit.slope == pytest.approx(exponent, rel=1e-6)
    for curve in made.curves:
        p = np.cbrt(PARAMS[curve.width])
        needed = list(curve.needed.values())
        np.testing.assert_allclose(needed, 700 * (p / 30) ** exponent, rtol=1e-6)
        assert (curve.never, curve.at_once) == (0, 0)
    expected = -0.3 * np.log(SIZES[-1] / SIZES[0])
    assert made.train_change.value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("size_exponent", "train_exponent", "verdicts"),
    [(-1, -0.3, ["holds", "holds"]), (1, 0.3, ["fails", "fails"])],
)
def test_verdicts(size_exponent, train_exponent, verdicts):
    table = planted_runs(law(size_exponent, train_exponent), EPOCHS, SIZES)
    claims = make_claims(scale_data(table, LIMIT))
    assert [claim.verdict for claim in claims] == verdicts


def test_censored_at_either_end_is_counted_and_not_fitted():
    table = planted_runs(law(-3.0, 0.0), EPOCHS, SIZES[1:-1])
    [made] = scale_data(table, LIMIT)
    needs = {w: 700 * (np.cbrt(q) / 30) ** -3 for w, q in PARAMS.items()}
    assert needs[1] > 2000 and needs[10] < 200
    first, last = made.curves[0], made.curves[-1]
    assert (first.never, first.at_once) == (5, 0)
    assert (last.never, last.at_once) == (0, 5)
    for curve in (first, last):
        assert np.isnan(list(curve.needed.values())).all()
    assert made.fit is None  # two widths are left
    assert make_claims([made])[0].verdict == "undecided"


def test_curves_are_means_over_seeds_at_the_end():
    table = planted_runs(law(-1.0, -0.3), EPOCHS, SIZES)
    table.loc[table.seed == 0, "test_loss"] += 0.01
    [made] = scale_data(table, LIMIT)
    test = made.curves[0].test
    np.testing.assert_array_equal(test.x, SIZES)
    plain = law(-1.0, -0.3)(np.cbrt(PARAMS[1]), np.array([100.0]), 100, 0)[0][0]
    assert test.mean[0] == pytest.approx(plain + 0.002)
    assert test.sem[0] == pytest.approx(0.01 / 5)


def test_one_train_size_has_no_change():
    [made] = scale_data(planted_runs(law(-1.0, 0.0), EPOCHS, (500,)), LIMIT)
    assert made.fit is None and made.train_change.value is None


def test_a_width_that_not_all_seeds_reach_is_not_fitted():
    table = planted_runs(law(-1.0, 0.0), EPOCHS, SIZES, scatter=0.0)
    never = (table.width == 2) & (table.seed == 3)
    table.loc[never, "test_loss"] = 0.2
    [made] = scale_data(table, LIMIT)
    [without] = scale_data(table[table.width != 2], LIMIT)
    assert made.curves[1].never == 1
    assert made.fit == without.fit and made.fit is not None


def test_a_run_that_is_missing_or_diverged_is_not_one_that_never_got_there():
    table = planted_runs(law(-1.0, -0.3), EPOCHS, SIZES)
    one = (table.width == 5) & (table.seed == 3) & (table.train_size == 200)
    [whole] = scale_data(table, LIMIT)
    [missing] = scale_data(table[~one], LIMIT)
    table.loc[one, "test_loss"] = np.nan
    [diverged] = scale_data(table, LIMIT)
    for made in (missing, diverged):
        assert made.curves[2].never == 0 and len(made.curves[2].needed) == 5
        # the crossing, between other sizes, is the same
        assert made.fit.slope == pytest.approx(whole.fit.slope, rel=1e-9)
        assert made.train_change.value == pytest.approx(whole.train_change.value)


def test_a_seed_that_one_width_lacks_leaves_the_others():
    table = planted_runs(law(-1.0, -0.3), EPOCHS, SIZES)
    table["test_loss"] += 0.001 * table.seed
    part = table[~((table.width == 5) & (table.seed == 4))]
    [made] = scale_data(part, LIMIT)
    [without] = scale_data(table[table.seed < 4], LIMIT)
    assert made.fit == without.fit and made.fit is not None
    assert made.train_change == without.train_change


def test_with_adam_it_is_beyond_the_paper():
    table = planted_runs(law(-1.0, -0.3), EPOCHS, SIZES)
    claims = make_claims(scale_data(table.assign(optimizer="adam"), LIMIT))
    assert {claim.source for claim in claims} == {"beyond [BF24, Fig. 5, 8]"}


def test_the_study_holds_all_that_is_written():
    table = planted_runs(law(-3.0, -0.3), EPOCHS, SIZES[1:-1])
    result = study(Runs(table, [], []), 0.09)
    assert_can_be_written(result)
    [made] = scale_data(table, LIMIT)
    assert result.claims == make_claims([made]) and result.notes == []
    [setting] = result.summary["settings"]
    assert setting["threshold"] == 0.09 and setting["slope"] is None
    first, second, *_ = setting["widths"]
    assert (first["examples_needed"], first["never"], first["reached"]) == (None, 5, 0)
    needed = 700 * (np.cbrt(PARAMS[2]) / 30) ** -3
    assert second["examples_needed"] == pytest.approx(needed, rel=1e-6)
    for split in ("test", "train"):
        mean = np.concatenate([getattr(curve, split).mean for curve in made.curves])
        points = [row["mean"] for row in result.tables[split]]
        np.testing.assert_array_equal(points, mean)


def test_logs_that_say_little():
    table = as_logs(planted_runs(law(-1.0, -0.3), EPOCHS, SIZES), "train_size")
    result = study(Runs(table, [], []), 0.09)
    assert_can_be_written(result)
    assert {claim.source for claim in result.claims} == {"beyond [BF24, Fig. 5, 8]"}
