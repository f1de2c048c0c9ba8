"""Planted steps tell kappa, and steps of chance do not."""

import numpy as np
import pandas as pd
import pytest
from planted import FIELDS, planted_runs
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.descent import QUANTITIES, gains_over, study

EPOCHS = np.logspace(-0.5, 2, 60)
STEPS = np.unique(np.geomspace(1, 3000, 40).astype(int))
STEPS = np.concatenate([[0], STEPS])
GUESS = 0.09


def runs_of(kappa, rate):
    """Runs whose loss is one function of num_params^kappa x epochs."""

    def law(p, t, n, _):
        loss = GUESS / (1 + (p**3 / 2e4) ** kappa * t / 10)
        return loss, loss

    table = planted_runs(law, EPOCHS, seeds=4, scatter=0.05)
    table = table.assign(**FIELDS).assign(learning_rate=rate, label_noise=0.0)
    return table.assign(run_id=table.run_id + f"-{rate}", guessing_loss=GUESS)


def steps_of(table, kappa, grows):
    """Steps whose descent grows as num_params^grows at equal loss."""
    rng = np.random.default_rng(0)
    parts = []
    for run_id, rows in table.groupby("run_id"):
        p = rows.num_params.iloc[0]
        progress = (p / 1e4) ** kappa * STEPS / 30
        loss = GUESS / (1 + progress) * np.exp(0.002 * rng.normal(size=len(STEPS)))
        scale = p**grows * loss**2
        values = dict.fromkeys(QUANTITIES, scale)
        values["dimension"] = p**0.1 * (1 + loss)
        values["change"], values["top"] = scale * p**0.2, scale / p**0.2
        parts.append(
            pd.DataFrame({"run_id": run_id, "step": STEPS, "loss": loss, **values})
        )
    return parts


@pytest.fixture(scope="module")
def planted():
    """Three settings with exponents of their own, all told by the steps but one."""
    exponents = {0.01: 0.2, 0.1: 0.5, 1.0: 0.8}
    tables = {rate: runs_of(kappa, rate) for rate, kappa in exponents.items()}
    steps = [
        part
        for rate, kappa in exponents.items()
        for part in steps_of(tables[rate], kappa, kappa)
    ]
    table = pd.concat(tables.values(), ignore_index=True)
    return Runs(table, [], []), pd.concat(steps, ignore_index=True)


@pytest.fixture(scope="module")
def result(planted):
    return study(*planted)


def test_steps_that_grow_as_the_speed_tell_kappa(result):
    made = result.figure["made"]
    assert [each.cell.collapse.fields["learning_rate"] for each in made] == [
        0.01,
        0.1,
        1,
    ]
    for each, kappa in zip(made, (0.2, 0.5, 0.8), strict=True):
        np.testing.assert_allclose(each.kappa, kappa, atol=0.03)
        for name in ("gradient", "descent", "reach"):
            np.testing.assert_allclose(each.predicted[name], each.kappa, atol=0.04)
        np.testing.assert_allclose(each.predicted["top"], each.kappa - 0.2, atol=0.04)
        np.testing.assert_allclose(each.collapse, kappa, atol=0.1)


def test_at_the_start_nothing_differs_but_the_growth(result):
    """All networks start at one loss, so the start tells what the kernel does."""
    for each, kappa in zip(result.figure["made"], (0.2, 0.5, 0.8), strict=True):
        np.testing.assert_allclose(each.predicted["start"], kappa - 0.2, atol=0.05)


def test_gains_are_those_of_the_planted_exponents(result):
    made = result.figure["made"]
    third = np.abs(np.array([0.2, 0.5, 0.8]) - 1 / 3)
    others = np.array([0.45, 0.0, 0.45])
    np.testing.assert_allclose(gains_over(made, "reach", "third"), -third, atol=0.04)
    found = gains_over(made, "others", "third")
    np.testing.assert_allclose(found, others - third, atol=0.03)
    np.testing.assert_array_equal(gains_over(made, "third", "third"), 0)


def test_the_claims_hold_where_steps_tell_kappa(result):
    verdicts = {
        (claim.setting["exponent"], claim.verdict)
        for claim in result.claims
        if claim.statement.endswith("better than 1/3.")
    }
    # 0.5 is near 1/3, so three settings decide little; none is worse
    assert {verdict for _, verdict in verdicts} <= {"holds", "undecided"}
    [grows] = [c for c in result.claims if c.statement.startswith("Directions")]
    assert grows.value == pytest.approx(0.1, abs=0.02) and grows.verdict == "holds"


def test_steps_of_chance_do_not_tell_kappa(planted):
    runs, steps = planted
    shuffled = steps.copy()
    rng = np.random.default_rng(1)
    chance = {run: np.exp(2 * rng.normal()) for run in steps.run_id.unique()}
    for name in ("top", "gradient", "descent", "change"):
        shuffled[name] *= steps.run_id.map(chance)
    found = study(runs, shuffled).figure
    assert found["gains"]["gradient"].value > 0.1


def test_it_can_be_written_and_drawn(result):
    assert_can_be_written(result)
    assert "rank correlation" in result.conclusion
    row = result.tables["pairs"][0]
    assert row["protocol"] == "sgd" and row["kappa"] == pytest.approx(0.2, abs=0.03)


def test_a_kappa_that_seeds_leave_open_is_not_told(planted):
    """One run of the largest size learns a hundred times sooner than its seeds."""
    runs, steps = planted
    sizes = runs.table.drop_duplicates("run_id").set_index("run_id").num_params
    largest = sizes.index[sizes == sizes.max()][0]
    early = steps.copy()
    mine = early.run_id == largest
    early.loc[mine, "loss"] = GUESS / (1 + 10 * early.step[mine])
    first = study(runs, early).figure["made"][0]
    assert np.isfinite(first.kappa).tolist() == [True] * (len(first.kappa) - 1) + [
        False
    ]
    assert first.error[-1] > 0.1


def test_seeds_that_some_sizes_lack_are_left_out(planted):
    runs, steps = planted
    some = steps[~steps.run_id.eq(steps.run_id.iloc[0])]
    for each in study(runs, some).figure["made"]:
        assert np.isfinite(each.kappa).all()


def test_fewer_than_two_settings_are_refused(planted):
    runs, steps = planted
    above = steps.assign(loss=steps.loss + 1)
    with pytest.raises(
        InputError, match="of 3 settings, 0 have sizes that share losses"
    ):
        study(runs, above)
