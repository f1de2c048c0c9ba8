"""Losses of single examples; other functions take weighted means."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from scaletime_jax.arguments import require_shape

LOSSES = ("mse", "cross_entropy")


def squared_error(
    outputs: Float[Array, "batch *shape"], targets: Float[Array, "batch *shape"]
) -> Float[Array, "batch"]:
    """Mean over an example's outputs of (output - target)^2.

    Raises:
        InputError: the shapes differ; arrays are never broadcast.
    """
    require_shape("targets", targets, outputs.shape)
    return jnp.mean((outputs - targets) ** 2, axis=tuple(range(1, outputs.ndim)))


def mse(
    outputs: Float[Array, "batch classes"], labels: Int[Array, "batch"]
) -> Float[Array, "batch"]:
    """Mean over classes of (output - one-hot)^2 [BF24, C.1]."""
    targets = jax.nn.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)
    return squared_error(outputs, targets)


def cross_entropy(
    outputs: Float[Array, "batch *length classes"], labels: Int[Array, "batch *length"]
) -> Float[Array, "batch *length"]:
    """Softmax cross-entropy in nats, for every position if there are positions."""
    entropy = optax.softmax_cross_entropy_with_integer_labels
    return jnp.asarray(entropy(outputs, labels))


def make_loss(name: str) -> Callable[[Array, Array], Array]:
    """Returns the loss called `name`, (outputs, labels) -> [batch]."""
    return {"mse": mse, "cross_entropy": cross_entropy}[name]


def accuracy(
    outputs: Float[Array, "batch *length classes"], labels: Int[Array, "batch *length"]
) -> Float[Array, "batch *length"]:
    """One where the largest output is the label's, else zero."""
    return (jnp.argmax(outputs, axis=-1) == labels).astype(outputs.dtype)
