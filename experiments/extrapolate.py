r"""Figures 3, 10 and 11: predicting large networks, and long training.

By scale-time equivalence the error of effective size p1 at time t1 equals the error of
size p0 at (p1 / p0) t1. Trains the missing runs in WORKDIR/runs, then writes to
WORKDIR/extrapolate the figure, its points as CSV, and summary.json: in both directions
the mean |log(predicted / true)| of test and train error, and of the size or time at
which 5% of the guessing loss is removed, once every network is better than chance.

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
    "Width trained for long that predicts larger widths; by default the smallest.",
)
TARGET_EPOCHS = flags.DEFINE_float(
    "target_epochs",
    DEFAULTS.target_epochs,
    "Epochs at which larger widths are predicted; by default when all beat chance.",
)
MEDIUM_WIDTH = flags.DEFINE_integer(
    "medium_width",
    None,
    "Medium width, predicted over time; by default the middle width.",
)
SOURCE_EPOCHS = flags.DEFINE_float(
    "source_epochs",
    DEFAULTS.source_epochs,
    "Epochs at which all predict the medium width; by default when all beat chance.",
)
SHARE = flags.DEFINE_float(
    "share",
    DEFAULTS.share,
    "Share of the guessing loss that a network must remove to be better than chance.",
)
TOLERANCE = flags.DEFINE_float(
    "tolerance", DEFAULTS.tolerance, "Claims hold up to this |log(predicted / true)|."
)


def make_protocol() -> Protocol:
    """Returns the sources and targets of the predictions from the flags."""
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
