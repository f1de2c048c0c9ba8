r"""How large, how long, on how much data? The best that a budget buys.

Fits the laws of `backtest` to runs, looks for the size, the epochs and the train size
of the least test loss by each, and takes the law that is surest, by its scatter and by
its errors on held-out runs. Draws from --runs, yours or ours, or trains what is missing
in WORKDIR/runs; writes to WORKDIR/plan the figure, its points as CSV, and summary.json.

  python experiments/plan.py --runs=my_runs.csv --budget_flops=1e12
"""

from absl import flags
from shell import cli, plan_words
from shell import plan as plan_cli
from shell import runs as runs_cli
from shell import threshold as threshold_cli

from scaletime_jax.laws.planner import best_plan
from scaletime_jax.laws.ranking import Choice, rank_laws
from scaletime_jax.plotting.plan import plot_plan
from scaletime_jax.runs.learning_curves import learning_curves

flags.adopt_module_key_flags(runs_cli)
flags.adopt_module_key_flags(threshold_cli)
flags.adopt_module_key_flags(plan_cli)


def summarise(choices: list[Choice]) -> list[dict]:
    """Returns the laws as they stand in summary.json."""
    return [
        {
            "law": each.name,
            "errors": each.errors,
            "kept_in": each.kept_in,
            "reaches": each.reaches,
            "converged": each.law.converged,
            "identified": each.law.identified,
            "parameters": {k: cli.number(v) for k, v in each.law.parameters.items()},
        }
        for each in choices
    ]


def main() -> None:
    """From flags to figure."""
    threshold_cli.check_threshold()
    plan_cli.check_flags()
    runs = runs_cli.obtain(needs=("train_size",), any_length=True)
    if runs is None:
        return
    fields = plan_cli.only_setting(runs)
    ceiling = threshold_cli.ceilings(runs).get(fields["dataset"], float("inf"))
    curves = learning_curves(runs.table, ceiling=ceiling)
    budget, limits = plan_cli.make_budget(runs), plan_cli.make_limits(curves)
    choices = rank_laws(curves, budget, limits)
    plan = best_plan(curves, budget, plan_cli.chosen(choices))
    said = plan_words.describe(plan, budget)
    rows = plan_words.exchange_rows(plan, budget)
    best = {**plan.best._asdict(), "as_good": plan.as_good, "beyond": plan.beyond}
    details = {
        "setting": fields,
        "budget": {"amount": budget.amount, "unit": budget.unit},
        "best": {**best, "at_limit": plan.at_limit, "law": plan.choice.name},
        "exchange": rows,
        "laws": summarise(choices),
    }
    panels = {"budget": [each._asdict() for each in plan.frontier], "exchange": rows}
    words = f"{budget.amount:g} {budget.unit}"
    drawn = plan, *plan_cli.map_losses(plan, curves), fields, words
    runs_cli.finish("plan", runs, [], details, panels, plot_plan, *drawn)
    print(said)
    plan_words.print_exchange(rows)


if __name__ == "__main__":
    cli.run(main)
