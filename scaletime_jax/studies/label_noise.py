"""The test error added by label noise, over time, size and data."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import (
    Curve,
    final_over,
    over_epochs,
    summarise_seeds,
)
from scaletime_jax.runs.fields import describe, setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.estimates import Estimate, jackknife, u_depth
from scaletime_jax.studies.result import Result, finite, rows
from scaletime_jax.theory.effective_size import cube_root_size

NAME = "label_noise"
TITLE = "Figures 6 and 9: the test error added by label noise, over time, size and data"
CAPTION = (
    "The test loss with true and with noisy labels over epochs, size and data. "
    "Bands are one s.e.m. over seeds. Each panel names the width and the train "
    "size that are fixed. The dotted line adds half of the largest added error: "
    "the claim is that noisy labels end above it."
)
OVERVIEW = (
    "The part of the largest added error that is left at the end, and the height "
    "of the peak over data, in each setting, with 95% intervals over seeds."
)
SOURCE = "[BF24, Fig. 6, 9]"  # with Adam [BF24, C.4]
# Datasets on which the paper's error rises again with size [BF24, Sec. 5.5].
U_SHAPED = ("cifar10_", "svhn")
# Least share of the largest added error that counts as persistence.
PERSISTENT = 0.5
AXES = ("epoch", "effective_size", "train_size")
PERSISTS = {
    "epoch": "The error that label noise adds persists or grows with training time.",
    "effective_size": "The error that label noise adds persists or grows with size.",
}
LOCAL = "The error that label noise adds is local in the amount of data."


class NoiseEffect(NamedTuple):
    """Test loss with and without label noise along one axis.

    Attributes:
        axis: 'epoch', 'effective_size' or 'train_size'.
        clean: test loss without noise.
        noisy: test loss with noise.
        added: noisy - clean, by seed.
        persistence: added error at the far end / maximum of the added error, both means
            over a tenth of the points.
    """

    axis: str
    clean: Curve
    noisy: Curve
    added: Curve
    persistence: Estimate


class Peak(NamedTuple):
    """Peak over train size of the error that label noise adds, at one width.

    Attributes:
        width: the scale parameter s.
        height: height of the highest inner point above the higher end. Above 0 if the
            added error is larger than with less data and with more data.
    """

    width: int
    height: Estimate


class Shape(NamedTuple):
    """Shape of the final test loss over size, at one train size.

    Attributes:
        train_size: examples.
        noisy: depth of a U with label noise.
        clean: depth of a U without label noise.
    """

    train_size: int
    noisy: Estimate
    clean: Estimate


class NoiseStudy(NamedTuple):
    """One setting with one share of wrong labels.

    Attributes:
        fields: the setting, with the label_noise of the noisy runs.
        width: width of the curves over epochs and train size.
        train_size: train size of the curves over epochs and size.
        effects: one for each axis with two or more points.
        peaks: peaks over train size, one for each width.
        shapes: shapes over size, one for each train size.
    """

    fields: dict
    width: int
    train_size: int
    effects: list[NoiseEffect]
    peaks: list[Peak]
    shapes: list[Shape]


def study(
    runs: Runs, at_width: int | None = None, at_train_size: int | None = None
) -> Result:
    """Returns the test loss added by label noise, per setting and share of noise.

    Args:
        runs: runs with and without label noise.
        at_width: width of the curves over epochs and data; None for the middle width.
        at_train_size: train size of the curves over epochs and size; None for the
            middle train size.

    Raises:
        InputError: a setting has no noisy runs or none without noise, or not the
            width or train size asked for.
    """
    studies = study_noise(runs.table, at_width, at_train_size)
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(studies),
        {axis: _points(studies, axis) for axis in AXES},
        {"studies": [_summarise(each) for each in studies]},
        {"studies": studies},
        [],
        overview=OVERVIEW,
    )


def _points(studies: list[NoiseStudy], axis: str) -> list[dict]:
    """Returns the plotted points along one axis."""
    points = []
    for each in studies:
        for effect in each.effects:
            if effect.axis != axis:
                continue
            for name in ("clean", "noisy", "added"):
                curve = getattr(effect, name)
                points += rows(
                    **each.fields,
                    width=each.width,
                    at_train_size=each.train_size,
                    curve=name,
                    **{axis: curve.x},
                    mean=curve.mean,
                    sem=curve.sem,
                )
    return points


def _summarise(each: NoiseStudy) -> dict:
    return {
        **each.fields,
        "width": each.width,
        "train_size": each.train_size,
        "axes": {
            effect.axis: {
                "added_at_the_end": finite(effect.added.mean[-1]),
                "persistence": effect.persistence._asdict(),
            }
            for effect in each.effects
        },
        "peaks": [
            {"width": peak.width, "height": peak.height._asdict()}
            for peak in each.peaks
        ],
        "shapes": [
            {
                "train_size": shape.train_size,
                "with_noise": shape.noisy._asdict(),
                "without": shape.clean._asdict(),
            }
            for shape in each.shapes
        ],
    }


def study_noise(
    table: pd.DataFrame, width: int | None = None, train_size: int | None = None
) -> list[NoiseStudy]:
    """Returns a study for each setting and each share of noise above 0.

    Args:
        table: one row per run and evaluation.
        width: width of the curves over epochs and data; None for the middle width.
        train_size: train size of the curves over epochs and size; None for the middle
            train size.

    Raises:
        InputError: a setting has no noisy runs or none without noise, or not the
            width or train size asked for.
    """
    studies = []
    but_noise = [name for name in setting_of(table) if name != "label_noise"]
    for fields, runs in split_table(table, but_noise):
        shares = sorted(runs.label_noise.unique())
        if shares[0] != 0 or len(shares) < 2:
            raise InputError(
                f"the runs of {describe(fields)} have label_noise "
                f"{', '.join(f'{share:g}' for share in shares)} only; give 0 and a "
                "share above 0.",
                label_noise="0,0.2",
            )
        clean = runs[runs.label_noise == 0]
        for share in shares[1:]:
            noisy = runs[runs.label_noise == share]
            chosen = _choose_cell(clean, noisy, width, train_size)
            effects = [_effect(axis, clean, noisy, *chosen) for axis in AXES]
            found = [effect for effect in effects if effect is not None]
            setting = {**fields, "label_noise": float(share)}
            shapes = _peaks(clean, noisy), _shapes(clean, noisy)
            studies.append(NoiseStudy(setting, *chosen, found, *shapes))
    return studies


def _choose_cell(
    clean: pd.DataFrame, noisy: pd.DataFrame, width: int | None, train_size: int | None
) -> tuple[int, int]:
    """Returns the chosen width and train size, by default the middle ones."""
    cells = [set(zip(r.width, r.train_size, strict=True)) for r in (clean, noisy)]
    both = cells[0] & cells[1]
    if not both:
        raise InputError("no width and train_size have runs with and without noise.")
    chosen = _choose("width", {w for w, _ in both}, width)
    sizes = {n for w, n in both if w == chosen}
    return chosen, _choose("train_size", sizes, train_size)


def _choose(name: str, there: set, wanted: int | None) -> int:
    values = sorted(int(value) for value in there)
    if wanted is None:
        return values[(len(values) - 1) // 2]
    if wanted not in values:
        raise InputError(
            f"no run has {name} {wanted}; the runs have {values}, choose one.",
            **{f"at_{name}": values[0]},
        )
    return wanted


def _over_size(runs: pd.DataFrame) -> pd.DataFrame:
    sizes = np.asarray(cube_root_size(runs.num_params.to_numpy()), float)
    return final_over(runs.assign(effective_size=sizes), "effective_size", "test_loss")


def _peaks(clean: pd.DataFrame, noisy: pd.DataFrame) -> list[Peak]:
    peaks = []
    for width in sorted({int(w) for w in noisy.width} & {int(w) for w in clean.width}):
        first, second = (
            final_over(runs[runs.width == width], "train_size", "test_loss")
            for runs in (clean, noisy)
        )
        # NaN where clean or noisy has no run: such seeds are left out
        added = (second - first).dropna(how="all").dropna(axis=1, how="all")
        peaks.append(Peak(width, u_depth(-added.to_numpy())))
    return peaks


def _shapes(clean: pd.DataFrame, noisy: pd.DataFrame) -> list[Shape]:
    sizes = sorted(
        {int(n) for n in noisy.train_size} & {int(n) for n in clean.train_size}
    )
    return [
        Shape(
            n,
            *(
                u_depth(_over_size(r[r.train_size == n]).to_numpy())
                for r in (noisy, clean)
            ),
        )
        for n in sizes
    ]


def _effect(
    axis: str, clean: pd.DataFrame, noisy: pd.DataFrame, width: int, train_size: int
) -> NoiseEffect | None:
    def along(runs: pd.DataFrame) -> pd.DataFrame:
        if axis == "train_size":
            return final_over(runs[runs.width == width], axis, "test_loss")
        runs = runs[runs.train_size == train_size]
        if axis == "epoch":
            return over_epochs(runs[runs.width == width], "test_loss")
        return _over_size(runs)

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
    )


def _persistence(added: np.ndarray) -> float:
    """Returns end / maximum, both means over a tenth of the points.

    The means remove single evaluations at which training jumped. Axes with fewer than
    twenty points are not averaged.
    """
    window = max(1, len(added) // 10)
    mean = np.convolve(added.mean(axis=-1), np.full(window, 1 / window), "valid")
    return mean[-1] / mean.max() if mean.max() > 0 else float("nan")


def make_claims(studies: list[NoiseStudy]) -> list[Claim]:
    """Returns claims of persistence, of a peak over data, and of a U over size."""
    claims = []
    for each in studies:
        adam = each.fields["optimizer"] == "adam"
        at = {**each.fields, "width": each.width, "train_size": each.train_size}
        source = beyond(SOURCE, adam)
        claims += [
            judge(
                effect.persistence,
                (PERSISTENT, None),
                source=source,
                statement=PERSISTS[effect.axis],
                setting=at,
                quantity="added error at the far end / maximum of the added error",
            )
            for effect in each.effects
            if effect.axis in PERSISTS
        ]
        claims += [
            judge(
                peak.height,
                (0.0, None),
                source=source,
                statement=LOCAL,
                setting={**each.fields, "width": peak.width},
                quantity="added error at its peak less added error at the higher end",
            )
            for peak in each.peaks
        ]
        named = f"{each.fields['dataset']}_".startswith(U_SHAPED)
        claims += [
            judge(
                shape.noisy,
                (0.0, None),
                source=beyond("[BF24, Sec. 5.5]", adam and named),
                statement="Under noise the error falls with size, then rises again.",
                setting={**each.fields, "train_size": shape.train_size},
                quantity="depth of a U of the test loss over size",
            )
            for shape in each.shapes
        ]
    return claims
