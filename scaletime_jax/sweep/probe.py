"""A probe of an unknown network: what its outputs depend on, by two examples."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Num, Shaped

from scaletime_jax.models.network import Network, Variables

# Noise by which parameters are moved before a search for mixed examples: a last layer
# of zeros shows none. Rounding is far below the tolerance.
NOISE, TOLERANCE = 0.1, 1e-4


class Probe(NamedTuple):
    """What two examples through a network show, before training.

    Attributes:
        finite: whether the first outputs are finite.
        mixed: whether an output depends on the other example in training.
        mixed_evaluation: likewise in evaluation.
        ahead: whether an output depends on later tokens.
        changes: whether a real number of the state changes in training.
    """

    finite: bool
    mixed: bool
    mixed_evaluation: bool
    ahead: bool
    changes: bool


def probe(network: Network, inputs: Num[Array, "two *shape"]) -> Probe:
    """Returns what two different examples show."""

    def look(inputs: Num[Array, "two *shape"]) -> tuple[Array, ...]:
        key, noise_key = jax.random.split(jax.random.key(0))
        start = network.init(key, inputs)
        finite = jnp.isfinite(network.apply(start, inputs, False)[0]).all()
        leaves, tree = jax.tree.flatten(start.params)
        keys = jax.random.split(noise_key, len(leaves))
        moved = [_move(*each) for each in zip(keys, leaves, strict=True)]
        variables = Variables(jax.tree.unflatten(tree, moved), start.state)
        same = jnp.stack([inputs[0], inputs[0]])

        def first(inputs: Array, train: bool) -> Array:
            return network.apply(variables, inputs, train)[0][0]

        def mix(train: bool) -> Array:
            return _differ(first(inputs, train), first(same, train))

        ahead = jnp.array(False)
        if are_tokens(inputs) and inputs.shape[1] > 1:
            half = inputs.shape[1] // 2  # the first example gets another end
            other = inputs.at[0, half:].set(inputs[0, half:] == 0)
            changed = (first(each, False)[:half] for each in (inputs, other))
            ahead = _differ(*changed)

        after = network.apply(variables, inputs, True)[1]
        changes = jnp.array(False)
        for old, new in zip(
            *map(jax.tree.leaves, (variables.state, after.state)), strict=True
        ):
            if jnp.issubdtype(jnp.asarray(old).dtype, jnp.inexact):
                changes |= (old != new).any()
        return finite, mix(True), mix(False), ahead, changes

    return Probe(*map(bool, jax.jit(look)(inputs)))


def _differ(one: Array, other: Array) -> Array:
    """Whether outputs differ by more than rounding."""
    return jnp.max(jnp.abs(one - other)) > TOLERANCE * jnp.max(jnp.abs(one))


def are_tokens(inputs: Num[Array, "batch *shape"]) -> bool:
    """Whether a network's inputs are whole numbers, which are tokens."""
    return jnp.issubdtype(inputs.dtype, jnp.integer)


def _move(key: Array, leaf: Shaped[Array, "*shape"]) -> Shaped[Array, "*shape"]:
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):
        return leaf
    return leaf + NOISE * jax.random.normal(key, leaf.shape, leaf.dtype)
