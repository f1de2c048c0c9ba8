"""Random draws measured one after another, by one program."""

from collections.abc import Callable
from typing import Any

import jax
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
    in one program for the CPU may wait for each other for ever (jaxlib 0.10). Draws
    are no loop of a program either: XLA for the CPU computes what is not a product of
    matrices by one thread in a loop, which took twice as long.

    Args:
        draw: compiled once.
        seed: the key that is split.
        draws: how many.
        track: shows the progress.
        words: what is drawn for.
        *fixed: arrays that all draws share.
    """
    measure = jax.jit(draw)
    found = [
        jax.device_get(measure(key, *fixed))
        for key in track([*jax.random.split(seed, draws)], f"{words}, draws")
    ]
    return jax.tree.map(lambda *each: np.stack(each), *found)
