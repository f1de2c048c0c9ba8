r"""Which law predicts best? Large networks from small ones, long training from short.

Ten laws of the field are fitted to the smaller half of the sizes, or to the first tenth
of the time, and asked for the rest; whole sizes or times are left out, never single
rows. Trains what is missing in WORKDIR/runs, or draws from --runs, then writes to
WORKDIR/backtest the figure, its points as CSV, and summary.json: for each law the mean
|log(predicted / true)| of test loss with its interval over seeds, the coverage of its
own 95% intervals, and whether it beats scale-time.

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
    "How many of the smallest sizes predict the larger ones; if not set half of them, "
    "and at least three where there are four.",
)
SOURCE_EPOCHS = flags.DEFINE_float(
    "source_epochs",
    None,
    "Epochs from which later ones are predicted; a tenth of the longest run if unset.",
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
