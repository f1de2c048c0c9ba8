"""What happens to images and labels between the file and the network."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, Num, Real


def normalise(images: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Maps uint8 pixels to (x / 255 - 0.5) / 0.5 in [-1, 1] [BF24, C.1].

    Floating-point inputs are taken to be normalised already and pass unchanged.
    """
    if images.dtype == jnp.uint8:
        return images.astype(jnp.float32) / 127.5 - 1.0
    return images.astype(jnp.float32)


def draw_subset(key: Key[Array, ""], population: int, size: int) -> Int[Array, "size"]:
    """Draws `size` of `population` indices without replacement.

    Draws of one key are nested: the smaller subset begins the larger one.
    """
    return jax.random.permutation(key, population)[:size]


def add_label_noise(
    key: Key[Array, ""],
    labels: Int[Array, "size"],
    share: Real[Array, ""] | float,
    num_classes: int,
) -> Int[Array, "size"]:
    """Replaces a share of the labels by a uniformly drawn *other* class [BF24, C.1].

    Exactly round(share * size) labels change. Draws of one key are nested: what
    is wrong at a small share is wrong in the same way at a larger one.

    Args:
        key: a typed key, used once.
        labels: [size] true classes in 0..num_classes-1.
        share: share of wrong labels in [0, 1]; may be traced.
        num_classes: number of classes, at least 2.

    Returns:
        [size] labels.
    """
    choice_key, class_key = jax.random.split(key)
    rank = jax.random.permutation(choice_key, labels.shape[0])
    wrong = rank < jnp.round(share * labels.shape[0])
    shift = jax.random.randint(class_key, labels.shape, 1, num_classes)
    return jnp.where(wrong, (labels + shift) % num_classes, labels)
