r"""Is size worth time? The exponent at which curves of all sizes become one.

Scale-time equivalence says that test loss is one function of num_params^(1/3) x epochs.
Here the exponent is found, with its interval over seeds, and the error that is left is
held against what seeds differ by. Trains what is missing in WORKDIR/runs, or draws from
--runs, then writes to WORKDIR/equivalence the figure, its points as CSV, and
summary.json: for each setting and train size the exponent, the error and a verdict, and
the exponent at nine thresholds of the loss. Losses above that of guessing, or above
--threshold, count as it.

  python experiments/equivalence.py \
    --flagfile=experiments/flagfiles/equivalence/laptop.flags
"""

from absl import flags
from shell import cli
from shell import runs as runs_cli
from shell import threshold as threshold_cli

from scaletime_jax.laws.threshold_scan import ThresholdScan, scan_thresholds
from scaletime_jax.plotting.equivalence import plot_equivalence
from scaletime_jax.studies.equivalence import (
    Collapse,
    find_collapses,
    make_claims,
)

flags.adopt_module_key_flags(runs_cli)
flags.adopt_module_key_flags(threshold_cli)


def summarise(collapse: Collapse) -> dict:
    """Returns a collapse as it stands in summary.json."""
    found = collapse._asdict()
    return {
        **found.pop("fields"),
        **{name: value for name, value in found.items() if name != "curves"},
        "kappa": collapse.kappa._asdict(),
        "sizes": len(collapse.curves.num_params),
        "seeds": collapse.curves.seeds,
    }


def exponents(made: list[Collapse]) -> list[dict]:
    """Returns the exponent of each train size, as plotted."""
    return [
        {**row, "kappa": kappa["value"], "low": low, "high": high}
        for row in map(summarise, made)
        for kappa in [row["kappa"]]
        for low, high in [kappa["interval"] or (None, None)]
    ]


def thresholds(scans: list[ThresholdScan]) -> list[dict]:
    """Returns the exponent at each threshold, as plotted."""
    rows = []
    for scan in scans:
        for loss, kappa, reached in zip(
            scan.thresholds, scan.kappa, scan.reached, strict=True
        ):
            low, high = kappa.interval or (None, None)
            row = {**scan.fields, "threshold": float(loss), "kappa": kappa.value}
            rows.append({**row, "low": low, "high": high, "reached": float(reached)})
    return rows


def curves(made: list[Collapse]) -> list[dict]:
    """Returns the plotted curves, of mean log loss."""
    rows = []
    for each in made:
        found = each.curves
        for size, mean, sem in zip(
            found.num_params, found.mean, found.sem, strict=True
        ):
            columns = {"epoch": found.epoch, "mean_log_loss": mean, "sem": sem}
            rows += cli.records(**each.fields, num_params=int(size), **columns)
    return rows


def main() -> None:
    """From flags to figure."""
    threshold_cli.check_threshold()
    runs = runs_cli.obtain(any_length=True)
    if runs is None:
        return
    ceilings = threshold_cli.ceilings(runs)
    made = find_collapses(runs.table, ceilings)
    scans = scan_thresholds(runs.table, ceilings)
    details = {"ceilings": ceilings, "collapses": [summarise(each) for each in made]}
    panels = {
        "curves": curves(made),
        "exponents": exponents(made),
        "thresholds": thresholds(scans),
    }
    claims, plot = make_claims(made), (plot_equivalence, made, scans)
    runs_cli.finish("equivalence", runs, claims, details, panels, *plot)


if __name__ == "__main__":
    cli.run(main)
