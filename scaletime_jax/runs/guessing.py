"""What guessing costs, and thresholds of the test loss that are stated by it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError

# Shares of the guessing loss that a network has removed; 0.01 is hardly more than
# chance reaches. At the second of them claims are made.
SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4)
RECORD = 0.05


class Level(NamedTuple):
    """A threshold of the test loss.

    Attributes:
        share: of the guessing loss that is removed there, 1 - L / L_guess; None for a
            threshold that is given as a loss.
        losses: by dataset, where given.
    """

    share: float | None
    losses: Mapping[str, float] = {}

    def loss(self, rows: pd.DataFrame) -> float:
        """Returns the test loss to fall below for runs on one test set.

        Raises:
            InputError: what guessing costs is not known of them, or not the same.
        """
        if self.share is None:
            return self.losses[str(rows.dataset.iloc[0])]
        return (1 - self.share) * guess_of(rows)


def guess_of(rows: pd.DataFrame) -> float:
    """Returns what guessing costs on the runs' one test set.

    Raises:
        InputError: it is not known, or not the same for all.
    """
    known: list[Any] = [None]
    if "guessing_loss" in rows:
        known = list(rows.guessing_loss.unique())
    where = " ".join(str(v) for v in rows[["dataset", "architecture"]].iloc[0].dropna())
    if any(pd.isna(value) for value in known):
        raise InputError(
            f"the class frequencies of the test set of {where} are not known, so that "
            "neither is what guessing costs; give a test loss to fall below instead.",
            threshold=None,
        )
    if len(known) > 1:
        raise InputError(
            f"the runs of {where} are of several test sets, on which guessing costs "
            f"{' and '.join(f'{value:.4g}' for value in sorted(known))}; choose one."
        )
    return float(known[0])


def ceiling_of(rows: pd.DataFrame, threshold: float | None = None) -> float:
    """Returns the test loss above which nothing has been learned.

    Args:
        rows: on one test set.
        threshold: that loss; if None what guessing costs, and infinite for logs, which
            do not say what guessing costs.

    Raises:
        InputError: the runs are of several test sets.
    """
    if threshold is not None:
        return threshold
    known = "guessing_loss" in rows and rows.guessing_loss.notna().all()
    return guess_of(rows) if known else math.inf


def check_threshold(threshold: float | None) -> None:
    """Raises InputError where a test loss cannot be that."""
    if threshold is not None and not threshold > 0:
        raise InputError(f"threshold must be above 0, got {threshold}.", threshold=None)


def check_shares(shares: Sequence[float]) -> tuple[float, ...]:
    """Returns the shares in order.

    Raises:
        InputError: there is none, or one is not between 0 and 1.
    """
    if not len(shares):
        raise InputError("share is empty; give at least one value.", share=None)
    for share in shares:
        if not 0 < share < 1:
            raise InputError(
                f"share is a share of the guessing loss, above 0 and below 1, got "
                f"{share:g}.",
                share=None,
            )
    return tuple(sorted({float(share) for share in shares}))


def of_record(shares: Sequence[float]) -> float:
    """Returns the share at which claims are made: the one nearest to RECORD."""

    def distance(share: float) -> float:
        return abs(math.log(share / RECORD))

    return float(min(shares, key=distance))


def chance_loss(name: str, num_classes: int) -> float:
    """The loss of predicting C equally frequent classes with no look at the image.

    (1/C)(1 - 1/C) for 'mse' (0.09 at C = 10, the threshold of [BF24, C.2]) and
    log C for 'cross_entropy'. Where the classes are not equally frequent, guessing
    their frequencies costs less than this.
    """
    if name == "mse":
        return (1 - 1 / num_classes) / num_classes
    return math.log(num_classes)


def guessing_loss(
    name: str, train_labels: np.ndarray, test_labels: np.ndarray, num_classes: int
) -> float:
    """The test loss of predicting the training classes' frequencies p_c.

    With test frequencies q_c, sum_c q_c (1 - 2 p_c + sum_k p_k^2) / C for 'mse', and
    -sum_c q_c log p_c for 'cross_entropy'. Where all classes are equally frequent in
    both, `chance_loss`.

    Args:
        name: of the loss.
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
    with np.errstate(divide="ignore"):  # infinite for a class never trained on
        return float(-q[seen] @ np.log(p[seen]))
