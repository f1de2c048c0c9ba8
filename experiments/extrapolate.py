r"""Figures 3, 10 and 11: small networks predict large ones, and short training long.

By scale-time equivalence the error of effective size p1 at time t1 is that of size p0
at (p1 / p0) t1. Trains what is missing in WORKDIR/runs, then writes to
WORKDIR/extrapolate the figure, its points as CSV, and summary.json: per train size, in
both directions, the mean |log(predicted / true)| of test and train error and of the
size or time at which generalisation begins, with intervals and verdicts.

  python experiments/extrapolate.py \
    --flagfile=experiments/flagfiles/extrapolate/laptop.flags
"""

import cli
import runs_cli
import sweep_cli
import threshold_cli
from absl import flags

from scaletime_jax.analysis.curves import Curve
from scaletime_jax.analysis.extrapolation import (
    Extrapolation,
    Protocol,
    extrapolate,
    make_claims,
)
from scaletime_jax.errors import InputError
from scaletime_jax.plotting.extrapolation import plot_extrapolation

flags.adopt_module_key_flags(runs_cli)
flags.adopt_module_key_flags(threshold_cli)
DEFAULT = Protocol()
SOURCE_WIDTH = flags.DEFINE_integer(
    "source_width",
    None,
    "Width that is trained for long to predict larger ones; the smallest if not set.",
)
TARGET_EPOCHS = flags.DEFINE_float(
    "target_epochs", DEFAULT.target_epochs, "Epochs at which larger ones are predicted."
)
MEDIUM_WIDTH = flags.DEFINE_integer(
    "medium_width",
    None,
    "Width that is predicted over time; the middle one if not set.",
)
SOURCE_EPOCHS = flags.DEFINE_float(
    "source_epochs",
    DEFAULT.source_epochs,
    "Epochs for which networks of all widths are trained to predict it.",
)
TOLERANCE = flags.DEFINE_float(
    "tolerance", DEFAULT.tolerance, "Mean |log(predicted / true)| that still will do."
)


def make_protocol() -> Protocol:
    """Returns what the flags say is predicted from what."""
    for flag in (TARGET_EPOCHS, SOURCE_EPOCHS, TOLERANCE):
        if not flag.value > 0:
            raise InputError(f"--{flag.name} must be above 0, got {flag.value}.")
    widths = runs_cli.planned(sweep_cli.WIDTHS)
    for width in (SOURCE_WIDTH, MEDIUM_WIDTH):
        if widths is not None and width.value not in (None, *widths):
            words = f"--{width.name}={width.value} is not one of --widths"
            raise InputError(f"{words}={','.join(map(str, widths))}.")
    return Protocol(
        SOURCE_WIDTH.value,
        TARGET_EPOCHS.value,
        MEDIUM_WIDTH.value,
        SOURCE_EPOCHS.value,
        TOLERANCE.value,
    )


def points(made: list[Extrapolation], direction: str) -> list[dict]:
    """Returns the plotted points of one direction."""

    def rows(each: Extrapolation, kind: str, curve: Curve) -> list[dict]:
        axis = "effective_size" if direction == "size" else "epochs"
        columns = {axis: curve.x, "mean": curve.mean, "sem": curve.sem}
        return cli.records(**each.fields, loss_of=each.loss, kind=kind, **columns)

    mine = [each for each in made if each.direction == direction]
    return [
        row
        for each in mine
        for kind in ("truth", "predicted")
        for row in rows(each, kind, getattr(each, kind))
    ]


def main() -> None:
    """From flags to figure."""
    threshold_cli.check_threshold()
    protocol = make_protocol()
    runs = runs_cli.obtain()
    if runs is None:
        return
    limits = threshold_cli.thresholds(runs)
    made = extrapolate(runs.table, limits, protocol)
    extrapolations = [
        {
            **each.fields,
            "direction": each.direction,
            "loss_of": each.loss,
            "source": each.source,
            "error": each.error._asdict(),
            "no_change_error": each.change._asdict(),
            "onset_error": each.onset._asdict(),
        }
        for each in made
    ]
    details = {"thresholds": limits, "extrapolations": extrapolations}
    panels = {direction: points(made, direction) for direction in ("size", "time")}
    claims = make_claims(made, protocol)
    plot = plot_extrapolation, made, limits
    runs_cli.finish("extrapolate", runs, claims, details, panels, *plot)


if __name__ == "__main__":
    cli.run(main)
