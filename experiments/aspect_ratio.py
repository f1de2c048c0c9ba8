r"""Figure S5 of Bahri et al.: the exponent over data by depth and width.

Trains the missing runs in WORKDIR/runs, wide residual networks of each depth
(--architecture) and width, then writes to WORKDIR/aspect_ratio the figure, its points
as CSV, and summary.json: how far the exponent of the best test loss over the number of
training examples changes with depth and with width, paired by seed, with intervals and
verdicts.

  python experiments/aspect_ratio.py \
    --flagfile=experiments/flagfiles/aspect_ratio/laptop.flags
"""

from absl import flags
from shell import cli, results, runs, sweep

from scaletime_jax.studies import aspect_ratio, scalings

flags.adopt_module_key_flags(runs)
sweep.use_table1()
flags.set_default(sweep.ARCHITECTURE, ["wrn10", "wrn16", "wrn22"])
flags.set_default(sweep.WIDTHS, ["1", "2", "4"])
flags.set_default(sweep.TRAIN_SIZES, ["256", "512", "1024", "2048"])
flags.set_default(sweep.INIT, "he")


def check(planned) -> None:
    """Refuses grids of one shape, or of too few train sizes."""
    scalings.check_grid(planned)
    aspect_ratio.check_grid(planned)


def main() -> None:
    """From flags to figure."""
    found = runs.obtain(needs=("train_size", "architecture"), check=check)
    if found is not None:
        results.finish(aspect_ratio.study(found), found)


if __name__ == "__main__":
    cli.run(main)
