"""The linearised network in function space, against the same in parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import from_flax, linearise
from scaletime_jax.models.tangent import make_kernel
from scaletime_jax.training.batching import TrainData, full_batch
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.linearised import make_linear_train
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import make_task
from scaletime_jax.training.train import make_train

RECORDS = (0, 1, 5, 40)
MODULE = MLP(16, 3, "ntk", hidden=2, units=1, activation="erf")
KERNEL = make_kernel(MODULE)


@pytest.fixture(scope="module")
def data():
    keys = jax.random.split(jax.random.key(1), 2)
    inputs = jax.random.normal(keys[0], (40, 6))
    labels = jax.random.randint(keys[1], (40,), 0, 3)
    subset = jnp.arange(12)
    return TrainData(inputs, subset, labels[:12], inputs[20:], labels[20:])


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_it_is_gradient_descent_on_the_linearised_network(data, loss):
    """Against `make_train` of `linearise`, by jax.jvp."""
    network, task = from_flax(MODULE), make_task(loss)
    key, hyper = jax.random.key(3), Hyper(jnp.float32(0.3))
    found = make_linear_train(network, KERNEL, task, RECORDS)(key, hyper, data)
    expected = make_train(
        linearise(network), task, make_optimizer("sgd"), RECORDS, full_batch()
    )(key, hyper, data)
    for name, values in found._asdict().items():
        # 40 float32 steps by other products
        np.testing.assert_allclose(
            values, getattr(expected, name), rtol=2e-4, atol=1e-6
        )
    assert found.train_loss[-1] < 0.8 * found.train_loss[0]


@pytest.mark.slow
def test_a_wide_network_moves_as_its_linearisation(data):
    """The difference of single initialisations falls as width^(-1/2)."""
    task, hyper = make_task("mse"), Hyper(jnp.float32(0.3))
    keys, gaps = jax.random.split(jax.random.key(3), 8), []
    for width in (16, 256):
        module = MODULE.clone(width=width)
        network = from_flax(module)

        ends = [
            jax.jit(jax.vmap(train, (0, None, None)))(keys, hyper, data).test_loss
            for train in (
                make_linear_train(network, make_kernel(module), task, RECORDS),
                make_train(network, task, make_optimizer("sgd"), RECORDS, full_batch()),
            )
        ]
        gaps.append(np.sqrt(np.mean((ends[0] - ends[1])[:, -1] ** 2)))
    # 16 times the width: a quarter, of eight initialisations within a factor of 1.6
    assert gaps[1] < gaps[0] / 2.5


def test_a_smaller_set_in_larger_arrays_is_the_same(data):
    """One program may serve several train sizes."""
    network, task = from_flax(MODULE), make_task("mse")
    train = make_linear_train(network, KERNEL, task, RECORDS)
    key, hyper = jax.random.key(3), Hyper(jnp.float32(0.3))
    few = data._replace(subset=data.subset[:7], targets=data.targets[:7])
    padded = data._replace(train_size=jnp.int32(7))
    np.testing.assert_allclose(
        train(key, hyper, padded).test_loss, train(key, hyper, few).test_loss, rtol=1e-5
    )
