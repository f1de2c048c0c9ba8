r"""Plans the size, training time and train size of the least loss on a budget.

Fits the laws of `backtest` to runs, finds the size, the epochs and the train size of
the least test loss for each law, and takes the law with the narrowest prediction
intervals, which contain its scatter and its errors on held-out runs. Reads --runs, your
own or the shipped runs, or trains the missing runs in WORKDIR/runs; writes to
WORKDIR/plan the figure, its points as CSV, and summary.json.

  python experiments/plan.py --runs=my_runs.csv --budget_flops=1e12
"""

from typing import Any

from absl import flags
from shell import cli, progress, results, runs, threshold

from scaletime_jax.studies import plan
from scaletime_jax.studies.plan_request import LAWS, Request, check

flags.adopt_module_key_flags(runs)
flags.adopt_module_key_flags(threshold)
flags.DEFINE_float(
    "budget_flops", None, "Floating-point operations that training may take."
)
flags.DEFINE_float(
    "budget_seconds",
    None,
    "Seconds that training may take, at the speed of the runs; logs need a column "
    "seconds, the time since the start of each run.",
)
flags.DEFINE_float(
    "budget_examples", None, "Examples, or tokens, that training may see."
)
flags.DEFINE_float(
    "flops_per_param",
    6.0,
    "Operations for each parameter and example or token: 6 for dense networks (2 "
    "forward, 4 backward); more for convolutions, which reuse their weights.",
)
flags.DEFINE_float(
    "max_num_params", None, "Largest size; by default ten times the largest measured."
)
flags.DEFINE_float(
    "max_epochs",
    None,
    "Longest training, in the unit of the runs' time; by default ten times the longest "
    "measured.",
)
flags.DEFINE_float(
    "max_train_size", None, "Largest train size, among the measured train sizes."
)
flags.DEFINE_enum(
    "law",
    None,
    LAWS,
    "Law of the plan; by default the law with the narrowest intervals.",
)


def main() -> None:
    """From flags to figure."""
    loss = threshold.threshold()
    asked: dict[str, Any] = {name: flags.FLAGS[name].value for name in Request._fields}
    request = Request(**asked)
    check(request)
    found = runs.obtain(any_length=True)
    if found is not None:
        results.finish(plan.study(found, request, loss, progress.track), found)


if __name__ == "__main__":
    cli.run(main)
