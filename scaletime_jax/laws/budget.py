"""What a run may cost, and where to look for the best one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Budget(NamedTuple):
    """What a run may cost.

    Attributes:
        amount: of the unit.
        unit: 'FLOP', 'seconds' or 'examples'.
        per_example: num_params [...] -> what training on one example costs [...].
    """

    amount: float
    unit: str
    per_example: Callable[[np.ndarray], np.ndarray]

    def epochs(self, num_params, train_size) -> np.ndarray:
        """Returns how long it lasts."""
        per_epoch = self.per_example(np.asarray(num_params, float)) * train_size
        return np.asarray(self.amount / per_epoch)


class Limits(NamedTuple):
    """Where to look.

    Attributes:
        num_params: least and most.
        epoch: most.
        train_sizes: to choose from.
    """

    num_params: tuple[float, float]
    epoch: float
    train_sizes: Sequence[float]
