"""The networks of a sweep by name."""

import functools
from collections.abc import Sequence

from scaletime_jax.errors import InputError
from scaletime_jax.models.cnn import CNN, MIN_IMAGE
from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.myrtle import MIN_MYRTLE_IMAGE, Myrtle
from scaletime_jax.models.network import Network, from_flax
from scaletime_jax.models.pooled_cnn import MIN_POOLED_IMAGE, PooledCNN
from scaletime_jax.models.transformer import EMBEDDINGS, Transformer
from scaletime_jax.models.wide_resnet import MIN_WRN_IMAGE, WideResNet
from scaletime_jax.sweep.own_network import OwnNetwork

# Hidden layers of an MLP, and units of a hidden layer of width 1.
MLPS = {"mlp": (5, 10), "mlp2": (2, 1)}
# Depths of wide residual networks, which mix the examples of a batch.
RESNETS = {f"wrn{depth}": depth for depth in (10, 16, 22, 28, 40)}
# Least height and width of the images of all but the MLPs.
IMAGES = {
    "cnn": MIN_IMAGE,
    "myrtle": MIN_MYRTLE_IMAGE,
    "pooled_cnn": MIN_POOLED_IMAGE,
    **dict.fromkeys(RESNETS, MIN_WRN_IMAGE),
}
# Networks that read tokens, and predict the next one.
READERS = ("transformer",)
ARCHITECTURES = (*MLPS, *IMAGES, *READERS)
# Networks of layers for which the rules of muP are written.
MUP = (*MLPS, "cnn", "myrtle", *READERS)
Module = MLP | CNN | Myrtle | PooledCNN | WideResNet | Transformer


def is_mlp(architecture: str) -> bool:
    """Whether the network takes inputs of any shape, by dense layers alone."""
    return architecture in MLPS


def reads_tokens(architecture: str) -> bool:
    """Whether the inputs of the network are tokens, and its targets the next ones."""
    return architecture in READERS


def uncounted(architecture: str) -> tuple[str, ...]:
    """Returns the names of the parameters that the size of a network leaves out."""
    return EMBEDDINGS if reads_tokens(architecture) else ()


def mixes_examples(architecture: str) -> bool:
    """Whether an output in training depends on the other examples of the batch."""
    return architecture in RESNETS


def timed_as(architecture: str) -> str:
    """Returns the network whose timing stands for this one.

    It is the shallowest wide residual network for all of them, which have the same
    layers. A deeper network compiles for longer than is predicted from it. A user's own
    network stands for itself, until its code changes.
    """
    if isinstance(architecture, OwnNetwork):
        return f"{architecture}-{architecture.source}"
    shallowest = min(RESNETS, key=RESNETS.__getitem__)
    return shallowest if architecture in RESNETS else architecture


def check_images(architecture: str, shape: Sequence[int], name: str) -> None:
    """Requires examples that a network can take.

    Args:
        architecture: one of ARCHITECTURES.
        shape: of an example.
        name: of the dataset, for messages.

    Raises:
        InputError: the examples are no images, or too small.
    """
    if is_mlp(architecture) or reads_tokens(architecture):
        return
    least = IMAGES[architecture]
    if len(shape) != 3 or min(shape[:2]) < least:
        raise InputError(
            f"the {architecture} needs images [height, width, channels] of at least "
            f"{least} x {least} pixels; an example of {name!r} has shape {shape}."
        )


def make_module(
    architecture: str,
    width: int,
    num_outputs: int,
    init: str = "pytorch",
    method: str = "patches",
    activation: str = "relu",
) -> Module:
    """Returns the Flax module of a network by name.

    Args:
        architecture: 'mlp', five hidden layers of 10 x width units; 'mlp2', two hidden
            layers of width units; 'cnn', the network of [BF24]; 'myrtle', four
            convolutions of width channels; 'pooled_cnn', Table 1 of [B21]; 'wrn10',
            'wrn16', ..., the wide residual network of this depth with k = width / 4; or
            'transformer', two blocks of 8 x width channels.
        width: the scale parameter s.
        num_outputs: number of outputs of the last layer.
        init: one of `models.initializers.INITS`.
        method: method of convolutions.
        activation: nonlinearity of an MLP.
    """
    if is_mlp(architecture):
        hidden, units = MLPS[architecture]
        return MLP(width, num_outputs, init, hidden, units, activation)
    if architecture == "cnn":
        return CNN(width, num_outputs, init, method)
    if architecture == "myrtle":
        return Myrtle(width, num_outputs, init, method)
    if architecture == "pooled_cnn":
        return PooledCNN(width, num_outputs, init, method)
    if reads_tokens(architecture):
        return Transformer(width, num_outputs, init)
    return WideResNet(width, num_outputs, init, method, RESNETS[architecture])


def make_network(
    architecture: str,
    width: int,
    num_outputs: int,
    init: str = "pytorch",
    method: str = "patches",
    activation: str = "relu",
) -> Network:
    """Returns a network, the same object for the same arguments.

    The arguments are those of `make_module`; the architecture may be a user's own, for
    which the last three are not used.
    """
    if isinstance(architecture, OwnNetwork):
        return architecture.network(width, num_outputs)
    return _make_network(architecture, width, num_outputs, init, method, activation)


@functools.cache
def _make_network(
    architecture: str,
    width: int,
    num_outputs: int,
    init: str,
    method: str,
    activation: str,
) -> Network:
    names = architecture, width, num_outputs, init, method, activation
    return from_flax(make_module(*names))
