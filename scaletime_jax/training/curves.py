"""What is recorded of a run: curves, and how those of segments are joined."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

Values = Float[Array, "*lanes records"] | Float[np.ndarray, "*lanes records"]


class Curves(NamedTuple):
    """The recorded metrics, one value per recorded step.

    `diverged` is true from the first evaluation with a non-finite loss.
    """

    train_loss: Values
    test_loss: Values
    train_accuracy: Values
    test_accuracy: Values
    diverged: Bool[Array, "*lanes records"] | Bool[np.ndarray, "*lanes records"]

    @property
    def metrics(self) -> tuple[Values, Values, Values, Values]:
        """All but `diverged`, which follows from them."""
        return self[:4]


def make_curves(
    train: Float[Array, "records 2"], test: Float[Array, "records 2"]
) -> Curves:
    """Returns the recorded (loss, accuracy) pairs as Curves, with divergence marked."""
    finite = jnp.isfinite(train[:, 0]) & jnp.isfinite(test[:, 0])
    diverged = lax.cummax((~finite).astype(jnp.int32)) > 0
    return Curves(train[:, 0], test[:, 0], train[:, 1], test[:, 1], diverged)


def from_metrics(metrics: Sequence[np.ndarray]) -> Curves:
    """Returns curves with divergence marked, in NumPy.

    Args:
        metrics: [..., records] each, in the order of `Curves.metrics`.
    """
    train_loss, test_loss, train_accuracy, test_accuracy = metrics
    finite = np.isfinite(train_loss) & np.isfinite(test_loss)
    diverged = np.logical_or.accumulate(~finite, axis=-1)
    return Curves(train_loss, test_loss, train_accuracy, test_accuracy, diverged)


def join_curves(first: Curves, second: Curves, is_second: np.ndarray) -> Curves:
    """Returns the curves of segments that follow one another, in NumPy.

    Args:
        first: [..., records] of the first segments.
        second: [..., records] of the segment after them.
        is_second: [records] which records the second segment has.
    """
    both = zip(first.metrics, second.metrics, strict=True)
    return from_metrics([np.where(is_second, new, old) for old, new in both])
