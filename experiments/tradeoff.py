"""Figures 2 and 7: least epochs to a test loss against network size.

Trains what is missing in WORKDIR/runs, then writes to WORKDIR/tradeoff the figure,
its points as CSV, and summary.json: per training-set size the log-log slope of
epochs against effective size (-1 where size and time trade one to one), its 95%
interval over seeds, and R^2.

  python experiments/tradeoff.py --flagfile=experiments/flagfiles/tradeoff/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, threshold

from scaletime_jax.studies import tradeoff

flags.adopt_module_key_flags(runs)
flags.adopt_module_key_flags(threshold)


def main() -> None:
    """From flags to figure."""
    loss = threshold.threshold()
    found = runs.obtain()
    if found is not None:
        results.finish(tradeoff.study(found, loss), found)


if __name__ == "__main__":
    cli.run(main)
