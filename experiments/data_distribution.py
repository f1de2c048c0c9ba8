r"""Figure 5 of Bahri et al.: the exponent over data with superclasses and with noise.

Trains the missing runs in WORKDIR/runs, on datasets with --superclasses and with
--input_noise, then writes to WORKDIR/data_distribution the figure, its points as CSV,
and summary.json: how far the exponent of the test loss over the number of training
examples changes, paired by seed, with intervals and verdicts.

  python experiments/data_distribution.py \
    --flagfile=experiments/flagfiles/data_distribution/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, sweep

from scaletime_jax.studies import data_distribution, scalings

flags.adopt_module_key_flags(runs)
sweep.use_table1()
flags.set_default(sweep.WIDTHS, ["8"])
flags.set_default(sweep.TRAIN_SIZES, ["250", "500", "1000", "2000", "4000"])


def main() -> None:
    """From flags to figure."""
    found = runs.obtain(needs=("train_size",), check=scalings.check_grid)
    if found is not None:
        results.finish(data_distribution.study(found), found)


if __name__ == "__main__":
    cli.run(main)
