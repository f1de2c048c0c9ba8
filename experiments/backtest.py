r"""Compares laws on held-out runs: larger networks, and longer training.

Published laws are fitted to the smaller half of the sizes, or to the first tenth of
the time, and predict the rest; whole sizes or times are left out, never single rows.
Trains the missing runs in WORKDIR/runs, or reads --runs, then writes to
WORKDIR/backtest the figure, its points as CSV, and summary.json: for each law the mean
|log(predicted / true)| of test loss with its interval over seeds, the coverage of its
95% intervals, and whether its error is below the error of scale-time.

  python experiments/backtest.py --flagfile=experiments/flagfiles/backtest/laptop.flags
"""

from absl import flags
from shell import cli, progress, results, runs, threshold

from scaletime_jax.laws.backtest import Split
from scaletime_jax.studies import backtest

flags.adopt_module_key_flags(runs)
flags.adopt_module_key_flags(threshold)
SOURCES = flags.DEFINE_integer(
    "sources",
    None,
    "Number of the smallest sizes that predict the larger sizes; by default half of "
    "the sizes, and at least three of four or more.",
)
SOURCE_EPOCHS = flags.DEFINE_float(
    "source_epochs",
    None,
    "Epochs that predict later epochs; by default a tenth of the longest run.",
)


def main() -> None:
    """From flags to figure."""
    loss, split = threshold.threshold(), Split(SOURCES.value, SOURCE_EPOCHS.value)
    backtest.check(split)
    found = runs.obtain(any_length=True)
    if found is not None:
        results.finish(backtest.study(found, loss, split, progress.track), found)


if __name__ == "__main__":
    cli.run(main)
