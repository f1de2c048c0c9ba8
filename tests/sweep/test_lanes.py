import dataclasses

import jax
import numpy as np
import pytest
from test_config import CONFIG

from scaletime_jax.sweep.lanes import (
    lanes_at_once,
    make_lanes,
    make_length,
    make_mesh,
    make_shared_data,
    make_unit,
    unit_table,
)
from scaletime_jax.sweep.tuning import ACCELERATOR, CPU

SMALL = dataclasses.replace(CONFIG, train_size=100, epochs=3)


def unit_curves(configs, dataset, at_once=1, devices=None, capacity=100, records=None):
    mesh = make_mesh(devices or len(configs))
    unit = jax.jit(make_unit(configs[0], 10, capacity, CPU, mesh, at_once))
    lanes = make_lanes(configs, mesh, at_once)
    length = make_length(configs[0], records or len(configs[0].schedule))
    return unit(lanes, length, make_shared_data(dataset, mesh))


def seeds(*values, **changes):
    return [dataclasses.replace(SMALL, seed=seed, **changes) for seed in values]


def test_a_seed_alone_and_among_nine_others_gives_one_curve(few_digits):
    many = unit_curves(seeds(*range(101, 111)), few_digits)
    alone = unit_curves(seeds(104), few_digits)
    # one after the other on a CPU: the same arithmetic to the last bit
    np.testing.assert_array_equal(alone.test_loss[0], many.test_loss[3])
    np.testing.assert_array_equal(alone.train_loss[0], many.train_loss[3])


@pytest.mark.parametrize("at_once", [4, 2])
def test_lanes_together_are_lanes_one_by_one(few_digits, at_once):
    configs = seeds(101, 102, 103, 104)
    one_by_one = unit_curves(configs, few_digits)
    together = unit_curves(configs, few_digits, at_once, devices=1)
    # batched products add in another order
    np.testing.assert_allclose(together.test_loss, one_by_one.test_loss, rtol=1e-5)


def test_a_program_for_more_data_gives_the_same(few_digits):
    configs = seeds(101, 102, label_noise=0.3)
    records = len(SMALL.schedule)
    alone = unit_curves(configs, few_digits)
    shared = unit_curves(configs, few_digits, capacity=350, records=records + 2)
    # the same arithmetic: what is beyond the train size is never read
    np.testing.assert_array_equal(shared.test_loss[:, :records], alone.test_loss)
    np.testing.assert_array_equal(shared.train_loss[:, :records], alone.train_loss)
    assert np.isnan(shared.test_loss[:, records:]).all()
    columns = unit_table(configs, 8400, shared)
    assert len(columns["step"]) == 2 * records
    assert not columns["diverged"].any()


def test_one_device_or_two_give_the_same(few_digits):
    assert jax.device_count() >= 2
    configs = seeds(101, 102, 103)  # the fourth lane fills up
    two = unit_curves(configs, few_digits, devices=2)
    one = unit_curves(configs, few_digits, devices=1)
    assert two.test_loss.shape[0] == 4 and one.test_loss.shape[0] == 3
    np.testing.assert_array_equal(one.test_loss, two.test_loss[:3])


def test_noise_and_rate_are_lanes_too(few_digits):
    configs = [
        *seeds(101),
        *seeds(101, label_noise=0.5),
        *seeds(101, learning_rate=0.1),
    ]
    curves = unit_curves(configs, few_digits)
    first = np.asarray(curves.test_loss[:3, 0])
    np.testing.assert_allclose(first, first[0], rtol=1e-6)  # the same weights
    assert curves.train_loss[1, 0] != curves.train_loss[0, 0]  # other labels
    last = np.asarray(curves.test_loss[:3, -1])
    assert len(set(last.tolist())) == 3


def test_seeds_differ_in_weights_and_data(few_digits):
    curves = unit_curves(seeds(101, 102), few_digits)
    assert curves.test_loss[0, 0] != curves.test_loss[1, 0]


def test_the_table_has_a_row_a_run_and_evaluation(few_digits):
    configs = seeds(101, 102, 103)
    curves = unit_curves(configs, few_digits)
    columns = unit_table(configs, 8400, curves)
    records = len(SMALL.schedule)
    assert {len(values) for values in columns.values()} == {3 * records}
    second = columns["seed"] == 102
    np.testing.assert_array_equal(columns["step"][second], SMALL.schedule)
    np.testing.assert_allclose(
        columns["epoch"][second], np.array(SMALL.schedule) / 4, rtol=1e-12
    )
    np.testing.assert_array_equal(columns["test_loss"][second], curves.test_loss[1])
    assert set(columns["run_id"][second]) == {configs[1].run_id}


def test_lanes_take_equal_turns_in_the_memory_there_is():
    assert lanes_at_once(CPU, lanes=64, lane_bytes=1, free=10**9) == 1
    assert lanes_at_once(ACCELERATOR, lanes=64, lane_bytes=10, free=10**9) == 64
    assert lanes_at_once(ACCELERATOR, lanes=64, lane_bytes=10, free=609) == 32
    assert lanes_at_once(ACCELERATOR, lanes=10, lane_bytes=10, free=90) == 5
    assert lanes_at_once(ACCELERATOR, lanes=10, lane_bytes=100, free=90) == 1
