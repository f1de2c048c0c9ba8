"""Schedules of the learning rate.

A schedule is a pure function (step, total, hyper) -> multiplier of the learning rate,
where `step` is the number of earlier steps, from 0, and `total` is the number of all
steps. `step`, `total` and the numbers in `hyper` may be traced, so that lanes can
differ in these numbers and one program serves many lengths. The end point of a schedule
belongs to step `total`, which is never taken: the last step is `total` - 1.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from scaletime_jax.training.hyper import Hyper

Count = int | Int[Array, ""]
Value = int | float | Num[Array, ""]
Multiplier = Float[Array, ""]
Schedule = Callable[[Count, Count, Hyper], Multiplier]

# The numbers of Hyper that each schedule uses.
READS = {
    "constant": (),
    "cosine": ("final",),
    "warmup_cosine": ("warmup", "final"),
    "warmup_stable_decay": ("warmup", "decay", "final"),
}
SCHEDULES = tuple(READS)


def cosine(step: Count, total: Count, hyper: Hyper) -> Multiplier:
    """Falls from 1 to `final` by half a cosine [Loshchilov & Hutter 2017]."""
    return _half_cosine(step / total, hyper)


def warmup_cosine(step: Count, total: Count, hyper: Hyper) -> Multiplier:
    """Rises linearly from 0 to 1, then falls to `final` by half a cosine.

    With a warm-up the multiplier of the first step is 0, as in Optax.
    """
    rise = hyper.warmup * total
    fall = _half_cosine(_ramp(step - rise, total - rise), hyper)
    return jnp.where(step < rise, _ramp(step, rise), fall)


def warmup_stable_decay(step: Count, total: Count, hyper: Hyper) -> Multiplier:
    """Rises linearly from 0 to 1, stays constant, and falls linearly to `final`.

    [Hu et al. 2024, with the linear decay of Haegele et al. 2024]. `warmup` and
    `decay` sum to 1 at most.
    """
    rise, fall = hyper.warmup * total, hyper.decay * total
    fallen = (1 - hyper.final) * _ramp(step - (total - fall), fall)
    return jnp.where(step < rise, _ramp(step, rise), 1 - fallen)


def make_schedule(name: str) -> Schedule | None:
    """Returns the schedule called `name`; None for 'constant'."""
    return {
        "constant": None,
        "cosine": cosine,
        "warmup_cosine": warmup_cosine,
        "warmup_stable_decay": warmup_stable_decay,
    }[name]


def _ramp(steps: Value, length: Value) -> Multiplier:
    """Returns steps / length within [0, 1].

    A length below one has the effect of a length of one, because steps are whole.
    """
    return jnp.clip(steps / jnp.maximum(length, 1), 0, 1)


def _half_cosine(share: Value, hyper: Hyper) -> Multiplier:
    return hyper.final + (1 - hyper.final) * (1 + jnp.cos(jnp.pi * share)) / 2
