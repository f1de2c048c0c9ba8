"""The cost of a run, computed from shapes before training."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from scaletime_jax.models.network import Network, Variables


class Cost(NamedTuple):
    """The cost of a network on one example.

    Attributes:
        num_params: number of trainable parameters, without uncounted ones.
        all_params: number of all trainable parameters.
        forward_flops: floating-point operations of the matrix products, two for each
            multiply-add.
        step_flops: floating-point operations of a training step. They are less than
            three times forward_flops, because the first layer's input needs no
            gradient.
        activation_bytes: bytes of all intermediate values.
    """

    num_params: int
    all_params: int
    forward_flops: int
    step_flops: int
    activation_bytes: int


@functools.cache
def network_cost(
    network: Network,
    input_shape: tuple[int, ...],
    uncounted: tuple[str, ...] = (),
    input_type: type = jnp.float32,
) -> Cost:
    """Counts a network's cost on one input of the given shape.

    The cost of a batch of one is subtracted from the cost of a batch of two, which
    removes operations on the weights alone.

    Args:
        network: the network.
        input_shape: shape of an input.
        uncounted: names of the parameters that `num_params` leaves out: entries of the
            network's parameters.
        input_type: type of the numbers of an input, as the network takes them.
    """

    def inputs(batch: int) -> Any:
        shape: Any = jax.ShapeDtypeStruct  # has no type annotations
        return shape((batch, *input_shape), input_type)

    def forward(variables: Variables, x: Array) -> Array:
        return network.apply(variables, x, False)[0]

    def step(variables: Variables, x: Array) -> Any:
        def objective(params: Any) -> Array:
            outputs, _ = network.apply(Variables(params, variables.state), x, True)
            return jnp.sum(outputs**2)

        return jax.grad(objective)(variables.params)

    def count(function: Callable[[Variables, Array], Any]) -> tuple[int, int]:
        """Returns the flops and bytes of one more example."""
        one, two = (
            _count(jax.make_jaxpr(function)(variables, inputs(batch)).jaxpr)
            for batch in (1, 2)
        )
        return two[0] - one[0], two[1] - one[1]

    variables = jax.eval_shape(network.init, jax.random.key(0), inputs(1))
    all_params = _count_numbers(variables.params)
    left_out = [variables.params[name] for name in uncounted]
    flops, size = count(forward)
    counted = all_params - _count_numbers(left_out)
    return Cost(counted, all_params, flops, count(step)[0], size)


def _count_numbers(tree: Any) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def _count(jaxpr: Any) -> tuple[int, int]:
    """Returns the flops of all products and the bytes of all results."""
    flops = size = 0
    for equation in jaxpr.eqns:
        inner = [v.jaxpr for v in equation.params.values() if hasattr(v, "jaxpr")]
        for nested in inner:
            times = equation.params.get("length", 1)  # that a scan repeats its step
            nested_flops, nested_size = _count(nested)
            flops, size = flops + times * nested_flops, size + times * nested_size
        if inner:
            continue
        out = equation.outvars[0].aval
        size += math.prod(out.shape) * out.dtype.itemsize
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval.shape
            flops += 2 * math.prod(out.shape) * math.prod(left[d] for d in contracted)
        elif equation.primitive.name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            features = equation.params["dimension_numbers"].rhs_spec[0]
            flops += 2 * math.prod(out.shape) * math.prod(kernel) // kernel[features]
    return flops, size
