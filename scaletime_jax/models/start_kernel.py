"""The tangent kernel of any network at its initialisation."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key, Num

from scaletime_jax.models.network import Network, Variables

# Bytes of the derivatives that are held at a time.
BLOCK_BYTES = 2**30


def count_params(network: Network, inputs: Num[Array, "n *shape"]) -> int:
    """Returns the number of trained parameters."""
    made = jax.eval_shape(network.init, jax.random.key(0), inputs[:1])
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(made.params))


def make_start_kernel(
    network: Network, inputs: Num[Array, "n *shape"]
) -> Callable[[Key[Array, ""]], Float[Array, "n n"]]:
    """Returns kernel(key), the tangent kernel of a newly drawn network.

        Theta_ij = d(u . f(x_i)) / d theta . d(u . f(x_j)) / d theta,

    where u is a random direction of length 1 among the outputs, drawn with the
    parameters: the kernels of single outputs are alike, and one direction costs one
    gradient for each input, whatever the number of outputs. A network with a state is
    taken in evaluation.

    Args:
        network: the network.
        inputs: [n, ...] as the network takes them.
    """
    count = len(inputs)
    most = BLOCK_BYTES // (4 * count_params(network, inputs))
    fitting = [b for b in range(1, count) if count % b == 0 and 2 * b <= most]
    block = count if count <= most else max(fitting, default=1)
    blocks = inputs.reshape(count // block, block, *inputs.shape[1:])

    def kernel(key: Key[Array, ""]) -> Float[Array, "n n"]:
        init_key, direction_key = jax.random.split(key)
        variables = network.init(init_key, inputs[:1])

        def output(params: Any, x: Array) -> Array:
            now = Variables(params, variables.state)
            values = network.apply(now, x[None], False)[0].reshape(-1)
            u = jax.random.normal(direction_key, values.shape)
            return u @ values / jnp.linalg.norm(u)

        def gradients(part: Array) -> list[Array]:
            rows = jax.vmap(jax.grad(output), (None, 0))(variables.params, part)
            return [leaf.reshape(block, -1) for leaf in jax.tree.leaves(rows)]

        if block == count:
            parts = gradients(inputs)
            return sum((part @ part.T for part in parts), jnp.zeros((count, count)))

        def against_all(one: Array) -> Array:
            mine = gradients(one)

            def product(other: Array) -> Array:
                pairs = zip(mine, gradients(other), strict=True)
                return sum((a @ b.T for a, b in pairs), jnp.zeros((block, block)))

            return lax.map(product, blocks)

        return lax.map(against_all, blocks).transpose(0, 2, 1, 3).reshape(count, count)

    return kernel
