"""Multilayer perceptrons: of [BF24, C.1], and with other depths."""

import math

import jax
from flax import linen as nn
from jaxtyping import Array, Float

from scaletime_jax.models.dense import Dense

ACTIVATIONS = {"relu": jax.nn.relu, "erf": jax.scipy.special.erf}


class MLP(nn.Module):
    """Hidden layers of units x width units, and the output layer.

    By default the network of [BF24, C.1]: six dense layers, five of them hidden with
    10 x width ReLU units. Width 1 has 8,400 parameters on MNIST.

    Attributes:
        width: the paper's scale parameter s, >= 1.
        num_classes: number of outputs.
        initializer: one of `initializers.INITS`.
        hidden: number of hidden layers.
        units: number of units in a hidden layer of width 1.
        activation: 'relu' or 'erf'.
    """

    width: int
    num_classes: int = 10
    initializer: str = "pytorch"
    hidden: int = 5
    units: int = 10
    activation: str = "relu"

    @nn.compact
    def __call__(self, images: Float[Array, "batch *shape"]) -> Float[Array, "batch c"]:
        """Returns one output per class; images of any shape are flattened."""
        x = images.reshape(images.shape[0], math.prod(images.shape[1:])).T
        activate = ACTIVATIONS[self.activation]
        for features in [self.units * self.width] * self.hidden:
            x = activate(Dense(features, self.initializer)(x))
        return Dense(self.num_classes, self.initializer)(x).T
