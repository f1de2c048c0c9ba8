"""The maximal update parameterisation, muP, relative to a base width.

A network of the base width is the standard network. At other widths muP changes the
initialisation and the learning rates, so that each layer's activations, and their
change in a step, keep their size as the width grows, and one learning rate fits all
widths [Yang & Hu 2021; Yang et al. 2022]. With r_in and r_out the ratios of a
parameter's inputs and outputs to those at the base width (1 where they do not grow, and
for the input of biases and gains), [Yang et al. 2022, Table 3] is, in units of the
standard network's,

                    initial scale    rate of SGD     rate of Adam
    input layer     1                r_out           1
    biases, gains   (see below)      r_out           1
    hidden layer    1                1               1 / r_in
    output layer    r_in^(-1/2)      1 / r_in        1 / r_in

so the rate of SGD has the factor r_out / r_in, and that of Adam 1 / r_in, in all rows.
A bias that starts at U(-1/sqrt(fan_in), 1/sqrt(fan_in)) gets the factor sqrt(r_in) of
its layer, because biases keep their initial scale. Attention heads have a fixed size:
to divide the products of queries and keys by it, or by its root, is one rule.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Key, Shaped

from scaletime_jax.models.network import Network, Variables


class Ratios(NamedTuple):
    """Growth of a parameter's axes from the base width.

    Attributes:
        inputs: of the axis of inputs; 1 if it does not grow, or does not exist.
        outputs: of the axis of outputs; likewise.
    """

    inputs: float
    outputs: float


def in_mup(network: Network, base: Network) -> Network:
    """Returns the network with muP's initial scales.

    Args:
        network: of standard parameterisation, with layers `models.dense.Dense`,
            `models.patch_conv.PatchConv`, gains and embeddings [channels, tokens].
        base: the same network at the base width.
    """

    def init(key: Key[Array, ""], inputs: Shaped[Array, "batch *shape"]) -> Variables:
        drawn = network.init(key, inputs)
        ratios = ratios_of(drawn.params, _params_of(base, inputs))
        scaled = _scaled(drawn.params, ratios)
        return drawn._replace(params=scaled)

    return Network(init, network.apply)


def rate_factors(
    network: Network,
    base: Network,
    inputs: Shaped[Array, "batch *shape"],
    is_adaptive: bool,
) -> Any:
    """Returns muP's factors of the learning rate, a pytree of floats as the parameters.

    Args:
        network: the network.
        base: the same network at the base width.
        inputs: as the network takes them; only their shape and type are used.
        is_adaptive: whether the optimizer divides gradients by their size (Adam).
    """
    ratios = ratios_of(_params_of(network, inputs), _params_of(base, inputs))

    def factor(ratio: Ratios) -> float:
        return (1.0 if is_adaptive else ratio.outputs) / ratio.inputs

    return jax.tree.map(factor, ratios, is_leaf=lambda x: isinstance(x, Ratios))


def ratios_of(params: Any, base: Any) -> Any:
    """Returns the Ratios of all parameters, a pytree as the parameters.

    Kernels of dense layers and embeddings are [outputs, inputs], those of convolutions
    [size, size, inputs, outputs], and vectors [outputs].
    """

    def ratios(leaf: Any, smaller: Any) -> Ratios:
        growth = [a / b for a, b in zip(leaf.shape, smaller.shape, strict=True)]
        if len(growth) == 1:
            return Ratios(1.0, growth[0])
        if len(growth) == 2:
            return Ratios(growth[1], growth[0])
        return Ratios(growth[-2], growth[-1])

    return jax.tree.map(ratios, params, base)


def _params_of(network: Network, inputs: Shaped[Array, "batch *shape"]) -> Any:
    """Returns the shapes of a network's parameters."""
    return jax.eval_shape(network.init, jax.random.key(0), inputs).params


def _scaled(params: Any, ratios: Any) -> Any:
    """Returns initial parameters at muP's scale."""
    if not isinstance(params, Mapping):
        return _initial_scale(ratios) * params
    if "kernel" not in params:
        return {name: _scaled(each, ratios[name]) for name, each in params.items()}
    layer = {"kernel": _initial_scale(ratios["kernel"]) * params["kernel"]}
    if "bias" in params:
        layer["bias"] = math.sqrt(ratios["kernel"].inputs) * params["bias"]
    return layer


def _initial_scale(ratio: Ratios) -> float:
    """Of a parameter with the scale 1/sqrt(inputs); less for the output layer."""
    is_last = ratio.inputs != 1 and ratio.outputs == 1
    return 1 / math.sqrt(ratio.inputs) if is_last else 1.0
