"""The numbers of a training run that its lanes may differ in."""

from typing import NamedTuple

from jaxtyping import Array, Float

Number = float | Float[Array, ""]


class Hyper(NamedTuple):
    """What may differ between lanes of one program; every number may be traced.

    The numbers that a run reads depend on the names of its optimizer and schedule
    (`optimizers.READS`, `schedules.READS`). At 0 each of them but the learning rate
    does nothing.

    Attributes:
        learning_rate: of the schedule's highest point.
        momentum: mu of the heavy ball, in [0, 1).
        weight_decay: lambda >= 0.
        warmup: share of all steps in which the learning rate rises from 0.
        decay: share of all steps, the last ones, in which the learning rate falls.
        final: share of the learning rate that is left at the end.
    """

    learning_rate: Number
    momentum: Number = 0.0
    weight_decay: Number = 0.0
    warmup: Number = 0.0
    decay: Number = 0.0
    final: Number = 0.0
