r"""Draws the map of the exponent of size in time, by protocol and network.

Trains the missing runs of the flags' grid in WORKDIR/runs, or reads --runs, and draws
all runs in that folder, of whatever protocol, with those in the folders of --beside. A
cell is one protocol (optimizer, schedule, batches) and network; its exponent is the one
of `equivalence.py`, at the largest train size. With --kernel_draws the exponents that
the lazy regime would have stand beside those of SGD. Writes to WORKDIR/where_it_holds
the figures, a row for each cell as CSV, and summary.json. The presets in
experiments/flagfiles/where_it_holds train one protocol each.

  python experiments/where_it_holds.py \
    --flagfile=experiments/flagfiles/where_it_holds/momentum.flags
"""

from absl import flags
from shell import cli, kernels, progress, results, runs

from scaletime_jax.studies import where_it_holds

flags.adopt_module_key_flags(runs)
BESIDE = flags.DEFINE_list(
    "beside", [], "Folders of further run tables, such as results/wide/runs."
)
KERNEL_DRAWS = flags.DEFINE_integer(
    "kernel_draws",
    0,
    "Initialisations at which tangent kernels are measured, at every size of SGD's; 0 "
    "for no kernels.",
    lower_bound=0,
)


def main() -> None:
    """From flags to figures."""
    found = runs.obtain_all(BESIDE.value)
    if found is not None:
        cases = kernels.of_runs(found, KERNEL_DRAWS.value, progress.track)
        made = where_it_holds.study(found, cases, track=progress.track)
        results.finish(made, found)


if __name__ == "__main__":
    cli.run(main)
