"""Initialisation of weights and biases.

The initialisation determines how long a network stays at chance [BF24, C.1].
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

INITS = ("pytorch", "lecun", "he", "ntk", "glorot")
Initializer = Callable[..., Any]


class LayerInit(NamedTuple):
    """Initialisers of one layer's kernel and bias, called as (key, shape, dtype).

    Attributes:
        kernel: initialiser of the kernel.
        bias: initialiser of the bias.
        gain: factor of the kernel in the layer's output.
    """

    kernel: Initializer
    bias: Initializer
    gain: float = 1.0


def make_layer_init(name: str, fan_in: int, fan_out: int) -> LayerInit:
    """Returns the initialisers of a layer.

    - 'pytorch': kernel and bias U(-1/sqrt(fan_in), 1/sqrt(fan_in)), the default of
      PyTorch's Linear and Conv2d and so of [BF24];
    - 'lecun': kernel N(0, 1/fan_in), bias zero;
    - 'he': kernel N(0, 2/fan_in), bias zero;
    - 'ntk': kernel N(0, 1), bias zero, and the layer multiplies the kernel by
      sqrt(2/fan_in), the parameterisation of [Jacot et al. 2018]. The outputs at the
      start are those of 'he'; in training the kernel of the network has a limit at
      infinite width for one learning rate;
    - 'glorot': kernel U(-b, b) with b = sqrt(6/(fan_in + fan_out)), bias zero, the
      default of Keras and so of [B21, A.2] [Glorot & Bengio 2010].

    Args:
        name: one of INITS.
        fan_in: number of inputs to each output.
        fan_out: number of outputs that each input reaches.
    """
    if name == "pytorch":
        uniform = _symmetric_uniform(1 / math.sqrt(fan_in))
        return LayerInit(uniform, uniform)
    if name == "ntk":
        return LayerInit(
            jax.nn.initializers.normal(1.0),
            jax.nn.initializers.zeros,
            math.sqrt(2 / fan_in),
        )
    if name == "glorot":
        bound = math.sqrt(6 / (fan_in + fan_out))
        return LayerInit(_symmetric_uniform(bound), jax.nn.initializers.zeros)
    variance = {"lecun": 1 / fan_in, "he": 2 / fan_in}[name]
    return LayerInit(
        jax.nn.initializers.normal(math.sqrt(variance)), jax.nn.initializers.zeros
    )


def _symmetric_uniform(bound: float) -> Initializer:
    def init(key, shape, dtype):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init
