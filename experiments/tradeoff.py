"""Figures 2 and 7: least epochs to a test loss against network size.

Trains what is missing in WORKDIR/runs, then writes to WORKDIR/tradeoff the figure,
its points as CSV, and summary.json: per training-set size the log-log slope of
epochs against effective size (-1 where size and time trade one to one), its 95%
interval over seeds, and R^2.

  python experiments/tradeoff.py --flagfile=experiments/flagfiles/tradeoff/laptop.flags
"""

import pathlib
import re

import cli
import shared_flags
import sweep_cli as sweep
from absl import flags

from scaletime_jax.analysis.tradeoff import (
    TradeoffCurve,
    describe_fit,
    fit_columns,
    fit_tradeoff,
)
from scaletime_jax.errors import InputError
from scaletime_jax.plotting.tradeoff import panel_of, plot_tradeoff
from scaletime_jax.training.losses import chance_loss

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(sweep)
THRESHOLD = flags.DEFINE_float(
    "threshold",
    None,
    "Test loss to fall below; if not set that of guessing C equally frequent classes, "
    "(1/C)(1 - 1/C) for mse.",
)


def thresholds(datasets: dict) -> dict[str, float]:
    """Returns the threshold of each dataset."""
    if THRESHOLD.value is not None and not THRESHOLD.value > 0:
        raise InputError(f"--threshold must be above 0, got {THRESHOLD.value}.")
    return {
        name: THRESHOLD.value or chance_loss(sweep.LOSS.value, dataset.num_classes)
        for name, dataset in datasets.items()
    }


def curve_summary(curve: TradeoffCurve) -> dict:
    """Returns a curve as it stands in summary.json."""
    return {
        **curve.fields,
        "threshold": curve.threshold,
        **fit_columns(curve.fit),
        "reached": curve.reached,
        "censored": curve.censored,
        "points": [point._asdict() for point in curve.points],
    }


def panel_tables(curves: list[TradeoffCurve]) -> dict[str, list[dict]]:
    """Returns the plotted points of each panel, named for a file."""
    tables: dict[str, list[dict]] = {}
    for curve in curves:
        name = re.sub(r"[^\w.]+", "-", "-".join(str(v) for v in panel_of(curve)))
        rows = tables.setdefault(f"tradeoff-{name}", [])
        rows += [{**curve.fields, **point._asdict()} for point in curve.points]
    return tables


def report(curves: list[TradeoffCurve]) -> None:
    """Prints what the figure claims, a line a curve."""
    for curve in curves:
        fields = curve.fields
        print(
            f"{fields['dataset']} {fields['architecture']} {fields['optimizer']} "
            f"train_size {fields['train_size']}: {describe_fit(curve.fit)}; "
            f"{curve.reached} of {curve.reached + curve.censored} runs reached "
            f"{curve.threshold:.4g}"
        )


def main() -> None:
    """From flags to figure."""
    datasets = sweep.load_datasets()
    limits = thresholds(datasets)
    table = sweep.train(datasets)
    if table is None:
        return
    curves = fit_tradeoff(table, limits)
    summary = {
        "experiment": "tradeoff",
        "flags": cli.flag_values(),
        "curves": [curve_summary(curve) for curve in curves],
    }
    report(curves)
    folder = pathlib.Path(shared_flags.WORKDIR.value)
    cli.write_results(folder, summary, panel_tables(curves), plot_tradeoff(curves))


if __name__ == "__main__":
    cli.run(main)
