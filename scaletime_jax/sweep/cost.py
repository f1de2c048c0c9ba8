"""What a run costs, counted from shapes before anything is trained."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn


class Cost(NamedTuple):
    """Of a model on one example.

    Attributes:
        num_params: trainable numbers.
        forward_flops: floating-point operations of its matrix products, two a
            multiply-add.
        step_flops: likewise of a training step: not quite three times as many, since
            the first layer's input needs no gradient.
        activation_bytes: of all intermediate values.
    """

    num_params: int
    forward_flops: int
    step_flops: int
    activation_bytes: int


def model_cost(model: nn.Module, image_shape: tuple[int, ...]) -> Cost:
    """Counts a model's cost on one image of the given shape.

    It is the cost of a batch of two less that of a batch of one: what is done to the
    weights alone, whatever the batch, drops out.
    """

    def images(batch):
        return jax.ShapeDtypeStruct((batch, *image_shape), jnp.float32)

    def forward(params, x):
        return model.apply({"params": params}, x)

    def step(params, x):
        return jax.grad(lambda params: jnp.sum(forward(params, x) ** 2))(params)

    def count(function):
        """Returns what one image more adds to the flops and the bytes."""
        one, two = (
            _count(jax.make_jaxpr(function)(params, images(batch)).jaxpr)
            for batch in (1, 2)
        )
        return two[0] - one[0], two[1] - one[1]

    params = jax.eval_shape(model.init, jax.random.key(0), images(1))["params"]
    num_params = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    flops, size = count(forward)
    return Cost(num_params, flops, count(step)[0], size)


def _count(jaxpr: Any) -> tuple[int, int]:
    """Returns the flops of all products and the bytes of all results."""
    flops = size = 0
    for equation in jaxpr.eqns:
        inner = [v.jaxpr for v in equation.params.values() if hasattr(v, "jaxpr")]
        for nested in inner:
            nested_flops, nested_size = _count(nested)
            flops, size = flops + nested_flops, size + nested_size
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
