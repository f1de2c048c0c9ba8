"""Which examples make up which batch: a fresh order each epoch, every one once."""

from typing import NamedTuple, overload

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key

from scaletime_jax.data.transforms import permute

Size = int | Int[Array, ""]


class Batch(NamedTuple):
    """Positions in the training set and their weights, which sum to one.

    A short batch is filled up with positions of weight zero, so that all batches
    have one shape and the mean is over the batch's own examples.
    """

    position: Int[Array, "batch"]
    weight: Float[Array, "batch"]


@overload
def batches_per_epoch(train_size: int, batch_size: int) -> int: ...
@overload
def batches_per_epoch(train_size: Size, batch_size: int) -> Size: ...
def batches_per_epoch(train_size: Size, batch_size: int) -> Size:
    """Returns ceil(train_size / batch_size): the last short batch is kept."""
    return -(-train_size // batch_size)


def draw_order(
    key: Key[Array, ""], train_size: Size, padded: int
) -> Int[Array, "padded"]:
    """Draws an epoch's order, filled up with zeros to `padded`, whole batches."""
    order = permute(key, train_size, padded)
    return jnp.where(jnp.arange(padded) < train_size, order, 0)


def take_batch(
    order: Int[Array, "padded"],
    index: Int[Array, ""] | int,
    train_size: Size,
    batch_size: int,
) -> Batch:
    """Returns batch number `index` of the epoch with this order."""
    start = index * batch_size
    position = lax.dynamic_slice_in_dim(order, start, batch_size)
    real = start + jnp.arange(batch_size) < train_size
    return Batch(position, real / jnp.sum(real))
