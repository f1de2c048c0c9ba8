"""The numbers of a training run that may differ between lanes."""

from typing import NamedTuple

from jaxtyping import Array, Float

Number = float | Float[Array, ""]


class Hyper(NamedTuple):
    """The numbers that may differ between lanes of one program; all may be traced.

    The names of optimizer and schedule determine the numbers that a run uses
    (`optimizers.READS`, `schedules.READS`). Each number but the learning rate has no
    effect at 0.

    Attributes:
        learning_rate: the highest learning rate of the schedule.
        momentum: mu of the heavy ball, in [0, 1).
        weight_decay: lambda >= 0.
        warmup: share of all steps in which the learning rate rises from 0.
        decay: share of all steps, the last ones, in which the learning rate falls.
        final: learning rate at the end, as a share of the highest.
    """

    learning_rate: Number
    momentum: Number = 0.0
    weight_decay: Number = 0.0
    warmup: Number = 0.0
    decay: Number = 0.0
    final: Number = 0.0
