"""The tangent kernel of an MLP, layer by layer, without any Jacobian."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scaletime_jax.models.initializers import make_layer_init
from scaletime_jax.models.mlp import ACTIVATIONS, MLP
from scaletime_jax.models.network import Variables


class Layer(NamedTuple):
    """What one layer gives to the tangent kernel, for a batch of n examples.

    Attributes:
        inputs: [i, n] inputs of the layer, times its gain.
        slopes: [f, outputs, n] derivatives of the network's outputs with respect to the
            layer's results.
    """

    inputs: Float[Array, "i n"]
    slopes: Float[Array, "f outputs n"]


def make_kernel(
    module: MLP,
) -> Callable[[Variables, Array, Array], Float[Array, "n outputs m outputs"]]:
    """Returns kernel(variables, images, other images), the tangent kernel of an MLP."""

    def kernel(
        variables: Variables,
        one: Float[Array, "n *shape"],
        other: Float[Array, "m *shape"],
    ) -> Float[Array, "n outputs m outputs"]:
        first, second = (layers_of(module, variables, each) for each in (one, other))
        return tangent_kernel(first, second)

    return kernel


def layers_of(
    module: MLP, variables: Variables, images: Float[Array, "n *shape"]
) -> list[Layer]:
    """Returns the layers of an MLP at its parameters, from the first to the last."""
    params = variables.params
    activate = ACTIVATIONS[module.activation]
    kernels: list[Any] = []
    inputs, results = [], []
    x = images.reshape(images.shape[0], -1).T
    for number in range(module.hidden + 1):
        layer = params[f"Dense_{number}"]
        outputs, fan_in = layer["kernel"].shape
        gain = make_layer_init(module.initializer, fan_in, outputs).gain
        inputs.append(gain * x)
        kernels.append(gain * layer["kernel"])
        results.append(kernels[-1] @ x + layer["bias"][:, None])
        x = activate(results[-1])
    outputs, count = results[-1].shape
    slopes = jnp.broadcast_to(jnp.eye(outputs)[:, :, None], (outputs, outputs, count))
    made = [Layer(inputs[-1], slopes)]
    for number in range(module.hidden - 1, -1, -1):
        _, derivative = jax.jvp(
            activate, (results[number],), (jnp.ones_like(results[number]),)
        )
        back = jnp.einsum("gf,gon->fon", kernels[number + 1], slopes)
        slopes = derivative[:, None, :] * back
        made.append(Layer(inputs[number], slopes))
    return made[::-1]


def tangent_kernel(
    one: list[Layer], other: list[Layer]
) -> Float[Array, "n outputs m outputs"]:
    """Returns the tangent kernel between two batches.

        Theta_ik,jl = sum over parameters of df_k(x_i) df_l(x_j)
                    = sum over layers of (a_i . a_j + 1) (delta_ki . delta_lj),

    with inputs a of a layer, and derivatives delta of outputs with respect to its
    results [Jacot et al. 2018]; the 1 is of the bias. The cost is one matrix product a
    layer, where products of Jacobians would need as many as there are outputs.

    Args:
        one: layers for n examples, by `layers_of`.
        other: layers of the same network for m examples.
    """
    total: Any = 0.0
    for first, second in zip(one, other, strict=True):
        alike = first.inputs.T @ second.inputs + 1
        slopes = jnp.einsum("fkn,flm->nkml", first.slopes, second.slopes)
        total = total + alike[:, None, :, None] * slopes
    return total
