r"""Transfer of the learning rate: is the best rate of a small network that of a large?

Networks of several widths are trained at several learning rates, in the standard
parameterisation and in muP, in which initialisation and learning rates of layers change
with the width. Trains the missing runs in WORKDIR/runs, then writes to
WORKDIR/rate_transfer the figure, its points as CSV, and summary.json: the best learning
rate of each width with its interval over seeds, and how far the rate moves from the
narrowest to the widest network.

  python experiments/rate_transfer.py \
    --flagfile=experiments/flagfiles/rate_transfer/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, sweep

from scaletime_jax.studies import rate_transfer

flags.adopt_module_key_flags(runs)
flags.set_default(sweep.TRAIN_SIZES, ["5000"])
flags.set_default(sweep.EPOCHS, 2)
flags.set_default(sweep.RECORD, "end")
flags.set_default(sweep.LOSS, "cross_entropy")
flags.FLAGS.set_default("parameterisation", ["standard", "mup"])


def main() -> None:
    """From flags to figure."""
    found = runs.obtain(needs=("width",), check=rate_transfer.check_grid)
    if found is not None:
        results.finish(rate_transfer.study(found), found)


if __name__ == "__main__":
    cli.run(main)
