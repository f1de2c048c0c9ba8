"""The multilayer perceptron of [BF24, C.1]."""

import math

import jax
from flax import linen as nn
from jaxtyping import Array, Float

from scaletime_jax.models.dense import Dense


class MLP(nn.Module):
    """Six dense layers: five hidden ones of 10 x width ReLU units, and the output.

    Width 1 has 8,400 parameters on MNIST.

    Attributes:
        width: the paper's scale parameter s, >= 1.
        num_classes: number of outputs.
        initializer: 'pytorch', 'lecun' or 'he'.
    """

    width: int
    num_classes: int = 10
    initializer: str = "pytorch"

    @nn.compact
    def __call__(self, images: Float[Array, "batch *shape"]) -> Float[Array, "batch c"]:
        """Returns one output per class; images of any shape are flattened."""
        x = images.reshape(images.shape[0], math.prod(images.shape[1:])).T
        for features in [10 * self.width] * 5:
            x = jax.nn.relu(Dense(features, self.initializer)(x))
        return Dense(self.num_classes, self.initializer)(x).T
