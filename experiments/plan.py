r"""How large, how long, on how much data? The best that a budget buys.

Fits the laws of `backtest` to runs, looks for the size, the epochs and the train size
of the least test loss by each, and takes the law that is surest, by its scatter and by
its errors on held-out runs. Draws from --runs, yours or ours, or trains what is missing
in WORKDIR/runs; writes to WORKDIR/plan the figure, its points as CSV, and summary.json.

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
    "Seconds that training may take, at the rate at which the runs were trained; logs "
    "need a column seconds, since the start of each run.",
)
flags.DEFINE_float(
    "budget_examples", None, "Examples that training may see: epochs x train size."
)
flags.DEFINE_float(
    "flops_per_param",
    6.0,
    "Operations a parameter and example: 6 for dense networks (2 forward, 4 backward); "
    "convolutions use their weights many times over.",
)
flags.DEFINE_float(
    "max_num_params", None, "Largest size; ten times the largest measured if not set."
)
flags.DEFINE_float(
    "max_epochs", None, "Longest training; ten times the longest measured if not set."
)
flags.DEFINE_float(
    "max_train_size", None, "Most training data, of the train sizes measured."
)
flags.DEFINE_enum(
    "law",
    None,
    LAWS,
    "Law to plan by; if not set that with the narrowest interval.",
)


def main() -> None:
    """From flags to figure."""
    loss = threshold.threshold()
    asked: dict[str, Any] = {name: flags.FLAGS[name].value for name in Request._fields}
    request = Request(**asked)
    check(request)
    found = runs.obtain(needs=("train_size",), any_length=True)
    if found is not None:
        results.finish(plan.study(found, request, loss, progress.track), found)


if __name__ == "__main__":
    cli.run(main)
