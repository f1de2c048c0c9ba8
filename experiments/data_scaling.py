r"""Figures 5 and 8: test and train error against the amount of data.

Trains what is missing in WORKDIR/runs, then writes to WORKDIR/data_scaling the figure,
its points as CSV, and summary.json: how the number of examples that a network needs to
generalise changes with its size (the paper: it falls), and whether the training error
falls with data (the paper: it does), with intervals and verdicts.

  python experiments/data_scaling.py \
    --flagfile=experiments/flagfiles/data_scaling/laptop.flags
"""

from absl import flags
from shell import cli
from shell import runs as runs_cli
from shell import threshold as threshold_cli

from scaletime_jax.plotting.data_scaling import plot_data_scaling
from scaletime_jax.stats.lines import fit_columns
from scaletime_jax.studies.data_scaling import (
    DataScaling,
    WidthCurve,
    make_claims,
    scale_data,
)

flags.adopt_module_key_flags(runs_cli)
flags.adopt_module_key_flags(threshold_cli)


def points(made: list[DataScaling], split: str) -> list[dict]:
    """Returns the plotted points of test or train error."""
    rows = []
    for each in made:
        for curve in each.curves:
            shown = curve.test if split == "test" else curve.train
            columns = {"train_size": shown.x, "mean": shown.mean, "sem": shown.sem}
            rows += cli.records(**each.fields, width=curve.width, **columns)
    return rows


def needed(curve: WidthCurve) -> dict:
    """Returns what a width needs, as it stands in summary.json."""
    reached = curve.needed.dropna()
    return {
        "width": curve.width,
        "effective_size": curve.effective_size,
        "examples_needed": float(reached.mean()) if reached.size else None,
        "reached": int(reached.size),
        "never": curve.never,
        "at_the_smallest": curve.at_once,
    }


def main() -> None:
    """From flags to figure."""
    threshold_cli.check_threshold()
    runs = runs_cli.obtain(needs=("train_size", "train_loss"))
    if runs is None:
        return
    made = scale_data(runs.table, threshold_cli.thresholds(runs))
    settings = [
        {
            **each.fields,
            "threshold": each.threshold,
            **fit_columns(each.fit),
            "train_change": each.train_change._asdict(),
            "widths": [needed(curve) for curve in each.curves],
        }
        for each in made
    ]
    panels = {split: points(made, split) for split in ("test", "train")}
    details, claims = {"settings": settings}, make_claims(made)
    plot = plot_data_scaling, made
    runs_cli.finish("data_scaling", runs, claims, details, panels, *plot)


if __name__ == "__main__":
    cli.run(main)
