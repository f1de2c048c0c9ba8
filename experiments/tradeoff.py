"""Figures 2 and 7: least epochs to a test loss against network size.

Trains the missing runs in WORKDIR/runs, then writes to WORKDIR/tradeoff the figure, its
points as CSV, and summary.json: per train size and test loss the local exponents of
epochs against effective size (-1 if size and time trade one to one), with simultaneous
95% intervals, and one slope if the curve is straight. Test losses are given as shares
of the guessing loss that are removed (--share). Runs with shuffled labels
(--shuffled_labels=false,true) show the losses that chance reaches.

  python experiments/tradeoff.py --flagfile=experiments/flagfiles/tradeoff/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, threshold

from scaletime_jax.studies import tradeoff

flags.adopt_module_key_flags(runs)
SHARE = threshold.define_shares()
flags.adopt_module_key_flags(threshold)  # --share too


def main() -> None:
    """From flags to figure."""
    levels = threshold.threshold(), threshold.shares(SHARE)
    found = runs.obtain(any_length=True)
    if found is not None:
        results.finish(tradeoff.study(found, *levels), found)


if __name__ == "__main__":
    cli.run(main)
