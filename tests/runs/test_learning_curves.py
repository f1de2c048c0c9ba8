import numpy as np
import pytest
from planted import PARAMS, planted_runs

from scaletime_jax.runs.learning_curves import LearningCurves, learning_curves


def law(p, t, n, _):
    with np.errstate(divide="ignore"):
        loss = p / n * np.asarray(t, float) ** -0.5
    return np.minimum(loss, 9.0), loss


def test_power_laws_are_met_exactly():
    table = planted_runs(law, np.array([0, 1, 2, 3, 5, 10, 40, 100]), sizes=(500, 1000))
    curves = learning_curves(table)
    assert curves.logs.shape == (8, 21, 5) and curves.seeds == 5
    assert list(curves.num_params) == 2 * list(PARAMS.values())
    assert list(curves.train_size) == 4 * [500] + 4 * [1000]
    np.testing.assert_allclose(curves.epoch, np.logspace(0, 2, 21))
    size = np.cbrt(curves.num_params) / curves.train_size
    expected = np.log(size)[:, None] - 0.5 * np.log(curves.epoch)
    np.testing.assert_allclose(curves.mean, expected, atol=1e-6)
    np.testing.assert_allclose(curves.spread, 0, atol=1e-9)
    small = curves.where(curves.train_size == 500).until(10.0)
    assert small.logs.shape == (4, 11, 5) and small.epoch[-1] == pytest.approx(10)


def test_seeds_of_one_name_stand_together():
    table = planted_runs(law, np.logspace(0, 2, 30), seeds=3, scatter=0.3)
    lacking = table[(table.width != 2) | (table.seed != 1)]
    curves, all_of_them = learning_curves(lacking), learning_curves(table)
    assert np.isnan(curves.logs[1, :, 1]).all()
    np.testing.assert_array_equal(curves.logs[1, :, 2], all_of_them.logs[1, :, 2])
    np.testing.assert_allclose(curves.mean[1], curves.logs[1][:, [0, 2]].mean(axis=1))


def test_seeds_with_names_of_their_own_are_numbered():
    table = planted_runs(law, np.logspace(0, 2, 30), seeds=3, scatter=0.3)
    own = table.assign(seed=table.seed + 10 * table.width)
    np.testing.assert_array_equal(
        learning_curves(own).logs, learning_curves(table).logs
    )


def test_runs_may_differ_in_when_and_how_long_they_were_recorded():
    table = planted_runs(law, np.logspace(0, 2, 41), seeds=2)
    part = table[(table.width != 10) | (table.epoch <= 10)]
    part = part[(part.seed == 0) | (part.epoch > 2)]
    curves = learning_curves(part)
    late, early = curves.epoch > 10.01, curves.epoch < 1.99
    assert np.isnan(curves.logs[3][late]).all()
    assert np.isnan(curves.logs[3][early, 1]).all()
    assert np.isfinite(curves.logs[3][~late, 0]).all()


def test_sizes_of_nearly_one_value_are_one_rung():
    sizes = np.array([100.0, 110.0, 130.0, 200.0, 240.0, 1000.0])
    order = np.array([3, 0, 5, 1, 4, 2])
    curves = LearningCurves(
        sizes[order], np.full(6, 7.0), np.ones(1), np.ones((6, 1, 1))
    )
    assert list(curves.rungs) == [1, 0, 2, 0, 1, 0]


def test_the_second_half_is_that_of_the_longest_recorded_time():
    epoch = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    logs = np.zeros((2, 5, 1))
    logs[:, 4] = np.nan
    logs[1, 2:] = np.nan
    curves = LearningCurves(np.array([1.0, 2.0]), np.full(2, 7.0), epoch, logs)
    assert list(curves.second_half.epoch) == [4, 8, 16]
    assert list(curves.where(np.array([False, True])).second_half.epoch) == [
        1,
        2,
        4,
        8,
        16,
    ]


def test_losses_above_the_ceiling_count_as_it():
    curves = learning_curves(planted_runs(law, np.logspace(0, 2, 30)), ceiling=0.01)
    assert np.max(curves.logs) == pytest.approx(np.log(0.01))
