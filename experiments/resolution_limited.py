r"""Figures 1, 2, S1 and S3 of Bahri et al.: image classifiers over data and model size.

The test loss and test error of networks on images, at the end of training and at their
best, over the number of training examples, and over model size where there are four
widths. Trains the missing runs in WORKDIR/runs, measures the dimension of the images
and of a last hidden layer, then writes to WORKDIR/resolution_limited the figure, its
points as CSV, and summary.json: exponents with intervals, whether loss and error fall
alike, and four over the exponent beside the dimension.

  python experiments/resolution_limited.py \
    --flagfile=experiments/flagfiles/resolution_limited/laptop.flags
"""

from absl import flags
from shell import cli, dimensions, results, runs, sweep

from scaletime_jax.studies import resolution_limited, scalings

flags.adopt_module_key_flags(runs)
flags.adopt_module_key_flags(dimensions)
sweep.use_table1()
flags.set_default(sweep.WIDTHS, ["50"])
flags.set_default(sweep.TRAIN_SIZES, ["250", "500", "1000", "2000", "5000"])


def main() -> None:
    """From flags to figure."""
    found = runs.obtain(needs=("train_size",), check=scalings.check_grid)
    if found is not None:
        made = resolution_limited.study(found, dimensions.obtain())
        results.finish(made, found)


if __name__ == "__main__":
    cli.run(main)
