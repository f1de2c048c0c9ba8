import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import from_flax
from scaletime_jax.models.tangent import layers_of, tangent_kernel


@pytest.mark.parametrize("initializer", ["he", "ntk"])
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_the_kernel_is_the_product_of_jacobians(initializer, activation):
    """Against J J^T by reverse mode, over all weights and biases."""
    module = MLP(7, 3, initializer, hidden=2, units=1, activation=activation)
    network = from_flax(module)
    keys = jax.random.split(jax.random.key(0), 4)
    one = jax.random.normal(keys[0], (5, 2, 3))
    other = jax.random.normal(keys[1], (4, 2, 3))
    variables = network.init(keys[2], one)
    # biases of their own, so that they do not hide behind zeros
    moved = jax.tree.map(
        lambda x: x + 0.1 * jax.random.normal(keys[3], x.shape), variables.params
    )
    variables = variables._replace(params=moved)

    def jacobian(inputs):
        def outputs(params):
            return network.apply(variables._replace(params=params), inputs, False)[0]

        made = jax.tree.leaves(jax.jacobian(outputs)(variables.params))
        return jnp.concatenate([each.reshape(*each.shape[:2], -1) for each in made], 2)

    expected = jnp.einsum("nkp,mlp->nkml", jacobian(one), jacobian(other))
    found = tangent_kernel(
        layers_of(module, variables, one), layers_of(module, variables, other)
    )
    # float32 sums of hundreds of products
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
