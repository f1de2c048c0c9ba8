"""Figures 2 and 7: least epochs to a test loss against network size.

Trains what is missing in WORKDIR/runs, then writes to WORKDIR/tradeoff the figure,
its points as CSV, and summary.json: per training-set size the log-log slope of
epochs against effective size (-1 where size and time trade one to one), its 95%
interval over seeds, and R^2.

  python experiments/tradeoff.py --flagfile=experiments/flagfiles/tradeoff/laptop.flags
"""

import re

from absl import flags
from shell import cli
from shell import runs as runs_cli
from shell import threshold as threshold_cli

from scaletime_jax.plotting.tradeoff import panel_of, plot_tradeoff
from scaletime_jax.stats.lines import fit_columns
from scaletime_jax.studies.tradeoff import (
    TradeoffCurve,
    fit_tradeoff,
    make_claims,
)

flags.adopt_module_key_flags(runs_cli)
flags.adopt_module_key_flags(threshold_cli)


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
    """Says which curves have runs that never got there."""
    for curve in curves:
        if curve.censored:
            print(
                f"{cli.describe_setting(curve.fields)}: {curve.censored} of "
                f"{curve.reached + curve.censored} runs never reached "
                f"{curve.threshold:.4g}"
            )


def main() -> None:
    """From flags to figure."""
    threshold_cli.check_threshold()
    runs = runs_cli.obtain()
    if runs is None:
        return
    curves = fit_tradeoff(runs.table, threshold_cli.thresholds(runs))
    report(curves)
    details = {"curves": [curve_summary(curve) for curve in curves]}
    claims, panels = make_claims(curves), panel_tables(curves)
    plot = plot_tradeoff, curves
    runs_cli.finish("tradeoff", runs, claims, details, panels, *plot)


if __name__ == "__main__":
    cli.run(main)
