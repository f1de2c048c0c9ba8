"""The kernel at the start against a product of whole Jacobians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models import start_kernel
from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import Variables, from_flax
from scaletime_jax.models.start_kernel import count_params, make_start_kernel
from scaletime_jax.models.wide_resnet import WideResNet

INPUTS = jax.random.normal(jax.random.key(3), (6, 8, 8, 1))
MLP_NET = from_flax(MLP(1, 3, "he", hidden=2))


def whole(network, key):
    """Returns u^T J J^T u of all outputs' Jacobian."""
    init_key, direction_key = jax.random.split(key)
    start = network.init(init_key, INPUTS[:1])

    def outputs(params):
        return network.apply(Variables(params, start.state), INPUTS, False)[0]

    u = jax.random.normal(direction_key, (3,))
    jacobian = [
        jnp.einsum(
            "nkp,k->np", leaf.reshape(len(INPUTS), 3, -1), u / jnp.linalg.norm(u)
        )
        for leaf in jax.tree.leaves(jax.jacrev(outputs)(start.params))
    ]
    return sum(np.asarray(leaf @ leaf.T) for leaf in jacobian)


@pytest.mark.parametrize(
    "network",
    [
        MLP_NET,
        pytest.param(from_flax(WideResNet(1, 3, depth=10)), marks=pytest.mark.slow),
    ],
)
def test_it_is_the_product_of_jacobians(network):
    key = jax.random.key(1)
    kernel = jax.jit(make_start_kernel(network, INPUTS))(key)
    np.testing.assert_allclose(kernel, whole(network, key), rtol=2e-4)


def test_blocks_change_nothing(monkeypatch):
    one = jax.jit(make_start_kernel(MLP_NET, INPUTS))(jax.random.key(1))
    size = 4 * count_params(MLP_NET, INPUTS)
    for rows in (1, 4, 5):  # blocks of one, two and two
        monkeypatch.setattr(start_kernel, "BLOCK_BYTES", rows * size)
        kernel = jax.jit(make_start_kernel(MLP_NET, INPUTS))(jax.random.key(1))
        np.testing.assert_allclose(kernel, one, rtol=1e-4)


def test_parameters_are_counted():
    assert count_params(MLP_NET, INPUTS) == 65 * 10 + 11 * 10 + 11 * 3
