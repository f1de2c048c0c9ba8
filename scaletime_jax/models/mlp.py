"""The multilayer perceptron of [BF24, C.1]."""

import math

import jax
from flax import linen as nn
from jaxtyping import Array, Float

from scaletime_jax.models.initializers import make_layer_init


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
        x = images.reshape(images.shape[0], math.prod(images.shape[1:]))
        for features in [10 * self.width] * 5:
            x = jax.nn.relu(self._dense(x, features))
        return self._dense(x, self.num_classes)

    def _dense(self, x, features):
        init = make_layer_init(self.initializer, x.shape[-1])
        return nn.Dense(features, kernel_init=init.kernel, bias_init=init.bias)(x)
