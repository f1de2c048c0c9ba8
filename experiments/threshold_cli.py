"""The test loss at which a network begins to generalise."""

from absl import flags
from runs_cli import Runs

from scaletime_jax.errors import InputError

THRESHOLD = flags.DEFINE_float(
    "threshold",
    None,
    "Test loss to fall below; if not set that of guessing C equally frequent classes, "
    "(1/C)(1 - 1/C) for mse.",
)


def check_threshold() -> None:
    """Refuses an impossible threshold, before anything is trained."""
    if THRESHOLD.value is not None and not THRESHOLD.value > 0:
        raise InputError(f"--threshold must be above 0, got {THRESHOLD.value}.")


def thresholds(runs: Runs) -> dict[str, float]:
    """Returns the threshold of each dataset."""
    return {name: THRESHOLD.value or chance for name, chance in runs.chance.items()}
