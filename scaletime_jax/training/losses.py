"""Losses of single examples; averages are taken where the weights are known."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

LOSSES = ("mse", "cross_entropy")


def mse(
    outputs: Float[Array, "batch classes"], labels: Int[Array, "batch"]
) -> Float[Array, "batch"]:
    """Mean over classes of (output - one-hot)^2 [BF24, C.1]."""
    targets = jax.nn.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)
    return jnp.mean((outputs - targets) ** 2, axis=-1)


def cross_entropy(
    outputs: Float[Array, "batch classes"], labels: Int[Array, "batch"]
) -> Float[Array, "batch"]:
    """Softmax cross-entropy in nats."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels)


def make_loss(name: str):
    """Returns the loss called `name`, (outputs, labels) -> [batch]."""
    return {"mse": mse, "cross_entropy": cross_entropy}[name]


def accuracy(
    outputs: Float[Array, "batch classes"], labels: Int[Array, "batch"]
) -> Float[Array, "batch"]:
    """One where the largest output is the label's, else zero."""
    return (jnp.argmax(outputs, axis=-1) == labels).astype(outputs.dtype)
