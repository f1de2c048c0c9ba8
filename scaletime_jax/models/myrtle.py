"""The Myrtle network with five layers [Shankar et al. 2020, B21 App. A]."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from scaletime_jax.models.dense import Dense
from scaletime_jax.models.patch_conv import PatchConv

# Convolutions before each halving of the image, and after the last.
BLOCKS = (2, 1, 1)
KERNEL = 3
MIN_MYRTLE_IMAGE = 4  # pixels: two halvings leave one


class Myrtle(nn.Module):
    """Four ReLU convolutions that keep the size, with means between, and a dense layer.

    [conv, ReLU] x 2, means of 2 x 2 pixels, conv, ReLU, means of 2 x 2 pixels, conv,
    ReLU, the mean over all pixels, a dense layer. On images of 32 x 32 pixels the mean
    over the remaining 8 x 8 pixels is that of the three further halvings of the
    original. A halving leaves out a last odd row or column.

    Attributes:
        width: channels of each convolution.
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
        for number, convolutions in enumerate(BLOCKS):
            if number:
                x = halve(x)
            for _ in range(convolutions):
                x = PatchConv(
                    features=self.width,
                    size=KERNEL,
                    initializer=self.initializer,
                    method=self.method,
                    padding=KERNEL // 2,
                )(x)
                x = jax.nn.relu(x)
        return Dense(self.num_classes, self.initializer)(x.mean(axis=(1, 2))).T


def halve(images: Float[Array, "c h w batch"]) -> Float[Array, "c h2 w2 batch"]:
    """Returns means over squares of 2 x 2 pixels."""
    channels, height, width, batch = images.shape
    height, width = height // 2, width // 2
    whole = images[:, : 2 * height, : 2 * width]
    return whole.reshape(channels, height, 2, width, 2, batch).mean(axis=(2, 4))
