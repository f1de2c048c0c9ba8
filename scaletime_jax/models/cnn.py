"""The convolutional network of [BF24, C.1]."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from scaletime_jax.models.dense import Dense
from scaletime_jax.models.patch_conv import PatchConv

SIZES = (3, 3, 3, 3, 3, 2)
STRIDES = (2, 1, 2, 1, 1, 1)
# The paper has five channel counts for six layers; here the sixth repeats the fifth.
CHANNELS = (5, 10, 20, 40, 80, 80)
MIN_IMAGE = 27  # pixels: one is left for the last layer


class CNN(nn.Module):
    """Six ReLU convolutions without padding, then one dense layer.

    The last kernel is 2 x 2, or 1 x 1 where one pixel is left (28 x 28 images).
    Width 1 has 45,740 parameters on MNIST.

    Attributes:
        width: the paper's scale parameter s; channels are (5, 10, 20, 40, 80, 80) s.
        num_classes: number of outputs.
        initializer: one of `initializers.INITS`.
        method: convolution method, 'patches' or 'lax'.
    """

    width: int
    num_classes: int = 10
    initializer: str = "pytorch"
    method: str = "patches"

    @nn.compact
    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch classes"]:
        """Returns one output per class."""
        x = jnp.transpose(images, (3, 1, 2, 0))
        for channels, size, stride in zip(CHANNELS, SIZES, STRIDES, strict=True):
            x = PatchConv(
                features=channels * self.width,
                size=min(size, *x.shape[1:3]),
                stride=stride,
                initializer=self.initializer,
                method=self.method,
            )(x)
            x = jax.nn.relu(x)
        x = x.reshape(-1, x.shape[-1])
        return Dense(self.num_classes, self.initializer)(x).T
