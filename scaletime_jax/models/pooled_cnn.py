"""The convolutional networks of [B21, Table 1, left]."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from scaletime_jax.models.dense import Dense
from scaletime_jax.models.patch_conv import PatchConv

MULTIPLES = (1, 2, 2)  # channels of the convolutions, in units of width
KERNEL = 3
UNITS = 64
MIN_POOLED_IMAGE = 18  # pixels: one is left for the last convolution


class PooledCNN(nn.Module):
    """Three ReLU convolutions without padding, then two dense layers.

    The first two convolutions are followed by the largest of 2 x 2 pixels. Width 50 is
    the paper's network for CIFAR-10, MNIST and Fashion-MNIST.

    Attributes:
        width: channels of the first convolution; the others have twice as many.
        num_classes: number of outputs.
        initializer: one of `initializers.INITS`; the paper's is 'glorot'.
        method: convolution method, 'patches' or 'lax'.
    """

    width: int
    num_classes: int = 10
    initializer: str = "glorot"
    method: str = "patches"

    @nn.compact
    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch classes"]:
        """Returns one output per class."""
        x = jnp.transpose(images, (3, 1, 2, 0))
        for number, multiple in enumerate(MULTIPLES):
            if number:
                x = largest(x)
            x = PatchConv(
                features=multiple * self.width,
                size=KERNEL,
                initializer=self.initializer,
                method=self.method,
            )(x)
            x = jax.nn.relu(x)
        x = x.reshape(-1, x.shape[-1])
        x = jax.nn.relu(Dense(UNITS, self.initializer)(x))
        return Dense(self.num_classes, self.initializer)(x).T


def largest(images: Float[Array, "c h w batch"]) -> Float[Array, "c h2 w2 batch"]:
    """Returns maxima of squares of 2 x 2 pixels, without a last odd row or column."""
    channels, height, width, batch = images.shape
    height, width = height // 2, width // 2
    whole = images[:, : 2 * height, : 2 * width]
    return whole.reshape(channels, height, 2, width, 2, batch).max(axis=(2, 4))
