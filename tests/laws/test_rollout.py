"""Rungs predicted from the rungs below, where the right law is known."""

import numpy as np
import pytest
from planted import PARAMS, planted_runs

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import BASELINE
from scaletime_jax.laws.predictors import PREDICTORS
from scaletime_jax.laws.rollout import LAWS, choose, last_measured, roll_out
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.studies.rollout import at_distances, make_claims

EPOCHS = np.logspace(-1, 2, 31)
SIZES = sorted(PARAMS.values())
FEW = tuple(
    law for law in LAWS if law.name in (BASELINE, "scale-time", "additive", "power law")
)


def added(p, t, n, _):
    loss = 0.005 + 40 * p**-2.5 + 0.02 * t**-0.6
    return loss, loss


@pytest.fixture(scope="module")
def table():
    return planted_runs(added, EPOCHS, scatter=0.02)


def test_the_right_law_is_chosen_and_right():
    """From two sizes it is not determined, so that the others choose."""
    params = {width: 8_000 * 2**width for width in range(6)}
    rungs = roll_out(planted_runs(added, EPOCHS, scatter=0.02, params=params), 9, FEW)
    chosen = {each.law.direction: each for each in choose(rungs)}
    assert set(chosen) == {"num_params", "epoch"}
    for each in chosen.values():
        assert each.law.predictor == "additive"
        assert each.law.errors[0] < 0.02 < each.unchanged.errors[0]
    law, sizes = chosen["num_params"].law, [*params.values()]
    assert (law.source, law.target) == (sizes[-2], sizes[-1])
    told = [r for r in rungs if r.predictor == "additive" and r.source >= sizes[2]]
    assert np.mean([rung.covered for rung in told]) > 0.8
    assert [claim.verdict for claim in make_claims([*chosen.values()])] == ["holds"] * 2


@pytest.fixture(scope="module")
def rungs(table):
    return roll_out(table, np.inf, FEW)


def test_every_rung_is_predicted_from_every_lower_one(rungs):
    for law in FEW:
        mine = [each for each in rungs if each.predictor == law.name]
        sizes = {(r.source, r.target) for r in mine if r.direction == "num_params"}
        _, b, c, d = SIZES
        assert sizes == {(b, c), (b, d), (c, d)}
        times = sorted((r.source, r.target) for r in mine if r.direction == "epoch")
        ends = 100 / 2.0 ** np.arange(6)[::-1]
        pairs = [(x, y) for k, x in enumerate(ends) for y in ends[k + 1 :]]
        np.testing.assert_allclose(times, pairs)


def test_the_top_rung_has_no_part_in_the_choice(table, rungs):
    """A top rung that every law misses changes its error, and not the choice."""
    top = table.num_params == SIZES[-1]
    changed = table.assign(test_loss=table.test_loss.where(~top, 0.08))
    first, second = (
        next(c for c in choose(each) if c.law.direction == "num_params")
        for each in (rungs, roll_out(changed, np.inf, FEW))
    )
    assert second.law.predictor == first.law.predictor
    assert second.below == pytest.approx(first.below)
    assert second.law.errors[0] > 0.3
    assert second.hindsight.errors[0] <= second.law.errors[0]


def test_errors_grow_with_the_distance(rungs):
    mine = [r for r in rungs if r.predictor == BASELINE and r.direction == "epoch"]
    distances, errors = at_distances(mine)
    np.testing.assert_allclose(distances, [2, 4, 8, 16, 32])
    assert np.all(np.diff(errors) > 0)


def test_one_outlier_among_the_lower_rungs_does_not_end_the_rollout(table):
    wild = table.copy()
    wild.loc[wild.index[5], "test_loss"] = 1e6
    chosen = choose(roll_out(wild, np.inf, FEW))
    assert all(np.isfinite(each.law.errors[0]) for each in chosen)


def test_no_change_is_the_last_loss_of_the_largest_size():
    logs = np.log(np.array([[4.0, 3.0, np.nan], [3.5, np.nan, np.nan]]))[:, :, None]
    times = np.array([1.0, 2.0, 4.0])
    curves = LearningCurves(np.array([10.0, 20.0]), np.full(2, 7.0), times, logs)
    sizes, ends = np.array([100.0, 15.0, 100.0, 5.0]), np.array([8.0, 8.0, 0.5, 8.0])
    found = np.exp(last_measured(curves).best(sizes, ends, np.full(4, 7.0)))
    np.testing.assert_allclose(found, [3.5, 3.0, np.nan, np.nan])
    assert np.isnan(last_measured(curves).best(sizes, ends, np.full(4, 8.0))).all()


def test_all_laws_are_rolled_out():
    assert [law.name for law in LAWS] == [law.name for law in PREDICTORS]


def test_too_few_rungs_are_refused():
    two = planted_runs(added, np.array([1.0, 2.0]))
    with pytest.raises(InputError, match="three sizes"):
        roll_out(two[two.width < 5], np.inf, FEW)


def test_the_farthest_rung_does_not_choose_alone(rungs):
    """Near rungs choose a law that is better on most, and worse on the farthest one."""
    mine = [r for r in rungs if r.predictor == BASELINE and r.direction == "epoch"]
    near = [r._replace(predictor="near", errors=r.errors / 10) for r in mine]
    farthest = max(near, key=lambda each: each.distance if each.target < 90 else 0)
    near = [
        r._replace(errors=mine[0].errors * 50) if r is farthest else r for r in near
    ]
    means = [
        np.mean([r.errors[0] for r in each if r.target < 90]) for each in (mine, near)
    ]
    assert means[0] < means[1]
    [chosen] = choose([*mine, *near])
    assert chosen.law.predictor == "near"
