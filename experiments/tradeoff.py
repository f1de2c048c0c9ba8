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
import sweep_cli as sweep
from absl import flags

from scaletime_jax.analysis.tradeoff import TradeoffCurve, fit_tradeoff
from scaletime_jax.errors import InputError
from scaletime_jax.plotting.tradeoff import panel_of, plot_tradeoff
from scaletime_jax.training.losses import chance_loss

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
    fit = curve.fit
    return {
        **curve.fields,
        "threshold": curve.threshold,
        "slope": fit and fit.slope,
        "slope_ci": fit and fit.slope_ci,
        "r_squared": fit and fit.r_squared,
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
        line = "no slope: fewer than three widths were reached by every seed"
        if curve.fit is not None:
            line = f"slope {curve.fit.slope:+.2f}"
            if curve.fit.slope_ci is not None:
                low, high = curve.fit.slope_ci
                line += f" [{low:+.2f}, {high:+.2f}]"
            if curve.fit.r_squared is not None:
                line += f", R^2 {curve.fit.r_squared:.2f}"
        print(
            f"{fields['dataset']} {fields['architecture']} {fields['optimizer']} "
            f"train_size {fields['train_size']}: {line}; "
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
    folder = pathlib.Path(sweep.WORKDIR.value)
    cli.write_results(folder, summary, panel_tables(curves), plot_tradeoff(curves))


if __name__ == "__main__":
    cli.run(main)
