"""What sets the exponent of size in time? Numbers of single steps at equal loss.

The gradient flow of a network has |g|^2 as its speed, and a subspace model with far
fewer directions than parameters learns in a time of one over num_params [BF24, Thm. 1].
This study measures what such accounts start from (tangent kernel, length of a step,
descent, effective number of directions) in the runs of the map, at equal loss, and
compares how each grows with size with how much sooner larger networks reach the loss.
An exponent that a step would have is a guess of kappa; the control is 1/3, and the mean
kappa of the other settings.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from scaletime_jax.errors import InputError
from scaletime_jax.laws.collapse import CLAIMED
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.equal_losses import Along, equal_loss_slopes
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.studies.cells import (
    Cell,
    find_cells,
    name_protocol,
    protocol_words,
    usual_fields,
)
from scaletime_jax.studies.result import Result, finite
from scaletime_jax.track import Track, quiet
from scaletime_jax.words import count_of

NAME = "descent"
TITLE = "What sets the exponent: single steps of training at equal loss"
CAPTION = (
    "A point is a pair of neighbouring sizes in one setting of the map: upwards the "
    "exponent kappa at which the larger network reaches equal losses sooner, to the "
    "right an exponent that a single step would have, with colours for optimizers and "
    "open marks for muP; the line is equality. a: growth of the largest eigenvalue of "
    "the centred tangent kernel at the start. b: the same at equal loss. c: descent of "
    "a step to first order, -g . d. d: reach of a step, its length times the root of "
    "that eigenvalue. e: kappa over the effective number of directions, relative to "
    "the number of parameters. f: mean distance from kappa of each exponent, and of "
    "the mean of the other settings, less that of 1/3, with 95% intervals over "
    "settings; above 0 an exponent tells kappa worse than 1/3. Pairs whose kappa has a "
    "standard error above 0.1 are left out. The settings share networks, data and "
    "seeds, so the intervals are of these settings, not of others."
)
# What is measured at a step, besides the loss.
QUANTITIES = ("square", "top", "gradient", "descent", "change", "single", "dimension")
TIME = "time"
# Exponents that a step would have, by what they are of.
WORDS = {
    "start": "top eigenvalue of the centred kernel at the start",
    "top": "top eigenvalue of the centred kernel",
    "gradient": "squared gradient of the test loss",
    "descent": "descent of a step",
    "reach": "reach of a step",
}
CONSTANTS = {"third": "1/3", "others": "the mean of the other settings"}
MOST_ERROR = 0.1  # standard error of a kappa that is told
FOLLOWS = 0.5  # of a rank correlation


class Measured(NamedTuple):
    """One setting, between neighbouring sizes.

    Attributes:
        cell: the setting.
        num_params: [sizes] ascending.
        kappa: [pairs] how much sooner the larger size reaches equal losses, as an
            exponent of size; NaN where the standard error is above `MOST_ERROR`.
        error: [pairs] the standard error of kappa over seeds; NaN for one seed.
        collapse: [pairs] kappa of the whole test curves, as on the map.
        slopes: [pairs] of each quantity at equal loss, by name.
        predicted: [pairs] by the keys of `WORDS`.
        dimension: [sizes] effective number of directions, geometric mean over seeds and
            the measured steps.
    """

    cell: Cell
    num_params: np.ndarray
    kappa: np.ndarray
    error: np.ndarray
    collapse: np.ndarray
    slopes: dict[str, np.ndarray]
    predicted: dict[str, np.ndarray]
    dimension: np.ndarray

    @property
    def directions_each(self) -> np.ndarray:
        """[pairs] effective number of directions over that of parameters."""
        ratio = self.dimension / self.num_params
        return np.asarray(np.sqrt(ratio[1:] * ratio[:-1]))


def study(runs: Runs, steps: pd.DataFrame, track: Track = quiet) -> Result:
    """Returns how numbers of single steps grow with size, beside kappa.

    Args:
        runs: of any number of protocols and networks.
        steps: a row for each run and measured step: run_id, step, loss and
            `QUANTITIES`.
        track: shows the progress.

    Raises:
        InputError: fewer than two settings have three sizes, or no two sizes of a
            setting share losses below the guessing loss.
    """
    there = runs.table.run_id.isin(set(steps.run_id))
    cells = find_cells(runs._replace(table=runs.table[there]), track)
    usual = {c.column: usual_fields(cells, c.column) for c in cells}
    about = runs.table.drop_duplicates("run_id").set_index("run_id")
    made = []
    for cell in track(cells, "settings measured"):
        named = name_protocol(cell, usual[cell.column])
        made.append(_measure(named, _along(cell, steps, about)))
    made = [each for each in made if np.isfinite(each.kappa).any()]
    if len(made) < 2:
        raise InputError(
            f"of {count_of(len(cells), 'setting')}, {len(made)} have sizes that share "
            "losses below the guessing loss in the measured steps, and two are needed; "
            "measure more steps, or runs of other settings.",
            steps=None,
        )
    gains = {
        name: jackknife(np.mean, gains_over(made, name, "third"))
        for name in ("others", *WORDS)
    }
    settings = np.arange(len(made))
    follows = jackknife(lambda kept: _rank_correlation(made, kept), settings)
    return Result(
        NAME,
        TITLE,
        CAPTION,
        [*make_claims(made), *direction_claims(made, follows)],
        {
            "pairs": [row for each in made for row in _rows(each)],
            "gains": [
                {"exponent": name, **_limits(each)} for name, each in gains.items()
            ],
        },
        {
            "settings": len(made),
            "distance_less_that_of_third": {
                name: each._asdict() for name, each in gains.items()
            },
            "rank_correlation": follows._asdict(),
        },
        {"made": made, "gains": gains},
        [],
    )


def _measure(cell: Cell, along: Along) -> Measured:
    """Returns the slopes of a setting's quantities at equal loss."""
    slopes = equal_loss_slopes(along)
    seeds = along.loss.shape[1]
    each = [equal_loss_slopes(along.without(k))[TIME] for k in range(seeds)]
    error = np.full(len(along.num_params) - 1, np.nan)
    if seeds > 1:
        error = np.sqrt((seeds - 1) * np.var(each, axis=0))
    start = np.log(along.values["top"][:, :, 0].mean(axis=1))
    predicted = {
        "start": np.diff(start) / np.diff(np.log(along.num_params)),
        "top": slopes["top"],
        "gradient": slopes["gradient"],
        "descent": slopes["descent"],
        "reach": (slopes["change"] + slopes["top"]) / 2,
    }
    told = error <= MOST_ERROR if seeds > 1 else np.isfinite(slopes[TIME])
    pairs = cell.collapse.pairs
    return Measured(
        cell,
        along.num_params,
        np.where(told, -slopes[TIME], np.nan),
        error,
        np.full(len(error), np.nan) if pairs is None else pairs.values,
        slopes,
        predicted,
        np.exp(np.log(along.values["dimension"]).mean(axis=(1, 2))),
    )


