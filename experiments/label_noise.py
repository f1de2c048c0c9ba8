r"""Figures 6 and 9: the test error added by label noise, over time, size and data.

Trains the missing runs in WORKDIR/runs, then writes to WORKDIR/label_noise the figure,
its points as CSV, and summary.json: the share of the largest added error that remains
at the far end of each axis (the paper: the error persists over time and size, and is
local in data), and the excess of the largest network's error over the error of the best
size, with intervals and verdicts.

  python experiments/label_noise.py \
    --flagfile=experiments/flagfiles/label_noise/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, sweep

from scaletime_jax.errors import InputError
from scaletime_jax.studies import label_noise

flags.adopt_module_key_flags(runs)
flags.set_default(sweep.OPTIMIZER, ["adam"])  # as the paper does [BF24, C.4]
flags.set_default(sweep.LABEL_NOISE, ["0", "0.2"])
AT_WIDTH = flags.DEFINE_integer(
    "at_width",
    None,
    "Width of the curves over epochs and data; by default the middle width.",
)
AT_SIZE = flags.DEFINE_integer(
    "at_train_size",
    None,
    "Train size of the curves over epochs and size; by default the middle train size.",
)


def check_shares() -> None:
    """Requires runs with and without label noise, before training."""
    shares = runs.planned("label_noise")
    if shares is not None and not (0 in shares and max(shares) > 0):
        given = ",".join(map(str, shares))
        raise InputError(
            f"--label_noise={given}: give 0 and a share above 0, such as 0,0.2."
        )


def main() -> None:
    """From flags to figure."""
    check_shares()
    runs.refuse_other(AT_WIDTH, "width")
    runs.refuse_other(AT_SIZE, "train_size")
    found = runs.obtain(needs=("train_size", "label_noise"))
    if found is not None:
        made = label_noise.study(found, AT_WIDTH.value, AT_SIZE.value)
        results.finish(made, found)


if __name__ == "__main__":
    cli.run(main)
