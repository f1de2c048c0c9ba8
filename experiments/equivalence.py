r"""Exchange of size and time: the exponent at which curves of all sizes coincide.

Scale-time equivalence claims that test loss is one function of num_params^(1/3) x
epochs. This experiment fits the exponent, with its interval over seeds, and compares
the residual of the curves with the spread (standard deviation) of seeds. Trains the
missing runs in WORKDIR/runs, or reads --runs, then writes to WORKDIR/equivalence the
figure, its points as CSV, and summary.json: for each setting and train size the
exponent, the residual and a verdict, and the exponent at the thresholds that remove the
shares --share of the guessing loss. Losses above the guessing loss, or above
--threshold, are replaced by it.

  python experiments/equivalence.py \
    --flagfile=experiments/flagfiles/equivalence/laptop.flags
"""

from absl import flags
from shell import cli, progress, results, runs, threshold

from scaletime_jax.studies import equivalence

flags.adopt_module_key_flags(runs)
SHARE = threshold.define_shares(equivalence.SCANNED)
flags.adopt_module_key_flags(threshold)  # --share too


def main() -> None:
    """From flags to figure."""
    loss, shares = threshold.threshold(), threshold.shares(SHARE)
    found = runs.obtain(any_length=True)
    if found is not None:
        results.finish(equivalence.study(found, loss, shares, progress.track), found)


if __name__ == "__main__":
    cli.run(main)
