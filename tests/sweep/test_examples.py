"""Runs on a teacher's targets: what the seed draws, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from grids import CONFIG
from segmented import train_lanes

from scaletime_jax import load_dataset
from scaletime_jax.data.teachers import draw_examples, draw_weights
from scaletime_jax.errors import InputError
from scaletime_jax.models.mlp import MLP
from scaletime_jax.sweep.checks import check_fits
from scaletime_jax.sweep.examples import (
    TEACHER,
    DataKeys,
    Targets,
    make_draw,
    make_shared_data,
)
from scaletime_jax.sweep.lanes import unit_table

NAME = "teacher:d=2,width=8,pool=500,test=100"
TAUGHT = dataclasses.replace(
    CONFIG,
    dataset=NAME,
    architecture="mlp2",
    width=16,
    optimizer="adam",
    learning_rate=0.003,
    train_size=60,
    batch_size=20,
    steps=31,
    record="log_steps",
)


@pytest.fixture(scope="module")
def taught():
    return load_dataset(NAME)


def drawn(config, dataset, seed=101, capacity=None):
    """Returns what a run of the seed draws, and its keys."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    keys = DataKeys(*jax.random.split(key, 3)[:2])
    capacity = capacity or config.train_size
    draw = make_draw(config, Targets(1, dataset.teacher), capacity)
    shared = make_shared_data(dataset)
    numbers = {"label_noise": jnp.float32(0), "part": jnp.uint32(config.part)}
    return draw(keys, numbers, config.train_size, shared), keys


def train(config, dataset, seeds=(101,), capacity=None):
    configs = [dataclasses.replace(config, seed=seed) for seed in seeds]
    targets = Targets(1, dataset.teacher)
    return train_lanes(configs, targets, dataset, len(seeds), capacity)


def test_targets_of_train_and_test_are_one_teachers(taught):
    run, keys = drawn(TAUGHT, taught)
    weights = draw_weights(taught.teacher, jax.random.fold_in(keys.noise, TEACHER))
    first, second, last = map(np.asarray, weights)
    for inputs, targets in (
        (run.data.inputs[run.data.subset], run.data.targets),
        (run.data.test_inputs, run.data.test_targets),
    ):
        hidden = np.maximum(second @ np.maximum(first @ np.asarray(inputs).T, 0), 0)
        # float32, in another order
        np.testing.assert_allclose(targets.T, 6 * last @ hidden, rtol=1e-4, atol=1e-5)


def test_larger_training_sets_contain_smaller_ones_with_the_same_teacher(taught):
    few, _ = drawn(TAUGHT, taught)
    more, _ = drawn(dataclasses.replace(TAUGHT, train_size=200), taught)
    np.testing.assert_array_equal(few.data.subset, more.data.subset[:60])
    np.testing.assert_allclose(few.data.targets, more.data.targets[:60], rtol=1e-5)


def test_parts_are_disjoint_and_cover_what_one_large_part_has(taught):
    parts = [
        drawn(dataclasses.replace(TAUGHT, part=part), taught)[0].data
        for part in range(3)
    ]
    whole = drawn(dataclasses.replace(TAUGHT, train_size=180), taught)[0].data
    together = np.concatenate([each.subset for each in parts])
    np.testing.assert_array_equal(together, whole.subset)
    assert len(set(together.tolist())) == 180
    # also in a program for more data than a part has
    shared = drawn(dataclasses.replace(TAUGHT, part=2), taught, capacity=100)[0].data
    np.testing.assert_array_equal(shared.subset[:60], parts[2].subset)


def test_shuffled_targets_are_the_same_numbers_in_another_order(taught):
    run, _ = drawn(TAUGHT, taught)
    control, _ = drawn(dataclasses.replace(TAUGHT, shuffled_labels=True), taught)
    one, other = (np.asarray(each.data.targets[:, 0]) for each in (run, control))
    assert not np.allclose(one, other)
    np.testing.assert_allclose(np.sort(one), np.sort(other), rtol=1e-5)
    np.testing.assert_array_equal(run.data.test_targets, control.data.test_targets)


