"""Transforms of images and labels between file and network."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key, Num, Real

from scaletime_jax.errors import InputError

LARGEST = 2**32 - 1  # the largest number of 32 random bits


def normalise(images: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Maps uint8 pixels to (x / 255 - 0.5) / 0.5 in [-1, 1] [BF24, C.1].

    Floating-point inputs count as normalised and are returned unchanged.
    """
    if images.dtype == jnp.uint8:
        return images.astype(jnp.float32) / 127.5 - 1.0
    return images.astype(jnp.float32)


def average_pool(
    images: Num[Array, "n height width *channels"], size: int
) -> Float[Array, "n pooled_height pooled_width *channels"]:
    """Averages images over disjoint squares of size x size pixels.

    Args:
        images: [n, height, width, ...] of any number type.
        size: pixels on a side, a divisor of height and width; 1 changes nothing.

    Returns:
        [n, height / size, width / size, ...] floating-point images.

    Raises:
        InputError: the size does not divide the images.
    """
    if images.ndim < 3:
        raise InputError(
            f"only images [n, height, width] can be pooled, not shape {images.shape}."
        )
    count, height, width, *channels = images.shape
    if size < 1 or height % size or width % size:
        raise InputError(
            f"images of {height} x {width} pixels cannot be pooled by {size}: give a "
            "whole number that divides both."
        )
    shape = count, height // size, size, width // size, size, *channels
    return jnp.mean(jnp.reshape(images, shape), axis=(2, 4))


def flip_and_crop(
    key: Key[Array, ""], images: Num[Array, "n height width channels"]
) -> Num[Array, "n height width channels"]:
    """Flips images at random and shifts them, as is usual for CIFAR-10.

    An image is mirrored left to right with probability 1/2, extended on each side by
    its mirror image, by one eighth of the smaller of height and width (4 of 32 pixels),
    and cut to its size at a place that is uniform over all places.

    Args:
        key: of this batch.
        images: [n, height, width, channels] of any number type.
    """
    count, height, width, channels = images.shape
    margin = min(height, width) // 8
    flip_key, place_key = jax.random.split(key)
    flips = jax.random.bernoulli(flip_key, shape=(count, 1, 1, 1))
    images = jnp.where(flips, images[:, :, ::-1], images)
    sides = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    wide = jnp.pad(images, sides, mode="reflect")
    places = jax.random.randint(place_key, (count, 2), 0, 2 * margin + 1)

    def cut(image: Array, place: Array) -> Array:
        start = (place[0], place[1], jnp.int32(0))
        return lax.dynamic_slice(image, start, (height, width, channels))

    return jax.vmap(cut)(wide, places)


def permute(
    key: Key[Array, ""], size: int | Int[Array, ""], capacity: int
) -> Int[Array, "capacity"]:
    """Draws a random order of 0..size-1, followed by size..capacity-1 in order.

    The result equals `jax.random.permutation(key, size)` bit for bit, but `size` may be
    traced. Indices are sorted by random bits, where indices from `size` on get the
    largest number M. To make ties rare, the sort is repeated for more than M^(1/3)
    indices, and once more for more than M^(2/3).

    Args:
        key: a typed key, used once.
        size: number of shuffled indices, >= 0.
        capacity: length of the result, >= size.
    """
    place = order = jnp.arange(capacity)
    for number in range(3):
        limit = LARGEST ** (number / 3)
        if capacity <= limit:
            break
        key, bits_key = jax.random.split(key)
        bits = jax.random.bits(bits_key, (capacity,))
        bits = jnp.where(place < size, bits, jnp.uint32(LARGEST))
        shuffled = lax.sort_key_val(bits, order)[1]  # stable: the rest stays last
        order = jnp.where(size > limit, shuffled, order)
    return order


def draw_subset(key: Key[Array, ""], population: int, size: int) -> Int[Array, "size"]:
    """Draws `size` of `population` indices without replacement.

    Draws with the same key are nested: a larger subset starts with the smaller subset.
    """
    return jax.random.permutation(key, population)[:size]


def shuffle_labels(
    key: Key[Array, ""], labels: Int[Array, "capacity"], size: int | Int[Array, ""]
) -> Int[Array, "capacity"]:
    """Permutes the first `size` labels at random.

    Class frequencies do not change, and images carry no information about labels. A
    network can only learn the frequencies.

    Args:
        key: a typed key, used once.
        labels: [capacity] classes.
        size: number of labels; may be traced.
    """
    return labels[permute(key, size, labels.shape[0])]


def add_label_noise(
    key: Key[Array, ""],
    labels: Int[Array, "capacity"],
    share: Real[Array, ""] | float,
    num_classes: int,
    size: int | Int[Array, ""] | None = None,
) -> Int[Array, "capacity"]:
    """Replaces a share of the labels by a uniformly drawn *other* class [BF24, C.1].

    Exactly round(share * size) labels change. Draws with the same key are nested: the
    wrong labels of a small share are also wrong, and equal, at a larger share.

    Args:
        key: a typed key, used once.
        labels: [capacity] true classes in 0..num_classes-1.
        share: share of wrong labels in [0, 1]; may be traced.
        num_classes: number of classes, at least 2.
        size: number of labels; None for all. Later labels are ignored. May be traced.

    Returns:
        [capacity] labels.
    """
    capacity = labels.shape[0]
    size = capacity if size is None else size
    choice_key, class_key = jax.random.split(key)
    rank = permute(choice_key, size, capacity)
    wrong = rank < jnp.round(share * size)
    shift = jax.random.randint(class_key, labels.shape, 1, num_classes)
    return jnp.where(wrong, (labels + shift) % num_classes, labels)
