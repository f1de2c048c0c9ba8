r"""Figures 6 and 9: what label noise adds to the test error, over time, size and data.

Trains what is missing in WORKDIR/runs, then writes to WORKDIR/label_noise the figure,
its points as CSV, and summary.json: how much of the largest added error is left at the
far end of each axis (the paper: it persists over time and size, and is local in data),
and how much higher the largest network's error is than that of the best size, with
intervals and verdicts.

  python experiments/label_noise.py \
    --flagfile=experiments/flagfiles/label_noise/laptop.flags
"""

from absl import flags
from shell import cli
from shell import runs as runs_cli
from shell import sweep as sweep_cli

from scaletime_jax.errors import InputError
from scaletime_jax.plotting.label_noise import plot_label_noise
from scaletime_jax.studies.label_noise import (
    AXES,
    NoiseStudy,
    make_claims,
    study_noise,
)

flags.adopt_module_key_flags(runs_cli)
flags.set_default(sweep_cli.OPTIMIZER, ["adam"])  # as the paper does [BF24, C.4]
flags.set_default(sweep_cli.LABEL_NOISE, ["0", "0.2"])
AT_WIDTH = flags.DEFINE_integer(
    "at_width",
    None,
    "Width at which to look over epochs and data; the middle one if not set.",
)
AT_SIZE = flags.DEFINE_integer(
    "at_train_size",
    None,
    "Train size at which to look over epochs and size; the middle one if not set.",
)


def points(studies: list[NoiseStudy], axis: str) -> list[dict]:
    """Returns the plotted points along one axis."""
    rows = []
    for study in studies:
        for effect in study.effects:
            if effect.axis != axis:
                continue
            for name in ("clean", "noisy", "added"):
                curve = getattr(effect, name)
                columns = {axis: curve.x, "mean": curve.mean, "sem": curve.sem}
                rows += cli.records(
                    **study.fields,
                    width=study.width,
                    at_train_size=study.train_size,
                    curve=name,
                    **columns,
                )
    return rows


def summarise(study: NoiseStudy) -> dict:
    """Returns a study as it stands in summary.json."""
    return {
        **study.fields,
        "width": study.width,
        "train_size": study.train_size,
        "axes": {
            effect.axis: {
                "added_at_the_end": cli.number(effect.added.mean[-1]),
                "persistence": effect.persistence._asdict(),
            }
            for effect in study.effects
        },
        "upturns": [
            {
                "train_size": shape.train_size,
                "with_noise": shape.noisy._asdict(),
                "without": shape.clean._asdict(),
            }
            for shape in study.shapes
        ],
    }


def main() -> None:
    """From flags to figure."""
    shares = runs_cli.planned(sweep_cli.LABEL_NOISE)
    if shares is not None and not (0 in shares and max(shares) > 0):
        given = ",".join(map(str, shares))
        raise InputError(
            f"--label_noise={given}: 0 and a share above it are needed, as 0,0.2."
        )
    for place, axis in ((AT_WIDTH, sweep_cli.WIDTHS), (AT_SIZE, sweep_cli.TRAIN_SIZES)):
        runs_cli.refuse_other(place, axis)
    runs = runs_cli.obtain(needs=("train_size", "label_noise"))
    if runs is None:
        return
    studies = study_noise(runs.table, AT_WIDTH.value, AT_SIZE.value)
    panels = {axis: points(studies, axis) for axis in AXES}
    details = {"studies": [summarise(study) for study in studies]}
    claims, plot = make_claims(studies), (plot_label_noise, studies)
    runs_cli.finish("label_noise", runs, claims, details, panels, *plot)


if __name__ == "__main__":
    cli.run(main)
