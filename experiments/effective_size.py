r"""Appendix B: number of examples that a network fits, against its parameters.

Trains the missing runs in WORKDIR/runs, then writes to WORKDIR/effective_size the
figure, its points as CSV, and summary.json: the exponent of capacity (the largest n
whose final training error is at most 1/n of the chance error) against the number of
parameters, 1/3 in the paper, with interval and verdict. Seeds that fit all train sizes,
or none, give bounds. With --share, examples also count as fitted if a fixed share of
the chance error is removed, instead of 1 - 1/n; these exponents are given beside the
paper's.

  python experiments/effective_size.py \
    --flagfile=experiments/flagfiles/effective_size/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, threshold

from scaletime_jax.errors import InputError
from scaletime_jax.studies import effective_size

flags.adopt_module_key_flags(runs)
SHARE = threshold.define_shares(effective_size.SHARES)
flags.adopt_module_key_flags(threshold)  # --share too
BEST = flags.DEFINE_bool(
    "best",
    False,
    "Take the least training error of a run instead of the final training error.",
)


def check_sizes() -> None:
    """Requires several train sizes, before training."""
    sizes = runs.planned("train_size")
    if sizes is not None and len(set(sizes)) < 2:
        raise InputError("--train_sizes: capacity needs several train sizes.")


def main() -> None:
    """From flags to figure."""
    loss, shares = threshold.threshold(), threshold.shares(SHARE)
    check_sizes()
    found = runs.obtain(needs=("train_size", "train_loss"))
    if found is not None:
        results.finish(effective_size.study(found, loss, shares, BEST.value), found)


if __name__ == "__main__":
    cli.run(main)
