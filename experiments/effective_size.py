r"""Appendix B: how many examples networks fit, against their number of parameters.

Trains what is missing in WORKDIR/runs, then writes to WORKDIR/effective_size the
figure, its points as CSV, and summary.json: the exponent of capacity (the largest n
whose final training error is at most 1/n of the chance error) against the number of
parameters, 1/3 in the paper, with interval and verdict. Seeds that fit every size
tried, or none, give bounds.

  python experiments/effective_size.py \
    --flagfile=experiments/flagfiles/effective_size/laptop.flags
"""

from absl import flags
from shell import cli
from shell import runs as runs_cli
from shell import sweep as sweep_cli
from shell import threshold as threshold_cli

from scaletime_jax.errors import InputError
from scaletime_jax.plotting.effective_size import plot_capacity
from scaletime_jax.studies.effective_size import (
    CapacityStudy,
    make_claims,
    study_capacity,
)

flags.adopt_module_key_flags(runs_cli)
flags.adopt_module_key_flags(threshold_cli)


def points(studies: list[CapacityStudy]) -> list[dict]:
    """Returns the plotted points."""
    return [
        {
            **study.fields,
            "width": network.width,
            "num_params": network.num_params,
            "capacity": seed.train_size,
            "bound": seed.bound,
        }
        for study in studies
        for network in study.networks
        for seed in network.seeds.values()
    ]


def summarise(study: CapacityStudy) -> dict:
    """Returns a study as it stands in summary.json."""
    bounds = [c.bound for n in study.networks for c in n.seeds.values()]
    return {
        **study.fields,
        "exponent": study.exponent._asdict(),
        **{bound: bounds.count(bound) for bound in ("exact", "above", "below")},
    }


def main() -> None:
    """From flags to figure."""
    threshold_cli.check_threshold()
    sizes = runs_cli.planned(sweep_cli.TRAIN_SIZES)
    if sizes is not None and len(set(sizes)) < 2:
        raise InputError("--train_sizes: capacity is measured across several sizes.")
    runs = runs_cli.obtain(needs=("train_size", "train_loss"))
    if runs is None:
        return
    studies = study_capacity(runs.table, threshold_cli.thresholds(runs))
    details = {"studies": [summarise(study) for study in studies]}
    claims, plot = make_claims(studies), (plot_capacity, studies)
    panels = {"capacity": points(studies)}
    runs_cli.finish("effective_size", runs, claims, details, panels, *plot)


if __name__ == "__main__":
    cli.run(main)
