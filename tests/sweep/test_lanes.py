import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from grids import CONFIG
from segmented import train_lanes

from scaletime_jax.models.network import linearise
from scaletime_jax.sweep.architectures import make_network
from scaletime_jax.sweep.examples import (
    DataKeys,
    Targets,
    make_draw,
    make_shared_data,
    run_keys,
)
from scaletime_jax.sweep.lanes import (
    lanes_at_once,
    make_hyper,
    make_lanes,
    make_length,
    make_program,
    unit_table,
)
from scaletime_jax.sweep.tuning import CPU
from scaletime_jax.training.batching import full_batch
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import make_task
from scaletime_jax.training.train import make_train

SMALL = dataclasses.replace(CONFIG, train_size=100, epochs=3)


def train(configs, dataset, at_once=1, **sizes):
    """Returns the configs' curves, `at_once` lanes together."""
    return train_lanes(configs, Targets(10, None), dataset, at_once, **sizes)


def seeds(*values, **changes):
    return [dataclasses.replace(SMALL, seed=seed, **changes) for seed in values]


def test_a_seed_together_with_nine_others_gives_its_curve(few_digits):
    configs = seeds(*range(101, 111))
    alone = train(configs[3:4], few_digits)
    together = train(configs, few_digits, at_once=10)
    # batched products add in another order
    np.testing.assert_allclose(together.test_loss[3], alone.test_loss[0], rtol=1e-5)
    np.testing.assert_allclose(together.train_loss[3], alone.train_loss[0], rtol=1e-5)


@pytest.mark.parametrize("at_once", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_program_is_the_plain_run_to_the_last_bit(few_digits, at_once):
    """Against `make_train`, vmapped: also the counts of Adam are one for all lanes."""
    changes = {"optimizer": "adam", "learning_rate": 0.003, "schedule": "cosine"}
    configs = seeds(*range(101, 101 + at_once), **changes)
    found = train(configs, few_digits, at_once)
    draw = make_draw(configs[0], Targets(10, None), 100)
    network, optimizer = (
        make_network("mlp", 1, 10, "pytorch"),
        make_optimizer("adam", "cosine"),
    )
    data, lanes = make_shared_data(few_digits), make_lanes(configs, at_once)

    def plain(lane, stops, data):
        keys = run_keys(lane["seed"])
        drawn = draw(keys.data, lane, 100, data)
        how = optimizer, stops, drawn.sampler
        return make_train(network, make_task("mse"), *how)(
            keys.train, make_hyper(lane), drawn.data
        )

    stops = jnp.array(configs[0].records)
    if at_once == 1:
        alone = {name: values[0] for name, values in lanes.items()}
        expected = jax.jit(plain)(alone, stops, data)
    else:
        expected = jax.jit(jax.vmap(plain, (0, None, None)))(lanes, stops, data)
    for field, values in expected._asdict().items():
        np.testing.assert_array_equal(
            found._asdict()[field].reshape(values.shape), values
        )


@pytest.mark.parametrize(("until", "dimensions"), [(0.0, {0}), (0.1, {1})])
def test_lanes_that_step_together_share_the_counts_of_their_steps(
    few_digits, until, dimensions
):
    """Powers of a count of each lane are rounded otherwise than those of one number."""
    configs = seeds(
        101, 102, optimizer="adam", schedule="cosine", until_test_loss=until
    )
    program = make_program(configs[0], Targets(10, None), 100, CPU)
    length = make_length(configs[0], len(configs[0].records))
    given = make_lanes(configs, 2), length, make_shared_data(few_digits)
    leaves = jax.tree.leaves(jax.eval_shape(program.init, *given).optimizer)
    assert {leaf.ndim for leaf in leaves if leaf.dtype == jnp.int32} == dimensions


def test_the_last_lane_makes_up_a_turn(few_digits):
    configs = seeds(101, 102, 103)
    turns = train(configs, few_digits, at_once=2)
    assert turns.test_loss.shape[0] == 4
    np.testing.assert_array_equal(turns.test_loss[2], turns.test_loss[3])


def test_a_program_for_more_data_gives_the_same(few_digits):
    configs = seeds(101, 102, label_noise=0.3)
    records = len(SMALL.records)
    alone = train(configs, few_digits)
    shared = train(configs, few_digits, capacity=350, records=records + 2)
    # the same arithmetic: what is beyond the train size is never read
    np.testing.assert_array_equal(shared.test_loss[:, :records], alone.test_loss)
    np.testing.assert_array_equal(shared.train_loss[:, :records], alone.train_loss)
    assert np.isnan(shared.test_loss[:, records:]).all()
    columns = unit_table(configs, shared, num_params=8400, test_size=30)
    assert len(columns["step"]) == 2 * records
    assert not columns["diverged"].any()


def test_noise_and_rate_are_lanes_too(few_digits):
    configs = [
        *seeds(101),
        *seeds(101, label_noise=0.5),
        *seeds(101, learning_rate=0.1),
    ]
    curves = train(configs, few_digits)
    first = np.asarray(curves.test_loss[:3, 0])
    np.testing.assert_allclose(first, first[0], rtol=1e-6)  # the same weights
    assert curves.train_loss[1, 0] != curves.train_loss[0, 0]  # other labels
    last = np.asarray(curves.test_loss[:3, -1])
    assert len(set(last.tolist())) == 3


def test_seeds_differ_in_weights_and_data(few_digits):
    curves = train(seeds(101, 102), few_digits)
    assert curves.test_loss[0, 0] != curves.test_loss[1, 0]


def test_the_table_has_a_row_a_run_and_evaluation(few_digits):
    configs = seeds(101, 102, 103)
    curves = train(configs, few_digits)
    columns = unit_table(configs, curves, num_params=8400, test_size=30)
    records = len(SMALL.records)
    assert {len(values) for values in columns.values()} == {3 * records}
    second = columns["seed"] == 102
    np.testing.assert_array_equal(columns["step"][second], SMALL.records)
    np.testing.assert_allclose(
        columns["epoch"][second], np.array(SMALL.records) / 4, rtol=1e-12
    )
    np.testing.assert_array_equal(columns["test_loss"][second], curves.test_loss[1])
    assert set(columns["run_id"][second]) == {configs[1].run_id}
    assert set(columns["test_size"]) == {30}


def test_lanes_take_equal_turns_in_the_memory_there_is():
    assert lanes_at_once(lanes=64, lane_bytes=10, free=10**9) == 64
    assert lanes_at_once(lanes=64, lane_bytes=10, free=609) == 32
    assert lanes_at_once(lanes=10, lane_bytes=10, free=90) == 5
    assert lanes_at_once(lanes=10, lane_bytes=100, free=90) == 1


def test_momenta_and_warm_ups_are_lanes_of_one_program(few_digits):
    changes = {"optimizer": "momentum", "schedule": "warmup_cosine"}
    configs = [
        *seeds(101, **changes),
        *seeds(101, **changes, momentum=0.9),
        *seeds(101, **changes, warmup=0.5),
        *seeds(101, **changes, weight_decay=0.5),
    ]
    together = train(configs, few_digits, at_once=4)
    last = np.asarray(together.test_loss[:, -1])
    assert len(set(last.tolist())) == 4


def test_a_full_batch_is_one_batch_of_the_whole_set(few_digits):
    [full] = seeds(101, batching="full")
    [one] = seeds(101, batch_size=100)
    whole, batch = train([full], few_digits), train([one], few_digits)
    # the same examples in another order
    np.testing.assert_allclose(whole.test_loss, batch.test_loss, rtol=1e-5)


def test_a_linearised_run_is_gradient_descent_on_the_expansion(few_digits):
    """Against full-batch training of `linearise`, by jax.jvp, from the same seed."""
    [config] = seeds(101, batching="full", linearised=True, init="ntk", train_size=50)
    found = train([config], few_digits, capacity=50)
    network = linearise(make_network("mlp", 1, 10, "ntk"))
    draw = make_draw(config, Targets(10, None), 50)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), 101), 3)
    numbers = {name: values[0] for name, values in make_lanes([config], 1).items()}
    data = make_shared_data(few_digits)
    drawn = draw(DataKeys(keys[0], keys[1]), numbers, 50, data)
    how = make_optimizer("sgd"), config.records, full_batch()
    plain = make_train(network, make_task("mse"), *how)
    expected = plain(keys[2], Hyper(jnp.float32(config.learning_rate)), drawn.data)
    # a few float32 steps by other products
    np.testing.assert_allclose(found.test_loss[0], expected.test_loss, rtol=1e-4)
    np.testing.assert_allclose(found.train_loss[0], expected.train_loss, rtol=1e-4)


