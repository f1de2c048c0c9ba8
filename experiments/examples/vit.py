"""A small vision transformer in plain JAX: parameters are dictionaries of arrays.

It is written as one would write it without this package, but for its last function.

    python experiments/tradeoff.py --architecture=vit=experiments/examples/vit.py:vit \
        --optimizer=adam --widths=1,2,4 --train_sizes=500 --epochs=20
"""

from functools import partial

import jax
import jax.numpy as jnp

from scaletime_jax.models.network import Network, Variables

PATCH = 7  # pixels a side
DEPTH = 2
HEAD = 8  # channels of an attention head; a network of width w has w heads


def init_params(key, image_shape, channels, num_outputs):
    """Draws all parameters."""
    height, width, colours = image_shape
    tokens = (height // PATCH) * (width // PATCH)
    keys = iter(jax.random.split(key, 3 + 4 * DEPTH))

    def matrix(rows, columns):
        return jax.random.normal(next(keys), (rows, columns)) / rows**0.5

    def block():
        return {
            "norm1": jnp.ones(channels),
            "qkv": matrix(channels, 3 * channels),
            "out": matrix(channels, channels),
            "norm2": jnp.ones(channels),
            "up": matrix(channels, 4 * channels),
            "down": matrix(4 * channels, channels),
        }

    return {
        "embed": matrix(PATCH * PATCH * colours, channels),
        "position": 0.02 * jax.random.normal(next(keys), (tokens, channels)),
        "blocks": [block() for _ in range(DEPTH)],
        "norm": jnp.ones(channels),
        "head": matrix(channels, num_outputs),
        "bias": jnp.zeros(num_outputs),
    }


def normalised(x, scale):
    """Divides by the root mean square over channels."""
    return scale * x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6)


def attend(block, x):
    """Multi-head attention over [tokens, channels]."""
    tokens, channels = x.shape
    heads = channels // HEAD
    q, k, v = (x @ block["qkv"]).reshape(tokens, 3, heads, HEAD).transpose(1, 2, 0, 3)
    weights = jax.nn.softmax(q @ k.transpose(0, 2, 1) / HEAD**0.5)
    return (weights @ v).transpose(1, 0, 2).reshape(tokens, channels) @ block["out"]


def patches(image):
    """Cuts an image into rows of pixels, one for each patch."""
    height, width, colours = image.shape
    rows, columns = height // PATCH, width // PATCH
    cut = image[: rows * PATCH, : columns * PATCH]
    cut = cut.reshape(rows, PATCH, columns, PATCH, colours).transpose(0, 2, 1, 3, 4)
    return cut.reshape(rows * columns, -1)


def forward(params, image):
    """Outputs for one image."""
    x = patches(image) @ params["embed"] + params["position"]
    for block in params["blocks"]:
        x = x + attend(block, normalised(x, block["norm1"]))
        x = x + jax.nn.gelu(normalised(x, block["norm2"]) @ block["up"]) @ block["down"]
    pooled = normalised(x, params["norm"]).mean(axis=0)
    return pooled @ params["head"] + params["bias"]


def vit(width, num_outputs):
    """The only function that scaletime_jax needs."""

    def init(key, images):
        params = init_params(key, images.shape[1:], HEAD * width, num_outputs)
        return Variables(params, ())

    def apply(variables, images, train):
        outputs = jax.vmap(partial(forward, variables.params))(images)
        return outputs, variables

    return Network(init, apply)