def _along(cell: Cell, steps: pd.DataFrame, about: pd.DataFrame) -> Along:
    """Returns the measured steps of a setting's runs as arrays, of seeds at all sizes.

    Args:
        cell: the setting; all its runs have the same steps.
        steps: as in `study`.
        about: num_params, seed and guessing_loss by run_id.
    """
    names = ["num_params", "seed", "guessing_loss"]
    mine = steps[steps.run_id.isin(set(cell.run_ids))].join(about[names], on="run_id")
    by_seed = mine.groupby("seed").num_params.nunique()
    seeds = by_seed.index[by_seed == mine.num_params.nunique()]
    mine = mine[mine.seed.isin(seeds)].sort_values(["num_params", "seed", "step"])
    sizes, counts = mine.num_params.unique(), mine.step.unique()
    shape = len(sizes), len(seeds), len(counts)
    values = {
        name: mine[name].to_numpy(float).reshape(shape)
        for name in ("loss", *QUANTITIES)
    }
    loss = values.pop("loss")
    values[TIME] = np.broadcast_to(counts.astype(float), shape)
    return Along(sizes, loss, values, float(mine.guessing_loss.iloc[0]))


def gains_over(made: Sequence[Measured], name: str, constant: str) -> np.ndarray:
    """Returns [settings] how much farther from kappa an exponent is than a constant.

    The mean over pairs of sizes of |exponent - kappa| - |constant - kappa|; below 0
    where the exponent tells kappa better. NaN without a pair that has all three.

    Args:
        made: the settings.
        name: of `WORDS` or `CONSTANTS`.
        constant: of `CONSTANTS`.
    """
    found = []
    for each in made:
        farther = np.abs(_exponents(made, each, name) - each.kappa)
        farther -= np.abs(_exponents(made, each, constant) - each.kappa)
        known = np.isfinite(farther)
        found.append(farther[known].mean() if known.any() else np.nan)
    return np.array(found)


