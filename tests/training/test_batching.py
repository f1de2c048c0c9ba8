import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.network import Network, Variables
from scaletime_jax.training.batching import (
    TrainData,
    augmented,
    batches_per_epoch,
    draw_order,
    epochs,
    fresh,
    full_batch,
    take_batch,
)
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import regression
from scaletime_jax.training.train import make_train

LINEAR = Network(
    lambda key, inputs: Variables(jnp.zeros(inputs.shape[1:]), ()),
    lambda variables, inputs, train: (inputs @ variables.params, variables),
)
TEACHER = jnp.array([1.0, -2.0, 0.5])


def draw(key, batch):
    """Returns fresh inputs and a linear teacher's targets."""
    inputs = jax.random.normal(key, (batch, 3))
    return inputs, inputs @ TEACHER


def make_data(train_size=None):
    """Returns twenty of thirty examples; what is beyond the train size is harmful."""
    inputs, targets = draw(jax.random.key(5), 30)
    subset = jnp.arange(30)[::-1][:20]
    chosen = targets[subset]
    if train_size is not None:
        chosen = jnp.where(jnp.arange(20) < train_size, chosen, jnp.nan)
    return TrainData(inputs, subset, chosen, *draw(jax.random.key(6), 40), train_size)


def curves(sampler, data, records=(0, 1, 20), rate=0.1):
    optimizer = make_optimizer("sgd")
    train = make_train(LINEAR, regression(), optimizer, records, sampler)
    return jax.jit(train)(jax.random.key(0), Hyper(jnp.float32(rate)), data)


@pytest.mark.parametrize(("size", "batch_size"), [(100, 32), (64, 32), (5, 32), (7, 1)])
def test_an_epoch_sees_every_example_once(size, batch_size):
    order = draw_order(jax.random.key(0), size, -(-size // batch_size) * batch_size)
    seen = []
    for number in range(batches_per_epoch(size, batch_size)):
        batch = take_batch(order, number, size, batch_size)
        real = np.asarray(batch.weight) > 0
        seen += np.asarray(batch.position)[real].tolist()
        # the mean is over the batch's own examples
        np.testing.assert_allclose(batch.weight[real], 1 / real.sum(), rtol=1e-6)
    assert sorted(seen) == list(range(size))


def test_orders_differ_between_epochs():
    key = jax.random.key(0)
    orders = [draw_order(jax.random.fold_in(key, e), 100, 128)[:100] for e in range(3)]
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])


@pytest.mark.parametrize("train_size", [None, 13])
def test_a_batch_of_all_is_the_full_batch(train_size):
    """Also below the capacity, by a traced size."""
    data = make_data(train_size)
    whole, one = curves(full_batch(), data), curves(epochs(20), data)
    # sums in another order, of float32
    np.testing.assert_allclose(whole.train_loss, one.train_loss, rtol=1e-5)
    np.testing.assert_allclose(whole.test_loss, one.test_loss, rtol=1e-5)
    assert whole.train_loss[-1] < 0.5 * whole.train_loss[0]


def test_the_full_batch_is_every_example_once():
    data = make_data()
    _, batch = full_batch().next((), jnp.int32(3), jax.random.key(0), data)
    np.testing.assert_array_equal(batch.inputs, data.inputs[data.subset])
    np.testing.assert_array_equal(batch.targets, data.targets)
    np.testing.assert_allclose(batch.weight, 1 / 20, rtol=1e-6)


def take(sampler, key, steps=10):
    """Returns the inputs of the first steps, [steps, batch, 3]."""
    data, batches = make_data(), []
    carried = sampler.init(data)
    for step in range(steps):
        carried, batch = sampler.next(carried, jnp.int32(step), key, data)
        batches.append(batch)
    np.testing.assert_allclose([b.weight.sum() for b in batches], 1, rtol=1e-6)
    return np.stack([batch.inputs for batch in batches])


def test_one_pass_never_repeats_an_example():
    drawn = take(fresh(draw, 7), jax.random.key(1)).reshape(-1, 3)
    assert len(np.unique(drawn, axis=0)) == len(drawn) == 70
    passes = take(epochs(7), jax.random.key(1)).reshape(-1, 3)
    assert len(np.unique(passes, axis=0)) == 20


def test_the_key_decides_the_samples():
    sampler = fresh(draw, 7)
    first = take(sampler, jax.random.key(1))
    np.testing.assert_array_equal(first, take(sampler, jax.random.key(1)))
    assert not np.isin(first, take(sampler, jax.random.key(2))).any()


def test_fresh_samples_teach_a_linear_teacher():
    data = make_data()
    found = curves(fresh(draw, 32), data, (0, 50, 200))
    expected = np.mean(np.asarray(data.test_targets) ** 2)
    np.testing.assert_allclose(found.test_loss[0], expected, rtol=1e-6)
    # without noise each step keeps the share (1 - 2 rate)^2 = 0.64 of the loss, more
    # or less: 1e-9 after 50, and the rounding of float32 in the end
    assert found.test_loss[1] < 1e-7 * expected
    assert found.test_loss[2] < 1e-12 * expected
    assert found.train_loss[2] < 1e-12 * expected  # never trained on, learned too


def test_augmented_batches_change_by_step_and_key_and_keep_their_targets():
    def shift(key, inputs):
        return inputs + jax.random.normal(key, (len(inputs), 1))

    plain, key, data = epochs(7), jax.random.key(1), make_data()
    sampler = augmented(plain, shift)
    batches = take(plain, key)
    first = take(sampler, key)
    np.testing.assert_array_equal(first, take(sampler, key))
    moves = (first - batches)[..., 0]
    assert len(np.unique(moves.round(4))) > 60  # of 70: each step has its own
    other = take(sampler, jax.random.key(2)) - take(plain, jax.random.key(2))
    assert abs(other[..., 0] - moves).min() > 1e-4
    before = plain.next(plain.init(data), jnp.int32(0), key, data)[1]
    after = sampler.next(sampler.init(data), jnp.int32(0), key, data)[1]
    np.testing.assert_array_equal(before.targets, after.targets)
    np.testing.assert_array_equal(before.weight, after.weight)