# An MLP that learns its few digits in a few epochs.
FAST = {"optimizer": "adam", "learning_rate": 0.003, "width": 3, "train_size": 350}


@pytest.mark.parametrize("at_once", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_ends_with_the_first_evaluation_at_its_loss(few_digits, at_once):
    """As the run without an end goes, and not a row more."""
    how = {**FAST, "epochs": 12}
    whole, ended = seeds(101, 102, **how), seeds(101, 102, **how, until_test_loss=0.08)
    curves = train(whole, few_digits, at_once, capacity=350)
    until = train(ended, few_digits, at_once, capacity=350)
    columns = unit_table(ended, until, num_params=8400)
    lengths = []
    for number, config in enumerate(ended):
        losses = columns["test_loss"][columns["seed"] == config.seed]
        expected = curves.test_loss[number, : len(losses)]
        # lanes together go on until the last has ended, by another loop's rounding
        # (6e-8), which a hundred steps amplify; neighbouring records differ by 1%
        rounding = 0 if at_once == 1 else 1e-4
        np.testing.assert_allclose(losses, expected, rtol=rounding)
        assert losses[-1] <= 0.08 < losses[:-1].min()
        assert np.isnan(until.test_loss[number, len(losses) :]).all()
        lengths.append(len(losses))
    assert len(set(lengths)) == 2 and max(lengths) < len(whole[0].records)
    assert not columns["diverged"].any()


def test_a_loss_that_is_never_reached_ends_no_run(few_digits):
    curves = train(seeds(101), few_digits)
    never = seeds(101, until_test_loss=1e-6)
    until = train(never, few_digits)
    np.testing.assert_array_equal(until.test_loss, curves.test_loss)
    columns = unit_table(never, until, num_params=8400)
    assert len(columns["step"]) == len(SMALL.records)
    assert set(columns["until_test_loss"]) == {1e-6}


def test_shuffled_labels_teach_frequencies_alone(few_digits):
    how = {**FAST, "epochs": 12}
    real, control = seeds(101, **how), seeds(101, **how, shuffled_labels=True)
    losses, shuffled = (
        train(each, few_digits).test_loss[0] for each in (real, control)
    )
    assert losses.min() < 0.07 and shuffled.min() > 0.0885
    assert losses[0] == shuffled[0]  # the same weights
