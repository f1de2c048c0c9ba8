r"""Plans the size, training time and train size of the least loss on a budget.

Fits the laws of `backtest` to runs, finds the size, the epochs and the train size of
the least test loss for each law, and takes the law with the narrowest prediction
intervals, which contain its scatter and its errors on held-out runs. Reads --runs, your
own or the shipped runs, or trains the missing runs in WORKDIR/runs, and plans for each
of their datasets. Writes to WORKDIR/plan, and for further datasets to folders in it,
the figure, its points as CSV, summary.json, and plan.html, a page with the plan, its
reasons and a slider of the budget. --next_runs=3 also proposes three runs that narrow
the plan's interval most.

  python experiments/plan.py --runs=my_runs.csv --budget_flops=1e12
"""

from absl import flags
from shell import cli, progress, request, results, runs, threshold
from shell.page.plan import make_plan_page

from scaletime_jax.runs.read import Runs
from scaletime_jax.studies import plan

flags.adopt_module_key_flags(runs)
flags.adopt_module_key_flags(threshold)
flags.adopt_module_key_flags(request)


def main() -> None:
    """From flags to figure and page."""
    loss, asked = threshold.threshold(), request.request()
    found = runs.obtain(any_length=True)

    def study(mine: Runs) -> None:
        result = plan.study(mine, asked, loss, progress.track)
        results.finish(result, mine, make_plan_page)

    if found is not None:
        runs.each_dataset(found, study)


if __name__ == "__main__":
    cli.run(main)
