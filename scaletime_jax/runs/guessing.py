"""The guessing loss, and thresholds of the test loss relative to it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.arguments import require_number
from scaletime_jax.errors import InputError

# Shares of the guessing loss that a network has removed; 0.01 is hardly more than
# chance reaches. Claims are made at the second share.
SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4)
RECORD = 0.05


class Level(NamedTuple):
    """A threshold of the test loss.

    Attributes:
        share: share of the guessing loss that the threshold removes, 1 - L / L_guess;
            None for a threshold given as a loss.
        losses: thresholds given as losses, by dataset.
    """

    share: float | None
    losses: Mapping[str, float] = {}

    def loss(self, rows: pd.DataFrame) -> float:
        """Returns the threshold of the test loss for runs on one test set.

        Raises:
            InputError: the guessing loss of the runs is not known, or not the same.
        """
        if self.share is None:
            return self.losses[str(rows.dataset.iloc[0])]
        return (1 - self.share) * guess_of(rows)


def guess_of(rows: pd.DataFrame) -> float:
    """Returns the guessing loss of runs on one test set.

    Raises:
        InputError: the guessing loss is not known, or not the same for all runs.
    """
    known: list[Any] = [None]
    if "guessing_loss" in rows:
        known = list(rows.guessing_loss.unique())
    where = " ".join(str(v) for v in rows[["dataset", "architecture"]].iloc[0].dropna())
    if any(pd.isna(value) for value in known):
        raise InputError(
            f"the class frequencies of the test set of {where} are not known, so the "
            "guessing loss is not known; give a test loss as the threshold instead.",
            threshold=None,
        )
    if len(known) > 1:
        raise InputError(
            f"the runs of {where} are of several test sets, with guessing losses of "
            f"{' and '.join(f'{value:.4g}' for value in sorted(known))}; choose one."
        )
    return float(known[0])


def ceiling_of(rows: pd.DataFrame, threshold: float | None = None) -> float:
    """Returns the test loss above which nothing has been learned.

    Args:
        rows: rows of runs on one test set.
        threshold: this loss; if None the guessing loss, and infinity for logs, which
            lack the guessing loss.

    Raises:
        InputError: the runs are of several test sets.
    """
    if threshold is not None:
        return threshold
    known = "guessing_loss" in rows and rows.guessing_loss.notna().all()
    return guess_of(rows) if known else math.inf


def check_threshold(threshold: float | None) -> None:
    """Raises InputError unless the threshold is None, or a number above 0."""
    require_number("threshold", threshold)
    if threshold is not None and not threshold > 0:
        raise InputError(f"threshold must be above 0, got {threshold}.", threshold=None)


def check_shares(shares: Sequence[float]) -> tuple[float, ...]:
    """Returns the shares in order.

    Raises:
        InputError: shares is empty, or a share is not between 0 and 1.
    """
    if not len(shares):
        raise InputError("share is empty; give at least one value.", share=None)
    for share in shares:
        if not 0 < share < 1:
            raise InputError(
                "share is a share of the guessing loss, above 0 and below 1, got "
                f"{share:g}.",
                share=None,
            )
    return tuple(sorted({float(share) for share in shares}))


def of_record(shares: Sequence[float]) -> float:
    """Returns the share at which claims are made: the share nearest to RECORD."""

    def distance(share: float) -> float:
        return abs(math.log(share / RECORD))

    return float(min(shares, key=distance))


def chance_loss(name: str, num_classes: int) -> float:
    """The loss of predicting C equally frequent classes without the image.

    (1/C)(1 - 1/C) for 'mse' (0.09 at C = 10, the threshold of [BF24, C.2]) and
    log C for 'cross_entropy'. If the classes are not equally frequent, the loss of
    guessing their frequencies is lower.
    """
    if name == "mse":
        return (1 - 1 / num_classes) / num_classes
    return math.log(num_classes)


def guessing_loss(
    name: str, train_labels: np.ndarray, test_labels: np.ndarray, num_classes: int
) -> float:
    """The test loss of predicting the training classes' frequencies p_c.

    With test frequencies q_c, the loss is sum_c q_c (1 - 2 p_c + sum_k p_k^2) / C for
    'mse', and -sum_c q_c log p_c for 'cross_entropy'. It equals `chance_loss` if all
    classes are equally frequent in both sets.

    Args:
        name: name of the loss.
        train_labels: [train] classes in 0..C-1.
        test_labels: [test].
        num_classes: C.
    """
    p, q = (
        np.bincount(labels, minlength=num_classes) / len(labels)
        for labels in (train_labels, test_labels)
    )
    if name == "mse":
        return float(q @ (1 - 2 * p + p @ p) / num_classes)
    seen = q > 0
    with np.errstate(divide="ignore"):  # infinite for a class without training examples
        return float(-q[seen] @ np.log(p[seen]))
