r"""Figures 3, 10 and 11: small networks predict large ones, and short training long.

By scale-time equivalence the error of effective size p1 at time t1 is that of size p0
at (p1 / p0) t1. Trains what is missing in WORKDIR/runs, then writes to
WORKDIR/extrapolate the figure, its points as CSV, and summary.json: in both directions
the mean |log(predicted / true)| of test and train error, and of the size or time at
which 5% of the guessing loss is removed, from when every network has left chance.

  python experiments/extrapolate.py \
    --flagfile=experiments/flagfiles/extrapolate/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, sweep, threshold
from shell import flags as common

from scaletime_jax.errors import InputError
from scaletime_jax.studies import extrapolate
from scaletime_jax.studies.predicted_losses import DEFAULTS, Protocol

flags.adopt_module_key_flags(runs)
flags.adopt_module_key_flags(threshold)
SOURCE_WIDTH = flags.DEFINE_integer(
    "source_width",
    None,
    "Width that is trained for long to predict larger ones; the smallest if not set.",
)
TARGET_EPOCHS = flags.DEFINE_float(
    "target_epochs",
    DEFAULTS.target_epochs,
    "Epochs at which they are predicted; if not set, when all have left chance.",
)
MEDIUM_WIDTH = flags.DEFINE_integer(
    "medium_width",
    None,
    "Width that is predicted over time; the middle one if not set.",
)
SOURCE_EPOCHS = flags.DEFINE_float(
    "source_epochs",
    DEFAULTS.source_epochs,
    "Epochs after which all widths predict it; if not set, when all have left chance.",
)
SHARE = flags.DEFINE_float(
    "share",
    DEFAULTS.share,
    "Share of the guessing loss that a network removes which leaves chance behind.",
)
TOLERANCE = flags.DEFINE_float(
    "tolerance", DEFAULTS.tolerance, "Mean |log(predicted / true)| that still will do."
)


def make_protocol() -> Protocol:
    """Returns what the flags say is predicted from what."""
    common.check_positive(TARGET_EPOCHS, SOURCE_EPOCHS, TOLERANCE)
    for width in (SOURCE_WIDTH, MEDIUM_WIDTH):
        runs.refuse_other(width, "width")
    for epochs in (TARGET_EPOCHS, SOURCE_EPOCHS):
        if runs.RUNS.value is None and (epochs.value or 0) > sweep.EPOCHS.value:
            raise InputError(f"--{epochs.name} is above --epochs.")
    return Protocol(
        SOURCE_WIDTH.value,
        TARGET_EPOCHS.value,
        MEDIUM_WIDTH.value,
        SOURCE_EPOCHS.value,
        TOLERANCE.value,
        SHARE.value,
    )


def main() -> None:
    """From flags to figure."""
    loss, protocol = threshold.threshold(), make_protocol()
    found = runs.obtain(needs=("train_loss",))
    if found is not None:
        results.finish(extrapolate.study(found, loss, protocol), found)


if __name__ == "__main__":
    cli.run(main)
