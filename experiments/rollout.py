r"""How far laws can be trusted: every rung is predicted from all rungs below it.

A rung is a size in the second half of its training, or the second half of a time. All
laws of backtest.py are fitted to the lower rungs and predict each higher one. Trains
the missing runs in WORKDIR/runs, or reads --runs, then writes to WORKDIR/rollout the
figure, its points as CSV, and summary.json: for each setting the law that predicts the
rungs below the top one best, and its error on the top rung beside that of predicting
no change.

  python experiments/rollout.py --flagfile=experiments/flagfiles/rollout/laptop.flags
"""

from absl import flags
from shell import cli, progress, results, runs, threshold

from scaletime_jax.studies import rollout

flags.adopt_module_key_flags(runs)
flags.adopt_module_key_flags(threshold)


def main() -> None:
    """From flags to figure."""
    loss = threshold.threshold()
    found = runs.obtain(any_length=True)
    if found is not None:
        results.finish(rollout.study(found, loss, track=progress.track), found)


if __name__ == "__main__":
    cli.run(main)
