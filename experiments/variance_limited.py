r"""Figure 1 of Bahri et al., variance: losses of networks above their limits.

Networks with two hidden layers of a few units are trained by full-batch gradient
descent on all examples and on the disjoint smaller training sets into which a seed
divides the examples; or (width.flags) networks of several widths and their
linearisations are trained on the same few examples. Trains the missing runs in
WORKDIR/runs, then writes to WORKDIR/variance_limited the figures, their points as CSV,
and summary.json: the exponent of the loss above its limit at several stopping times,
which is 1 for a variance, with intervals and verdicts.

  python experiments/variance_limited.py \
    --flagfile=experiments/flagfiles/variance_limited/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, sweep

from scaletime_jax.studies import variance_limited

flags.adopt_module_key_flags(runs)
flags.set_default(sweep.POOL, 2)
flags.set_default(sweep.ARCHITECTURE, ["mlp2"])
flags.set_default(sweep.WIDTHS, ["8"])
flags.set_default(sweep.INIT, "he")
flags.set_default(sweep.TRAIN_SIZES, ["250", "500", "1000", "2000", "5000", "10000"])
flags.set_default(sweep.RATES, ["0.1"])
flags.set_default(sweep.RECORD, "log_steps")
flags.FLAGS.set_default("batching", ["full"])
flags.FLAGS.set_default("steps", ["400"])
# Parts that a train size does not have are left out.
flags.FLAGS.set_default("parts", [*map(str, range(40))])


def main() -> None:
    """From flags to figure."""
    found = runs.obtain(needs=("train_size",), check=variance_limited.check_grid)
    if found is not None:
        results.finish(variance_limited.study(found), found)


if __name__ == "__main__":
    cli.run(main)
