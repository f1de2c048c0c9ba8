"""Random draws measured one after another, by one program."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from scaletime_jax.track import Track


def measure_draws(
    draw: Callable[..., Any],
    seed: Key[Array, ""],
    draws: int,
    track: Track,
    words: str,
    *fixed: Any,
) -> Any:
    """Returns what `draw(key, *fixed)` returns for several keys, [draws, ...] each.

    Draws are not batched: each decomposition uses all cores, and several batched ones
    in one program for the CPU may wait for each other for ever (jaxlib 0.10).

    Args:
        draw: compiled once.
        seed: the key that is split.
        draws: how many.
        track: shows the progress.
        words: what is drawn for.
        *fixed: arrays that all draws share.
    """
    keys = jax.random.split(seed, draws)

    @jax.jit
    def measure(keys, number, *fixed):
        nothing = jax.eval_shape(draw, keys[0], *fixed)
        zeros = jax.tree.map(lambda each: jnp.zeros(each.shape, each.dtype), nothing)
        # a loop of one turn: XLA rounds in it as in the loop over all draws that it
        # stands for, whose last digits stay
        return jax.lax.fori_loop(
            number, number + 1, lambda i, _: draw(keys[i], *fixed), zeros
        )

    found = [
        jax.device_get(measure(keys, number, *fixed))
        for number in track(range(draws), f"{words}, draws")
    ]
    return jax.tree.map(lambda *each: np.stack(each), *found)