def _exponents(made: Sequence[Measured], each: Measured, name: str) -> np.ndarray:
    """Returns the exponents [pairs] of a setting by a key of `WORDS` or `CONSTANTS`."""
    if name in WORDS:
        return each.predicted[name]
    if name == "third":
        return np.full(len(each.kappa), CLAIMED)
    others = [other.kappa for other in made if other is not each]
    return np.full(len(each.kappa), np.nanmean(np.concatenate(others)))


def _rank_correlation(made: Sequence[Measured], kept: np.ndarray) -> float:
    """Returns that of kappa and directions over parameters, over pairs of settings."""
    some = [made[place] for place in kept]
    kappa = np.concatenate([each.kappa for each in some])
    ratio = np.concatenate([each.directions_each for each in some])
    known = np.isfinite(kappa) & np.isfinite(ratio)
    return float(spearmanr(kappa[known], ratio[known]).statistic)


def make_claims(made: Sequence[Measured]) -> list[Claim]:
    """Returns the claims that an exponent of single steps is nearer than a constant."""
    return [
        judge(
            jackknife(np.mean, gains_over(made, name, constant)),
            (None, 0.0),
            source="beyond [BF24, App. B]",
            statement=f"The growth of steps tells kappa better than {named}.",
            setting={"exponent": words},
            quantity=f"mean distance from kappa, less that of {named}",
        )
        for constant, named in CONSTANTS.items()
        for name, words in WORDS.items()
    ]


def direction_claims(made: Sequence[Measured], follows: Estimate) -> list[Claim]:
    """Returns the claims on the effective number of directions, r of Theorem 1."""
    growth = [
        np.log(each.dimension[-1] / each.dimension[0])
        / np.log(each.num_params[-1] / each.num_params[0])
        for each in made
    ]
    what = {"setting": {}, "source": "[BF24, Theorem 1]"}
    return [
        judge(
            jackknife(np.mean, np.array(growth)),
            (None, 1.0),
            statement="Directions become few beside parameters as networks grow.",
            quantity="exponent of the effective number of directions in size",
            **what,
        ),
        judge(
            follows,
            (None, -FOLLOWS),
            statement="Kappa is the larger, the fewer directions there are beside "
            "parameters.",
            quantity="rank correlation of kappa and directions over parameters",
            **what,
        ),
    ]


def _limits(found: Estimate) -> dict:
    low, high = found.interval or (None, None)
    return {"distance_less_that_of_third": found.value, "low": low, "high": high}


def _rows(each: Measured) -> list[dict]:
    """Returns a row for each pair of neighbouring sizes."""
    fields = each.cell.collapse.fields
    about = {
        "network": each.cell.network,
        "protocol": protocol_words(each.cell),
        "learning_rate": fields.get("learning_rate"),
        "train_size": fields["train_size"],
    }
    return [
        {
            **about,
            "num_params": int(each.num_params[pair]),
            "next_num_params": int(each.num_params[pair + 1]),
            "kappa": finite(each.kappa[pair]),
            "standard_error": finite(each.error[pair]),
            "kappa_of_collapse": finite(each.collapse[pair]),
            **{name: finite(v[pair]) for name, v in each.predicted.items()},
            **{f"slope_of_{k}": finite(each.slopes[k][pair]) for k in QUANTITIES},
            "directions_over_params": finite(each.directions_each[pair]),
        }
        for pair in range(len(each.kappa))
    ]
