"""Error against the number of training examples, for networks of several sizes."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.analysis.curves import (
    Curve,
    final_over,
    first_crossing,
    summarise_seeds,
)
from scaletime_jax.analysis.estimates import Claim, Estimate, jackknife, judge
from scaletime_jax.analysis.runs import SETTING, split_table
from scaletime_jax.analysis.tradeoff import MIN_SIZES, LineFit, fit_line
from scaletime_jax.theory.effective_size import cube_root_size

SOURCE = "[BF24, Fig. 5, 8]"


class WidthCurve(NamedTuple):
    """Final errors of one width over train size.

    Attributes:
        width: the scale parameter s.
        effective_size: cube root of the number of parameters.
        test: test loss over train size.
        train: training loss over train size.
        needed: [seeds] examples at which the test loss first falls below the
            threshold, log-linear between sizes; NaN where it never does (censored) or
            does at the smallest size already.
        never: seeds of the former kind.
        at_once: seeds of the latter kind.
    """

    width: int
    effective_size: float
    test: Curve
    train: Curve
    needed: np.ndarray
    never: int
    at_once: int


class DataScaling(NamedTuple):
    """One setting's curves.

    Attributes:
        fields: the setting.
        threshold: of the test loss.
        curves: by width, in order.
        fit: examples needed against effective size, over widths all of whose seeds
            reached the threshold; None for fewer than three of them.
        train_change: mean over widths of log(train loss at the largest size / at the
            smallest).
    """

    fields: dict
    threshold: float
    curves: list[WidthCurve]
    fit: LineFit | None
    train_change: Estimate


def scale_data(
    table: pd.DataFrame, thresholds: Mapping[str, float]
) -> list[DataScaling]:
    """Returns the curves of each setting in the table.

    Args:
        table: one row per run and evaluation.
        thresholds: of the test loss, by dataset.
    """
    made = []
    for fields, rows in split_table(table, SETTING):
        threshold = thresholds[fields["dataset"]]
        curves = [_width_curve(r, threshold) for _, r in rows.groupby("width")]
        made.append(
            DataScaling(fields, threshold, curves, _fit(curves), _train_change(rows))
        )
    return made


def _width_curve(runs: pd.DataFrame, threshold: float) -> WidthCurve:
    test = final_over(runs, "train_size", "test_loss")
    log_size = np.log(test.index.to_numpy(float))
    crossings = np.array(
        [first_crossing(log_size, test[seed].to_numpy(), threshold) for seed in test]
    )
    at_once = crossings == log_size[0]
    return WidthCurve(
        width=int(runs.width.iloc[0]),
        effective_size=float(cube_root_size(runs.num_params.iloc[0])),
        test=summarise_seeds(test),
        train=summarise_seeds(final_over(runs, "train_size", "train_loss")),
        needed=np.exp(np.where(at_once, np.nan, crossings)),
        never=int(np.isnan(crossings).sum()),
        at_once=int(at_once.sum()),
    )


def _fit(curves: list[WidthCurve]) -> LineFit | None:
    usable = [c for c in curves if np.isfinite(c.needed).all()]
    if len(usable) < MIN_SIZES or len({len(c.needed) for c in usable}) > 1:
        return None
    sizes = np.array([c.effective_size for c in usable])
    return fit_line(sizes, np.stack([c.needed for c in usable]))


def _train_change(rows: pd.DataFrame) -> Estimate:
    curves = [
        final_over(r, "train_size", "train_loss") for _, r in rows.groupby("width")
    ]
    ends = [curve.iloc[[0, -1]].to_numpy() for curve in curves if len(curve) > 1]
    if not ends or len({end.shape for end in ends}) > 1:
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
        common = {"source": SOURCE, "setting": each.fields}
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
