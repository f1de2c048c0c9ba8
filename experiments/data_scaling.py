r"""Figures 5 and 8: test and train error against the amount of data.

Trains the missing runs in WORKDIR/runs, then writes to WORKDIR/data_scaling the figure,
its points as CSV, and summary.json: how the number of examples that a network needs to
generalise changes with its size (the paper: the number falls), and whether the training
error falls with data (the paper: yes), with intervals and verdicts.

  python experiments/data_scaling.py \
    --flagfile=experiments/flagfiles/data_scaling/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, threshold

from scaletime_jax.studies import data_scaling

flags.adopt_module_key_flags(runs)
SHARE = threshold.define_shares()
flags.adopt_module_key_flags(threshold)  # --share too


def main() -> None:
    """From flags to figure."""
    levels = threshold.threshold(), threshold.shares(SHARE)
    found = runs.obtain(needs=("train_size", "train_loss"))
    if found is not None:
        results.finish(data_scaling.study(found, *levels), found)


if __name__ == "__main__":
    cli.run(main)
