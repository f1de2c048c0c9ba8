"""Students of random teachers: the exponent of the loss against the dimension."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.data.teachers import PREFIX, read_teacher
from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import final_over, least_over
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.exponents import MIN_POINTS, select_range
from scaletime_jax.stats.lines import straight_line
from scaletime_jax.stats.log_means import log_error, log_mean, mean_bend, seed_exponents
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.words import count_of

NAME = "teacher_student"
TITLE = "Figures 2, S2 and S4 of [B21]: exponents of students of random teachers"
CAPTION = (
    "Left: least test loss along training, the mean of the logarithm over seeds with "
    "one standard error, over the number of training examples or of parameters; one "
    "colour for each dimension of the inputs. Filled points are fitted, by the line; "
    "at open points the data do not limit the loss, or the curve is not straight. "
    "Right: four over the exponent against the dimension, with 95% intervals over "
    "seeds; equal numbers are on the line, and in the band the claim holds."
)
# Data limit the loss where the training loss is at most this share of the test loss.
LIMITED = 0.1
# Of 4 / alpha over the dimension.
WITHIN = 0.85, 1.15
OVER_DATA, OVER_SIZE = "train_size", "num_params"
SYMBOLS = {OVER_DATA: "alpha_D", OVER_SIZE: "alpha_P"}
NOUNS = {OVER_DATA: "data", OVER_SIZE: "model size"}
SOURCES = {OVER_DATA: "[B21, Fig. 2, S2]", OVER_SIZE: "[B21, Fig. S4]"}


class Scaling(NamedTuple):
    """The loss of students of one dimension over data or over model size.

    Attributes:
        fields: the setting.
        dimension: number of inputs of the teacher, d.
        axis: 'train_size' or 'num_params'.
        sizes: [sizes] ascending.
        losses: [sizes, seeds] least test loss along training.
        train: [sizes, seeds] training loss at the end; NaN over model size, where no
            example is seen twice.
        used: [sizes] whether the size is fitted.
        exponent: alpha, minus the slope of the mean log loss; no value without a
            straight range.
        ratio: 4 / alpha.
        note: reason for the missing exponent.
    """

    fields: dict
    dimension: int
    axis: str
    sizes: np.ndarray
    losses: np.ndarray
    train: np.ndarray
    used: np.ndarray
    exponent: Estimate
    ratio: Estimate
    note: str


class Line(NamedTuple):
    """4 / alpha = slope d + intercept, over the dimensions with an exponent.

    Attributes:
        axis: 'train_size' or 'num_params'.
        dimensions: [dimensions].
        slope: 1 in theory.
        intercept: 0 in theory.
    """

    axis: str
    dimensions: np.ndarray
    slope: Estimate
    intercept: Estimate


def check_grid(planned: pd.DataFrame) -> None:
    """Refuses, before training, runs from which no exponent can be measured.

    Data resolve d dimensions only if there are more examples than corners of the cube:
    with fewer, most examples have no neighbour along most of the axes.

    Args:
        planned: the identity of each run, one row each.

    Raises:
        InputError: a setting has too few sizes for a fit, or too few examples for the
            dimension of its teacher.
    """
    for fields, mine in split_table(planned, setting_of(planned)):
        name = str(fields["dataset"])
        fresh = (mine.batching == "fresh").all()
        axis = "width" if fresh else "train_size"
        number = mine[axis].nunique()
        if number < MIN_POINTS:
            raise InputError(
                f"an exponent over {axis} needs {MIN_POINTS} sizes, got {number} with "
                f"{name}; add sizes.",
                **{axis: None},
            )
        if PREFIX in name and not fresh:
            dimension, most = _dimension(name), mine.train_size.max()
            if most < 2**dimension:
                raise InputError(
                    f"train_size {most} is below the {2**dimension:,} corners of a "
                    f"cube of {dimension} dimensions, so that data resolve none of "
                    f"them; choose {2**dimension:,} or more with {name}.",
                    train_size=None,
                )


def study(runs: Runs) -> Result:
    """Returns the exponents of the loss over data and over model size, per dimension.

    Runs on a fixed training set give the exponents over data, and runs on fresh
    examples the exponents over model size. A seed is used if all sizes have it.

    Args:
        runs: runs on datasets `teacher:...`, of several train sizes or widths.

    Raises:
        InputError: a dataset is not a teacher, or there are no seeds with all sizes.
    """
    made = [
        scale_students(fields, mine)
        for fields, mine in split_table(runs.table, setting_of(runs.table))
    ]
    made.sort(key=lambda each: (each.axis != OVER_DATA, each.dimension))
    lines = [
        fit_dimensions(axis, [each for each in made if each.axis == axis])
        for axis in (OVER_DATA, OVER_SIZE)
    ]
    found = [line for line in lines if line is not None]
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(made, found),
        {"losses": [row for each in made for row in _points(each)]},
        {
            "settings": [_summarise(each) for each in made],
            "lines": [_summarise_line(line) for line in found],
        },
        {"made": made, "lines": found},
        [],
    )


def scale_students(fields: dict, runs: pd.DataFrame) -> Scaling:
    """Returns the loss of one setting over data or model size, with its exponent.

    Over data the sizes that can be fitted are the sizes at which data limit the loss:
    the mean training loss at the end is at most a tenth of the mean least test loss
    (means of logarithms), here and at all smaller sizes. Of these sizes, or of all
    sizes over model size, the longest straight range is fitted
    (`stats.exponents.select_range`).

    Args:
        fields: the setting.
        runs: one row per run and evaluation.

    Raises:
        InputError: the dataset is not a teacher, or no seed has all sizes.
    """
    name = str(fields["dataset"])
    if PREFIX not in name:
        raise InputError(
            f"dataset {name!r} is not a teacher; choose runs on '{PREFIX}...'."
        )
    axis = OVER_SIZE if (runs.batching == "fresh").all() else OVER_DATA
    losses = least_over(runs, axis, "test_loss").dropna(axis=1)
    if losses.shape[1] == 0:
        raise InputError(f"the runs of {name} have no seed with all sizes; train more.")
    train = final_over(runs, axis, "train_loss")[losses.columns]
    sizes, values = losses.index.to_numpy(float), losses.to_numpy(float)
    fitted = (
        train.to_numpy(float) if axis == OVER_DATA else np.full_like(values, np.nan)
    )
    usable = _data_limit(values, fitted) if axis == OVER_DATA else len(sizes)
    used = np.zeros(len(sizes), bool)
    if usable >= MIN_POINTS:
        used[:usable] = select_range(sizes[:usable], values[:usable], mean_bend)
    exponent, ratio, note = Estimate(None, None), Estimate(None, None), ""
    if used.any():
        each = -seed_exponents(sizes[used], values[used])[None]
        exponent = jackknife(np.mean, each)
        ratio = jackknife(lambda alpha: float(4 / np.mean(alpha)), each)
    else:
        note = _why_not(len(sizes), usable)
    return Scaling(
        fields,
        _dimension(name),
        axis,
        sizes,
        values,
        fitted,
        used,
        exponent,
        ratio,
        note,
    )


def _dimension(name: str) -> int:
    """Returns the number of inputs of a teacher, by the name of its dataset."""
    return read_teacher(name[name.index(PREFIX) :]).dimension


def _data_limit(losses: np.ndarray, train: np.ndarray) -> int:
    """Returns the number of sizes, from the smallest, at which data limit the loss."""
    far_below = log_mean(train) <= np.log(LIMITED) + log_mean(losses)
    return int(np.cumprod(far_below).sum())


def _why_not(num_sizes: int, usable: int) -> str:
    if usable < MIN_POINTS:
        which = count_of(num_sizes, "size")
        return f"data limit the loss at {usable} of {which}; a fit needs {MIN_POINTS}"
    return f"no {MIN_POINTS} neighbouring sizes are on a straight line"


def fit_dimensions(axis: str, made: Sequence[Scaling]) -> Line | None:
    """Returns the line of 4 / alpha over the dimension; None for fewer than three.

    Intervals are from the jackknife over the seeds that all dimensions have.

    Args:
        axis: of the exponents.
        made: of that axis.
    """
    known = [each for each in made if each.ratio.value is not None]
    seeds = {each.losses.shape[1] for each in known}
    if len({each.dimension for each in known}) < 3 or len(seeds) != 1:
        return None
    dimensions = np.array([each.dimension for each in known], float)
    alphas = np.array(
        [
            -seed_exponents(each.sizes[each.used], each.losses[each.used])
            for each in known
        ]
    )

    def slope(alphas):
        return straight_line(dimensions, 4 / alphas.mean(axis=1)).slope

    def intercept(alphas):
        return straight_line(dimensions, 4 / alphas.mean(axis=1)).intercept

    found = jackknife(slope, alphas), jackknife(intercept, alphas)
    return Line(axis, dimensions, *found)


def make_claims(made: Sequence[Scaling], lines: Sequence[Line]) -> list[Claim]:
    """Returns a claim for each dimension, and one for each line."""
    claims = []
    for each in made:
        value, interval, freedom = each.ratio
        share = Estimate(
            None if value is None else value / each.dimension,
            interval and (interval[0] / each.dimension, interval[1] / each.dimension),
            freedom,
        )
        claims.append(
            judge(
                share,
                WITHIN,
                source=SOURCES[each.axis],
                statement=f"The exponent of the loss over {NOUNS[each.axis]} is four "
                "over the dimension of the inputs.",
                setting=each.fields,
                quantity=f"4 / {SYMBOLS[each.axis]} over the dimension",
                note=each.note,
            )
        )
    claims += [
        judge(
            line.slope,
            WITHIN,
            source=SOURCES[line.axis],
            statement=f"Four over the exponent over {NOUNS[line.axis]} grows one to "
            "one with the dimension.",
            setting={"dimensions": _in_words(line.dimensions)},
            quantity=f"slope of 4 / {SYMBOLS[line.axis]} against the dimension",
        )
        for line in lines
    ]
    return claims


def _in_words(dimensions: np.ndarray) -> str:
    return f"d = {', '.join(f'{each:g}' for each in np.unique(dimensions))}"


def _points(each: Scaling) -> list[dict]:
    return rows(
        **each.fields,
        dimension=each.dimension,
        axis=each.axis,
        size=each.sizes,
        least_test_loss=np.exp(log_mean(each.losses)),
        sem_of_log=log_error(each.losses),
        train_loss=np.exp(log_mean(each.train)),
        fitted=each.used,
    )


def _summarise(each: Scaling) -> dict:
    return {
        **each.fields,
        "dimension": each.dimension,
        "axis": each.axis,
        "seeds": each.losses.shape[1],
        "fitted": each.sizes[each.used].tolist(),
        "not_fitted": each.sizes[~each.used].tolist(),
        SYMBOLS[each.axis]: each.exponent._asdict(),
        "four_over_exponent": each.ratio._asdict(),
        "note": each.note,
    }


def _summarise_line(line: Line) -> dict:
    return {
        "axis": line.axis,
        "dimensions": line.dimensions.tolist(),
        "slope": line.slope._asdict(),
        "intercept": line.intercept._asdict(),
    }
