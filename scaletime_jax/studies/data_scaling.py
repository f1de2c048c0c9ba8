"""Error against the number of training examples, for networks of several sizes."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.runs.curves import (
    Curve,
    final_over,
    first_crossing,
    summarise_seeds,
)
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.lines import MIN_SIZES, LineFit, fit_columns, fit_line
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.theory.effective_size import cube_root_size

NAME = "data_scaling"
TITLE = "Figures 5 and 8: test and train error against the amount of data"
CAPTION = (
    "Draws final test and train error over train size, a row a setting. Darker curves "
    "are wider networks; bands are one s.e.m. over seeds; the dotted line is the "
    "threshold of generalisation."
)
SOURCE = "[BF24, Fig. 5, 8]"  # with SGD [BF24, C.3]


class WidthCurve(NamedTuple):
    """Final errors of one width over train size.

    Attributes:
        width: the scale parameter s.
        effective_size: cube root of the number of parameters.
        test: test loss over train size.
        train: training loss over train size.
        needed: examples by seed at which the test loss first falls below the
            threshold, log-linear between sizes that were trained; NaN where it never
            does (censored) or does at the smallest size already.
        never: seeds of the former kind.
        at_once: seeds of the latter kind.
    """

    width: int
    effective_size: float
    test: Curve
    train: Curve
    needed: dict[int, float]
    never: int
    at_once: int


class DataScaling(NamedTuple):
    """One setting's curves.

    Attributes:
        fields: the setting.
        threshold: of the test loss.
        curves: by width, in order.
        fit: examples needed against effective size, by the seeds that all widths have
            and over widths at which all of these reached the threshold; None for fewer
            than three of them.
        train_change: mean over widths of log(train loss at the largest size / at the
            smallest).
    """

    fields: dict
    threshold: float
    curves: list[WidthCurve]
    fit: LineFit | None
    train_change: Estimate


def study(runs: Runs, threshold: float | None = None) -> Result:
    """Returns how losses depend on the amount of data, per setting and width.

    Args:
        runs: of networks of several train sizes, with their training loss.
        threshold: test loss to fall below; if None that of guessing.

    Raises:
        InputError: logs do not say what guessing costs.
    """
    made = scale_data(runs.table, runs.thresholds(threshold))
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(made),
        {split: _points(made, split) for split in ("test", "train")},
        {"settings": [_summarise(each) for each in made]},
        {"made": made},
        [],
    )


def _points(made: list[DataScaling], split: str) -> list[dict]:
    """Returns the plotted points of test or train error."""
    points = []
    for each in made:
        for curve in each.curves:
            shown = curve.test if split == "test" else curve.train
            points += rows(
                **each.fields,
                width=curve.width,
                train_size=shown.x,
                mean=shown.mean,
                sem=shown.sem,
            )
    return points


def _summarise(each: DataScaling) -> dict:
    return {
        **each.fields,
        "threshold": each.threshold,
        **fit_columns(each.fit),
        "train_change": each.train_change._asdict(),
        "widths": [_summarise_width(curve) for curve in each.curves],
    }


def _summarise_width(curve: WidthCurve) -> dict:
    reached = [size for size in curve.needed.values() if np.isfinite(size)]
    return {
        "width": curve.width,
        "effective_size": curve.effective_size,
        "examples_needed": float(np.mean(reached)) if reached else None,
        "reached": len(reached),
        "never": curve.never,
        "at_the_smallest": curve.at_once,
    }


def scale_data(
    table: pd.DataFrame, thresholds: Mapping[str, float]
) -> list[DataScaling]:
    """Returns the curves of each setting in the table.

    Args:
        table: one row per run and evaluation.
        thresholds: of the test loss, by dataset.
    """
    made = []
    for fields, runs in split_table(table, setting_of(table)):
        threshold = thresholds[fields["dataset"]]
        curves = [_width_curve(each, threshold) for _, each in runs.groupby("width")]
        made.append(
            DataScaling(fields, threshold, curves, _fit(curves), _train_change(runs))
        )
    return made


def _width_curve(runs: pd.DataFrame, threshold: float) -> WidthCurve:
    test = final_over(runs, "train_size", "test_loss")
    crossings, smallest = {}, {}
    for seed in test:
        trained = test[seed][np.isfinite(test[seed])]
        log_size = np.log(trained.index.to_numpy(float))
        smallest[seed] = log_size.min(initial=np.inf)
        crossings[seed] = first_crossing(log_size, trained.to_numpy(), threshold)
    needed, first = pd.Series(crossings, dtype=float), pd.Series(smallest, dtype=float)
    at_once = needed == first
    return WidthCurve(
        width=int(runs.width.iloc[0]),
        effective_size=float(cube_root_size(runs.num_params.iloc[0])),
        test=summarise_seeds(test),
        train=summarise_seeds(final_over(runs, "train_size", "train_loss")),
        needed=np.exp(needed.where(~at_once)).to_dict(),
        never=int(needed.isna().sum()),
        at_once=int(at_once.sum()),
    )


def _fit(curves: list[WidthCurve]) -> LineFit | None:
    seeds = sorted(set.intersection(*(set(c.needed) for c in curves)))
    grid = np.array([[c.needed[seed] for seed in seeds] for c in curves])
    usable = np.isfinite(grid).all(axis=1)
    if not seeds or usable.sum() < MIN_SIZES:
        return None
    sizes = np.array([c.effective_size for c in curves])
    return fit_line(sizes[usable], grid[usable])


def _train_change(runs: pd.DataFrame) -> Estimate:
    curves = [
        final_over(each, "train_size", "train_loss")
        for _, each in runs.groupby("width")
    ]
    seeds = sorted(set.intersection(*(set(curve.columns) for curve in curves)))
    ends = [curve[seeds].iloc[[0, -1]].to_numpy() for curve in curves if len(curve) > 1]
    if not ends:
        return Estimate(None, None)

    def change(ends):
        first, last = np.log(ends.mean(axis=-1)).T
        return np.mean(last - first)

    return jackknife(change, np.stack(ends))


def make_claims(made: list[DataScaling]) -> list[Claim]:
    """Returns what the paper says of data, with what was measured: falls, and falls."""
    claims = []
    for each in made:
        fit = each.fit
        slope = Estimate(fit.slope, fit.slope_ci) if fit else Estimate(None, None)
        source = beyond(SOURCE, each.fields["optimizer"] == "sgd")
        common = {"source": source, "setting": each.fields}
        claims.append(
            judge(
                slope,
                (None, 0.0),
                statement="Larger networks need less data to generalise.",
                quantity="slope of log examples needed against log effective size",
                **common,
            )
        )
        claims.append(
            judge(
                each.train_change,
                (None, 0.0),
                statement="The training error falls with the amount of data.",
                quantity="log(train loss at most / at least data), mean over widths",
                **common,
            )
        )
    return claims
