"""Which examples make up which batch: a fresh order each epoch, every one once."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key


class Batch(NamedTuple):
    """Positions in the training set and their weights, which sum to one.

    A short batch is filled up with positions of weight zero, so that all batches
    have one shape and the mean is over the batch's own examples.
    """

    position: Int[Array, "batch"]
    weight: Float[Array, "batch"]


def batches_per_epoch(train_size: int, batch_size: int) -> int:
    """Returns ceil(train_size / batch_size): the last short batch is kept."""
    return -(-train_size // batch_size)


def draw_order(
    key: Key[Array, ""], train_size: int, batch_size: int
) -> Int[Array, "padded"]:
    """Draws an epoch's order, padded with zeros to whole batches."""
    order = jax.random.permutation(key, train_size)
    padded = batches_per_epoch(train_size, batch_size) * batch_size
    return jnp.pad(order, (0, padded - train_size))


def take_batch(
    order: Int[Array, "padded"],
    index: Int[Array, ""] | int,
    train_size: int,
    batch_size: int,
) -> Batch:
    """Returns batch number `index` of the epoch with this order."""
    start = index * batch_size
    position = lax.dynamic_slice_in_dim(order, start, batch_size)
    real = start + jnp.arange(batch_size) < train_size
    return Batch(position, real / jnp.sum(real))
