"""The flags of the test loss at which a network begins to generalise."""

from collections.abc import Sequence

from absl import flags

from scaletime_jax.errors import InputError
from scaletime_jax.runs.guessing import SHARES, check_shares
from shell.flags import numbers

THRESHOLD = flags.DEFINE_float(
    "threshold",
    None,
    "Test loss to fall below, instead of --share and of the paper's, the loss of "
    "guessing C equally frequent classes, (1/C)(1 - 1/C) for mse.",
)


def threshold() -> float | None:
    """Returns the threshold; an impossible one is refused.

    Raises:
        InputError: it is not above 0.
    """
    if THRESHOLD.value is not None and not THRESHOLD.value > 0:
        raise InputError(f"--threshold must be above 0, got {THRESHOLD.value}.")
    return THRESHOLD.value


def define_shares(default: Sequence[float] = SHARES):
    """Defines --share, for experiments that look at several thresholds."""
    return flags.DEFINE_list(
        "share",
        ",".join(map(str, default)),
        "Shares of the loss of guessing the training classes' frequencies, 1 - L / "
        "L_guess, to be removed: thresholds of the test loss.",
    )


def shares(flag) -> tuple[float, ...]:
    """Returns the shares that the flag gives; an impossible one is refused.

    Raises:
        InputError: one is not between 0 and 1.
    """
    return check_shares(numbers(flag, float))
