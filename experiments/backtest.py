r"""Which law predicts best? Large networks from small ones, long training from short.

Ten laws of the field are fitted to the smaller half of the sizes, or to the first tenth
of the time, and asked for the rest; whole sizes or times are left out, never single
rows. Trains what is missing in WORKDIR/runs, or draws from --runs, then writes to
WORKDIR/backtest the figure, its points as CSV, and summary.json: for each law the mean
|log(predicted / true)| of test loss with its interval over seeds, the coverage of its
own 95% intervals, and whether it beats scale-time.

  python experiments/backtest.py --flagfile=experiments/flagfiles/backtest/laptop.flags
"""

import numpy as np
from absl import flags
from shell import cli
from shell import flags as shared_flags
from shell import runs as runs_cli
from shell import threshold as threshold_cli

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import Score, Split, backtest, make_claims, score
from scaletime_jax.plotting.backtest import plot_backtest

flags.adopt_module_key_flags(runs_cli)
flags.adopt_module_key_flags(threshold_cli)
SOURCES = flags.DEFINE_integer(
    "sources",
    None,
    "How many of the smallest sizes predict the larger ones; if not set half of them, "
    "and at least three where there are four.",
)
SOURCE_EPOCHS = flags.DEFINE_float(
    "source_epochs",
    None,
    "Epochs from which later ones are predicted; a tenth of the longest run if unset.",
)


def make_split() -> Split:
    """Returns what the flags say is predicted from what."""
    if SOURCES.value is not None and SOURCES.value < 2:
        raise InputError(f"--sources must be 2 or more, got {SOURCES.value}.")
    if SOURCE_EPOCHS.value is not None:
        shared_flags.check_positive(SOURCE_EPOCHS)
    return Split(SOURCES.value, SOURCE_EPOCHS.value)


def summarise(each: Score) -> dict:
    """Returns a law's score as it stands in summary.json."""
    return {
        **each.fields,
        **{name: value for name, value in each._asdict().items() if name != "fields"},
        "error": each.error._asdict(),
        "against_claimed": each.against_claimed._asdict(),
    }


def panels(scores: list[Score]) -> dict[str, list[dict]]:
    """Returns the plotted points of each direction."""
    tables: dict[str, list[dict]] = {}
    for each in scores:
        row = summarise(each)
        low, high = each.error.interval or (None, None)
        row = {**row, "error": each.error.value, "low": low, "high": high}
        del row["against_claimed"]
        tables.setdefault(each.direction, []).append(row)
    return tables


def report(scores: list[Score]) -> None:
    """Prints the laws of each setting and direction, best first."""
    groups: dict[tuple, list[Score]] = {}
    for each in scores:
        key = cli.describe_setting(each.fields), each.direction
        groups.setdefault(key, []).append(each)
    for (setting, direction), members in groups.items():
        print(f"{setting}, along {direction}:")
        for each in sorted(members, key=lambda each: each.error.value or np.inf):
            value = each.error.value
            error = "not measured" if value is None else f"{value:8.4f}"
            words = f"  {each.predictor:20}{error}"
            covered = "" if each.covered is None else f", covers {each.covered:.0%}"
            print(f"{words}  reaches {each.reached:.0%}{covered}")


def main() -> None:
    """From flags to figure."""
    threshold_cli.check_threshold()
    split = make_split()
    runs = runs_cli.obtain(any_length=True)
    if runs is None:
        return
    ceilings = threshold_cli.ceilings(runs)
    scores = score(backtest(runs.table, ceilings, split))
    report(scores)
    details = {"ceilings": ceilings, "scores": [summarise(each) for each in scores]}
    claims, plot = make_claims(scores), (plot_backtest, scores)
    runs_cli.finish("backtest", runs, claims, details, panels(scores), *plot)


if __name__ == "__main__":
    cli.run(main)
