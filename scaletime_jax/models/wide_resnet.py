"""Wide residual networks [Zagoruyko & Komodakis 2016, B21 App. A]."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from scaletime_jax.models.dense import Dense
from scaletime_jax.models.patch_conv import PatchConv

STEM = 16  # channels of the first convolution
GROUPS = ((4, 1), (8, 2), (16, 2))  # channels in units of width, and stride
FIXED = 4  # layers besides the convolutions of blocks
PER_BLOCK = 6  # layers of one block in each of the three groups
MIN_WRN_IMAGE = 4  # pixels: two strides of two leave one


class WideResNet(nn.Module):
    """WRN-depth-k with k = width / 4: pre-activation blocks, then a mean and a layer.

    A convolution of 16 channels, three groups of (depth - 4) / 6 blocks with 16 k, 32 k
    and 64 k channels, BatchNorm, ReLU, the mean over pixels, a dense layer. BatchNorm
    has PyTorch's constants, and mixes the examples of a batch.

    Attributes:
        width: 4 k, so that k may be a multiple of 1/4.
        num_classes: number of outputs.
        initializer: one of `initializers.INITS`; the original's is 'he'.
        method: convolution method, 'patches' or 'lax'.
        depth: 10, 16, 22, ...: 4 more than a multiple of 6.
    """

    width: int
    num_classes: int = 10
    initializer: str = "he"
    method: str = "patches"
    depth: int = 10

    @nn.compact
    def __call__(
        self, images: Float[Array, "batch height width channels"], train: bool = False
    ) -> Float[Array, "batch classes"]:
        """Returns one output per class."""

        def convolve(x: Array, features: int, size: int = 3, stride: int = 1) -> Array:
            return PatchConv(
                features=features,
                size=size,
                stride=stride,
                initializer=self.initializer,
                method=self.method,
                padding=size // 2,
                use_bias=False,
            )(x)

        def activate(x: Array) -> Array:
            norm = nn.BatchNorm(not train, axis=0, momentum=0.9, epsilon=1e-5)
            return jax.nn.relu(norm(x))

        x = convolve(jnp.transpose(images, (3, 1, 2, 0)), STEM)
        for multiple, first_stride in GROUPS:
            features = multiple * self.width
            for block in range((self.depth - FIXED) // PER_BLOCK):
                stride = 1 if block else first_stride
                active = activate(x)
                if stride != 1 or x.shape[0] != features:
                    x = convolve(active, features, size=1, stride=stride)
                inner = activate(convolve(active, features, stride=stride))
                x = x + convolve(inner, features)
        return Dense(self.num_classes, self.initializer)(activate(x).mean((1, 2))).T
