r"""Figures 3, 10 and 11: small networks predict large ones, and short training long.

By scale-time equivalence the error of effective size p1 at time t1 is that of size p0
at (p1 / p0) t1. Trains what is missing in WORKDIR/runs, then writes to
WORKDIR/extrapolate the figure, its points as CSV, and summary.json: per train size, in
both directions, the mean |log(predicted / true)| of test and train error and of the
size or time at which generalisation begins, with intervals and verdicts.

  python experiments/extrapolate.py \
    --flagfile=experiments/flagfiles/extrapolate/laptop.flags
"""

from absl import flags
from shell import cli
from shell import flags as shared_flags
from shell import runs as runs_cli
from shell import sweep as sweep_cli
from shell import threshold as threshold_cli

from scaletime_jax.errors import InputError
from scaletime_jax.plotting.extrapolate import plot_extrapolation
from scaletime_jax.studies.extrapolate import (
    Extrapolation,
    Protocol,
    extrapolate,
    make_claims,
)

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
    shared_flags.check_positive(TARGET_EPOCHS, SOURCE_EPOCHS, TOLERANCE)
    for width in (SOURCE_WIDTH, MEDIUM_WIDTH):
        runs_cli.refuse_other(width, sweep_cli.WIDTHS)
    for epochs in (TARGET_EPOCHS, SOURCE_EPOCHS):
        if runs_cli.RUNS.value is None and epochs.value > sweep_cli.EPOCHS.value:
            raise InputError(f"--{epochs.name} is above --epochs.")
    return Protocol(
        SOURCE_WIDTH.value,
        TARGET_EPOCHS.value,
        MEDIUM_WIDTH.value,
        SOURCE_EPOCHS.value,
        TOLERANCE.value,
    )


def points(made: list[Extrapolation], direction: str) -> list[dict]:
    """Returns the plotted points of one direction."""
    axis, rows = "effective_size" if direction == "size" else "epochs", []
    for each in made:
        if each.direction != direction:
            continue
        for kind in ("truth", "predicted"):
            curve = getattr(each, kind)
            columns = {axis: curve.x, "mean": curve.mean, "sem": curve.sem}
            what = {**each.fields, "loss_of": each.loss, "kind": kind}
            rows += cli.records(**what, **columns)
    return rows


def main() -> None:
    """From flags to figure."""
    threshold_cli.check_threshold()
    protocol = make_protocol()
    runs = runs_cli.obtain(needs=("train_loss",))
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
            "gain": each.gain._asdict(),
            "onset_error": each.onset._asdict(),
            "onset_is_bound": each.onset_is_bound,
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