def test_a_run_is_a_plain_loop_over_its_batches(taught):
    """Against the loop anyone would write, with Optax's own schedule."""
    config = dataclasses.replace(TAUGHT, schedule="cosine")
    curves = train(config, taught)
    run, _ = drawn(config, taught)
    model = MLP(16, 1, hidden=2, units=1)
    train_key = jax.random.split(jax.random.fold_in(jax.random.key(0), 101), 3)[2]
    init_key, batch_key = jax.random.split(train_key)
    params = model.init(init_key, run.data.inputs[:1])
    optimizer = optax.adam(optax.cosine_decay_schedule(0.003, 31))
    state, carried = optimizer.init(params), run.sampler.init(run.data)

    @jax.jit
    def step(params, state, batch):
        def loss(params):
            error = model.apply(params, batch.inputs) - batch.targets
            return batch.weight @ (error**2)[:, 0]

        change, state = optimizer.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, change), state

    for number in range(31):
        carried, batch = run.sampler.next(
            carried, jnp.int32(number), batch_key, run.data
        )
        params, state = step(params, state, batch)
    error = model.apply(params, run.data.test_inputs) - run.data.test_targets
    # 31 float32 steps by another program
    np.testing.assert_allclose(curves.test_loss[0, -1], np.mean(error**2), rtol=1e-3)


def test_fresh_examples_are_new_at_every_step_and_taught_alike(taught):
    config = dataclasses.replace(TAUGHT, batching="fresh", train_size=10_000)
    check_fits(config, taught)  # although the pool has 500 examples
    run, keys = drawn(config, taught)
    weights = draw_weights(taught.teacher, jax.random.fold_in(keys.noise, TEACHER))
    batches = [
        run.sampler.next((), jnp.int32(number), jax.random.key(5), run.data)[1]
        for number in (0, 1)
    ]
    assert not np.allclose(batches[0].inputs, batches[1].inputs)
    key = jax.random.fold_in(jax.random.key(5), 1)
    inputs, targets = draw_examples(taught.teacher, weights, key, 20)
    np.testing.assert_array_equal(batches[1].inputs, inputs)
    np.testing.assert_allclose(batches[1].targets, targets, rtol=1e-5)
    curves = train(config, taught)
    np.testing.assert_array_equal(curves.train_loss, curves.test_loss)
    assert curves.test_loss[0, -1] < curves.test_loss[0, 0]


def test_a_run_of_steps_is_as_long_whatever_the_train_size(taught):
    assert TAUGHT.records[-1] == 31 and TAUGHT.per_epoch == 3
    more = dataclasses.replace(TAUGHT, train_size=500)
    assert more.records[-1] == 31
    # ten passes of 60, and one batch of 20
    assert TAUGHT.trained == 31 * 20 and more.trained == 31 * 20
    uneven = dataclasses.replace(TAUGHT, train_size=50)
    assert uneven.trained == 10 * 50 + 20
    assert dataclasses.replace(TAUGHT, epochs=7).run_id == TAUGHT.run_id
    columns = unit_table([TAUGHT], train(TAUGHT, taught), num_params=1)
    assert columns["step"][-1] == 31
    assert columns["epoch"][-1] == pytest.approx(31 / 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loss": "cross_entropy"}, "loss 'cross_entropy' needs classes"),
        ({"label_noise": 0.2}, "label_noise 0.2 needs classes"),
        ({"train_size": 501}, "train_size 501 is above the 500 training"),
        ({"architecture": "cnn"}, "the cnn needs images"),
        ({"part": 8}, "part 8 does not exist: the 500 .* have 8 disjoint parts of 60"),
    ],
)
def test_what_needs_classes_or_more_data_is_refused(taught, change, words):
    with pytest.raises(InputError, match=words):
        check_fits(dataclasses.replace(TAUGHT, **change), taught)


def test_fresh_examples_need_a_teacher(few_digits):
    config = dataclasses.replace(CONFIG, batching="fresh", train_size=50)
    with pytest.raises(InputError, match=r"'fresh' draws new examples.*a teacher"):
        check_fits(config, few_digits)


def test_flips_and_crops_are_of_the_batch_and_not_of_the_evaluation(few_digits):
    """The last training loss is of the images as they are."""
    plain = dataclasses.replace(CONFIG, train_size=64, epochs=2, record="epochs")
    moved = dataclasses.replace(plain, augmentation="flips_crops")
    assert plain.run_id != moved.run_id
    first, other = (
        train(config, few_digits).train_loss[0] for config in (plain, moved)
    )
    assert first[0] == other[0]
    assert abs(first[-1] - other[-1]) > 1e-6


def test_only_images_can_be_flipped(taught):
    config = dataclasses.replace(TAUGHT, augmentation="flips_crops")
    with pytest.raises(InputError, match=r"needs images \[height, width, channels\]"):
        check_fits(config, taught)
