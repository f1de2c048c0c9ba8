r"""Is size worth time? The exponent at which curves of all sizes become one.

Scale-time equivalence says that test loss is one function of num_params^(1/3) x epochs.
Here the exponent is found, with its interval over seeds, and the error that is left is
held against what seeds differ by. Trains what is missing in WORKDIR/runs, or draws from
--runs, then writes to WORKDIR/equivalence the figure, its points as CSV, and
summary.json: for each setting and train size the exponent, the error and a verdict, and
the exponent at thresholds of the loss, the shares --share of the guessing loss removed.
Losses above that of guessing, or above --threshold, count as it.

  python experiments/equivalence.py \
    --flagfile=experiments/flagfiles/equivalence/laptop.flags
"""

from absl import flags
from shell import cli, progress, results, runs, threshold

from scaletime_jax.studies import equivalence

flags.adopt_module_key_flags(runs)
flags.adopt_module_key_flags(threshold)
SHARE = threshold.define_shares(equivalence.SCANNED)


def main() -> None:
    """From flags to figure."""
    loss, shares = threshold.threshold(), threshold.shares(SHARE)
    found = runs.obtain(any_length=True)
    if found is not None:
        results.finish(equivalence.study(found, loss, shares, progress.track), found)


if __name__ == "__main__":
    cli.run(main)
