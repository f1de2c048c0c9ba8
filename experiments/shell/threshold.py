"""The test loss at which a network begins to generalise."""

from absl import flags

from scaletime_jax.errors import InputError
from shell.runs import Runs

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


def ceilings(runs: Runs) -> dict[str, float]:
    """Returns the threshold of each dataset for which there is one."""
    if THRESHOLD.value is not None:
        return dict.fromkeys(runs.table.dataset.unique(), THRESHOLD.value)
    return runs.chance


def thresholds(runs: Runs) -> dict[str, float]:
    """Returns the threshold of each dataset."""
    known = ceilings(runs)
    if not {*runs.table.dataset} <= {*known}:
        raise InputError(
            "--threshold is not set, and logs do not say what guessing costs; give the "
            "test loss at which your networks begin to be of use."
        )
    return known
