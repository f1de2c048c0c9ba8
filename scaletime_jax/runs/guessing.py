"""What guessing costs."""

import math

import numpy as np


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
