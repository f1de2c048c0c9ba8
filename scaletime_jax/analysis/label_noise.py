"""What wrong training labels add to the test error: over time, size and data."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.analysis.curves import (
    Curve,
    final_over,
    over_epochs,
    summarise_seeds,
)
from scaletime_jax.analysis.estimates import (
    Claim,
    Estimate,
    jackknife,
    judge,
    upturn,
)
from scaletime_jax.analysis.runs import SETTING, split_table
from scaletime_jax.errors import InputError
from scaletime_jax.theory.effective_size import cube_root_size

SOURCE = "[BF24, Fig. 6, 9]"
# What still counts as most of the largest added error.
PERSISTENT = 0.5
AXES = ("epoch", "effective_size", "train_size")
STATEMENTS = {
    "epoch": "The error that label noise adds persists or grows with training time.",
    "effective_size": "The error that label noise adds persists or grows with size.",
    "train_size": "The error that label noise adds is local in the amount of data.",
}


class NoiseEffect(NamedTuple):
    """Test loss with and without label noise along one axis.

    Attributes:
        axis: 'epoch', 'effective_size' or 'train_size'.
        clean: test loss without noise.
        noisy: with it.
        added: noisy - clean, seed by seed.
        persistence: the added error at the far end over its maximum, each a mean over
            a tenth of the points.
        upturn: how much higher the noisy curve ends than its lowest point.
        upturn_clean: likewise, without noise.
    """

    axis: str
    clean: Curve
    noisy: Curve
    added: Curve
    persistence: Estimate
    upturn: Estimate
    upturn_clean: Estimate


class NoiseStudy(NamedTuple):
    """One setting with one share of wrong labels.

    Attributes:
        fields: the setting; its label_noise is that of the noisy runs.
        width: of the curves over epochs and train size.
        train_size: of the curves over epochs and size.
        effects: along the axes over which there are two points or more.
    """

    fields: dict
    width: int
    train_size: int
    effects: list[NoiseEffect]


def study_noise(
    table: pd.DataFrame, width: int | None = None, train_size: int | None = None
) -> list[NoiseStudy]:
    """Returns a study for each setting and each share of noise above 0.

    Args:
        table: one row per run and evaluation.
        width: at which to look over epochs and data; None for the middle one.
        train_size: at which to look over epochs and size; None for the middle one.

    Raises:
        InputError: a setting has no noisy runs or none without noise, or not the
            width or train size asked for.
    """
    studies = []
    but_noise = [name for name in SETTING if name != "label_noise"]
    for fields, rows in split_table(table, but_noise):
        shares = sorted(rows.label_noise.unique())
        if shares[0] != 0 or len(shares) < 2:
            raise InputError(
                f"the runs of {fields['dataset']} {fields['architecture']} "
                f"{fields['optimizer']} have label_noise "
                f"{', '.join(f'{s:g}' for s in shares)} only; give 0 and one above, "
                "as --label_noise=0,0.2."
            )
        chosen = (
            _choose(rows, "width", width),
            _choose(rows, "train_size", train_size),
        )
        clean = rows[rows.label_noise == 0]
        for share in shares[1:]:
            noisy = rows[rows.label_noise == share]
            effects = [_effect(axis, clean, noisy, *chosen) for axis in AXES]
            found = [effect for effect in effects if effect is not None]
            setting = {**fields, "label_noise": float(share)}
            studies.append(NoiseStudy(setting, *chosen, found))
    return studies


def _choose(rows: pd.DataFrame, name: str, wanted: int | None) -> int:
    values = sorted(int(v) for v in rows[name].unique())
    if wanted is None:
        return values[(len(values) - 1) // 2]
    if wanted not in values:
        raise InputError(f"no run has {name} {wanted}; those there have {values}.")
    return wanted


def _effect(
    axis: str, clean: pd.DataFrame, noisy: pd.DataFrame, width: int, train_size: int
) -> NoiseEffect | None:
    def along(runs: pd.DataFrame) -> pd.DataFrame:
        if axis == "train_size":
            return final_over(runs[runs.width == width], axis, "test_loss")
        runs = runs[runs.train_size == train_size]
        if axis == "epoch":
            return over_epochs(runs[runs.width == width], "test_loss")
        sizes = np.asarray(cube_root_size(runs.num_params.to_numpy()), float)
        return final_over(runs.assign(effective_size=sizes), axis, "test_loss")

    pair = [along(clean), along(noisy)]
    x = pair[0].index.intersection(pair[1].index)
    seeds = pair[0].columns.intersection(pair[1].columns)
    if len(x) < 2 or not len(seeds):
        return None
    first, second = (values.loc[x, seeds] for values in pair)
    return NoiseEffect(
        axis,
        summarise_seeds(first),
        summarise_seeds(second),
        summarise_seeds(second - first),
        jackknife(_persistence, (second - first).to_numpy()),
        upturn(second.to_numpy()),
        upturn(first.to_numpy()),
    )


def _persistence(added: np.ndarray) -> float:
    """Returns end over maximum, each a mean over a tenth of the points.

    Over epochs that takes out single evaluations at which training jumped; axes with
    fewer than twenty points are taken as they are.
    """
    window = max(1, len(added) // 10)
    mean = np.convolve(added.mean(axis=-1), np.full(window, 1 / window), "valid")
    return mean[-1] / mean.max() if mean.max() > 0 else float("nan")


def make_claims(studies: list[NoiseStudy]) -> list[Claim]:
    """Returns a claim for each axis, and that error turns up with size."""
    claims = []
    for study in studies:
        setting = {**study.fields, "width": study.width, "train_size": study.train_size}
        for effect in study.effects:
            local = effect.axis == "train_size"
            claims.append(
                judge(
                    effect.persistence,
                    (None, PERSISTENT) if local else (PERSISTENT, None),
                    source=SOURCE,
                    statement=STATEMENTS[effect.axis],
                    setting=setting,
                    quantity="added error at the far end over its maximum",
                )
            )
            if effect.axis == "effective_size":
                claims.append(
                    judge(
                        effect.upturn,
                        (0.0, None),
                        source="[BF24, Sec. 5.5]",
                        statement="Under noise the error rises again with size.",
                        setting=setting,
                        quantity="test loss of the largest less that of the best size",
                    )
                )
    return claims
