"""Flags of the test loss at which a network begins to generalise."""

from collections.abc import Sequence

from absl import flags

from scaletime_jax.errors import InputError
from scaletime_jax.runs.guessing import SHARES, check_shares
from shell.flags import numbers

THRESHOLD = flags.DEFINE_float(
    "threshold",
    None,
    "Threshold of the test loss, instead of --share and of the paper's threshold, the "
    "loss of guessing C equally frequent classes, (1/C)(1 - 1/C) for mse.",
)


def threshold() -> float | None:
    """Returns the threshold, which must be above 0.

    Raises:
        InputError: the threshold is not above 0.
    """
    if THRESHOLD.value is not None and not THRESHOLD.value > 0:
        raise InputError(f"--threshold must be above 0, got {THRESHOLD.value}.")
    return THRESHOLD.value


def define_shares(default: Sequence[float] = SHARES):
    """Defines --share, for experiments with several thresholds."""
    return flags.DEFINE_list(
        "share",
        ",".join(map(str, default)),
        "Thresholds of the test loss, as shares 1 - L / L_guess of the guessing loss "
        "to be removed; L_guess is the loss of guessing the training frequencies of "
        "the classes.",
    )


def shares(flag) -> tuple[float, ...]:
    """Returns the shares of the flag, each between 0 and 1.

    Raises:
        InputError: a share is not between 0 and 1.
    """
    return check_shares(numbers(flag, float))
