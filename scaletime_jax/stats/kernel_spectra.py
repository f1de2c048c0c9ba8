"""Numbers of a kernel on a batch: its scale, and how many directions it has."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class KernelNumbers(NamedTuple):
    """Numbers of a kernel.

    Attributes:
        square: mean of the diagonal, the mean squared derivative of an output.
        top: largest eigenvalue of the centred kernel, divided by the number of
            examples: the rate at which the fastest part of what differs from example to
            example is learned.
        dimension: participation ratio of the centred kernel, the effective number of
            directions in which one step moves the outputs, from 1 to n - 1.
    """

    square: float
    top: float
    dimension: float


def measure_kernel(kernel: Float[np.ndarray, "n n"]) -> KernelNumbers:
    """Returns the numbers of a kernel.

    With the eigenvalues l_i of the centred kernel H Theta H, H = 1 - 1 1^T / n, the
    dimension is (sum_i l_i)^2 / sum_i l_i^2.

    Args:
        kernel: [n, n] symmetric, positive semi-definite, n >= 2.
    """
    kernel = np.asarray(kernel, float)
    across = kernel - kernel.mean(axis=0)
    centred = across - across.mean(axis=1)[:, None]
    values = np.linalg.eigvalsh((centred + centred.T) / 2).clip(min=0)
    square = float(np.diag(kernel).mean())
    total = values.sum()
    dimension = float(total**2 / np.sum(values**2)) if total > 0 else float("nan")
    return KernelNumbers(square, float(values[-1] / len(kernel)), dimension)
