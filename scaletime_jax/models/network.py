"""The interface of networks: two pure functions, from any library."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Key, Shaped

from scaletime_jax.models.dense import Dense


class Variables(NamedTuple):
    """The numbers of a network, as pytrees of arrays.

    Attributes:
        params: the trained numbers, with respect to which the loss is differentiated.
        state: numbers that are carried from step to step and not differentiated, such
            as the running statistics of BatchNorm.
    """

    params: Any
    state: Any


class Network(NamedTuple):
    """A network as a pair of pure functions.

    Attributes:
        init: (key, inputs) -> Variables. The inputs, of any batch size, give the shape
            of an example.
        apply: (variables, inputs, train) -> (outputs, Variables). `train` is a
            Python bool; where it is true the state may change, else the Variables
            are returned as they are. The outputs' first axis is the batch.
    """

    init: Callable[[Key[Array, ""], Array], Variables]
    apply: Callable[[Variables, Array, bool], tuple[Array, Variables]]


def from_flax(module: nn.Module) -> Network:
    """Returns a Flax module as a Network.

    The state holds every collection besides 'params', all of which are mutable in
    training. The flag `train` is passed to modules whose `__call__` takes it.
    Modules that draw random numbers (dropout) are not supported: `apply` has no key.
    """
    takes_train = "train" in inspect.signature(module.__call__).parameters

    def flags(train: bool) -> dict[str, Any]:
        return {"train": train} if takes_train else {}

    def init(key: Key[Array, ""], inputs: Shaped[Array, "batch *shape"]) -> Variables:
        collections = dict(module.init(key, inputs, **flags(False)))
        return Variables(collections.pop("params", {}), collections)

    def apply(
        variables: Variables, inputs: Shaped[Array, "batch *shape"], train: bool
    ) -> tuple[Array, Variables]:
        collections = {"params": variables.params, **variables.state}
        mutable = list(variables.state) if train else []
        outputs, changed = module.apply(
            collections, inputs, mutable=mutable, **flags(train)
        )
        return outputs, Variables(variables.params, {**variables.state, **changed})

    return Network(init, apply)


def as_network(made: object) -> Network | None:
    """Returns a Flax module or a Network as a Network; None for other things."""
    if isinstance(made, Network):
        return made
    return from_flax(made) if isinstance(made, nn.Module) else None


def last_inputs(module: nn.Module, variables: Variables, inputs: Array) -> Array:
    """Returns the last hidden layer: what a module's last layer `Dense` is given.

    Args:
        module: a network with a layer `models.dense.Dense`.
        variables: of the module.
        inputs: [batch, ...] as the network takes them.

    Returns:
        [batch, units].
    """
    given: list[Array] = []

    def keep(call, args, kwargs, context):
        if isinstance(context.module, Dense) and context.method_name == "__call__":
            given.append(args[0])
        return call(*args, **kwargs)

    with nn.intercept_methods(keep):
        from_flax(module).apply(variables, inputs, False)
    return given[-1].T


def linearise(network: Network) -> Network:
    """Returns the network's first-order expansion about its initial parameters.

        f_lin(x; theta) = f(x; theta_0) + J(x; theta_0) (theta - theta_0)

    [Jacot et al. 2018; Lee et al. 2019]. theta_0 and the network's own state are kept
    in the state and never change. A network with BatchNorm is expanded in evaluation
    mode (train=False), with the statistics of its initialisation.
    """

    def init(key: Key[Array, ""], inputs: Shaped[Array, "batch *shape"]) -> Variables:
        start = network.init(key, inputs)
        return Variables(start.params, start)

    def apply(
        variables: Variables, inputs: Shaped[Array, "batch *shape"], train: bool
    ) -> tuple[Array, Variables]:
        start = variables.state

        def outputs(params: Any) -> Array:
            return network.apply(Variables(params, start.state), inputs, False)[0]

        change = jax.tree.map(jnp.subtract, variables.params, start.params)
        value, slope = jax.jvp(outputs, (start.params,), (change,))
        return value + slope, variables

    return Network(init, apply)
