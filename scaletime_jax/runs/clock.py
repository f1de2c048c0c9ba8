"""Training time of runs: its unit, and what a unit costs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from scaletime_jax.words import short

# The units, each the name of a column of a log; the first that a log has is its time.
EPOCHS, TOKENS, EXAMPLES, STEPS = "epoch", "tokens", "examples", "step"
UNITS = (EPOCHS, TOKENS, EXAMPLES, STEPS)


class Clock(NamedTuple):
    """The unit of training time; the run table has the time in its column `epoch`.

    Attributes:
        unit: one of `UNITS`.
        batch: examples, or tokens, of a step; None if not known, and for other units.
    """

    unit: str = EPOCHS
    batch: float | None = None

    @property
    def plural(self) -> str:
        """The unit's name: 'epochs', 'tokens', 'examples' or 'steps'."""
        return self.unit.rstrip("s") + "s"

    @property
    def counts_examples(self) -> bool:
        """Whether times are comparable without a train size."""
        return self.unit in (TOKENS, EXAMPLES) or self.batch is not None

    def examples(self, train_size: ArrayLike) -> np.ndarray:
        """Returns the examples, or tokens, seen in a unit of time [...].

        Args:
            train_size: [...] examples, or tokens, of an epoch.
        """
        sizes = np.asarray(train_size, float)
        if self.unit == EPOCHS:
            return sizes
        return np.full_like(sizes, self.batch or 1.0)

    def tell(self, time: float) -> str:
        """Returns a time in words: 100 epochs, 1.3T tokens, 40k steps."""
        count = short(time, 1e4)
        return f"{count} {self.plural if count != '1' else self.plural[:-1]}"


PASSES = Clock()  # through the training set, as in all runs of a sweep
