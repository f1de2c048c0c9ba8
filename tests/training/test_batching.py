import jax
import numpy as np
import pytest

from scaletime_jax.training.batching import batches_per_epoch, draw_order, take_batch


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
