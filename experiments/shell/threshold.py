"""The flag of the test loss at which a network begins to generalise."""

from absl import flags

from scaletime_jax.errors import InputError

THRESHOLD = flags.DEFINE_float(
    "threshold",
    None,
    "Test loss to fall below; if not set that of guessing C equally frequent classes, "
    "(1/C)(1 - 1/C) for mse.",
)


def threshold() -> float | None:
    """Returns the threshold; an impossible one is refused.

    Raises:
        InputError: it is not above 0.
    """
    if THRESHOLD.value is not None and not THRESHOLD.value > 0:
        raise InputError(f"--threshold must be above 0, got {THRESHOLD.value}.")
    return THRESHOLD.value
