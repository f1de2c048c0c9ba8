"""Figures 2 and 7 of [BF24]: training time against size at a fixed loss."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import epochs_to_threshold
from scaletime_jax.runs.fields import describe, setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.estimates import Estimate, u_depth
from scaletime_jax.stats.lines import MIN_SIZES, LineFit, fit_columns, fit_line
from scaletime_jax.studies.result import Result
from scaletime_jax.theory.effective_size import cube_root_size

NAME = "tradeoff"
TITLE = "Figures 2 and 7: least epochs to a test loss against network size"
CAPTION = (
    "Draws epochs to the threshold against effective size, a panel a setting. Darker "
    "curves have more training data; bands are one s.e.m. over seeds; grey dashes are "
    "lines of 1:1 exchange. An open triangle is a lower bound: some of the runs there "
    "never reached the threshold."
)
# How far from -1 a slope still is one to one.
RESOLUTION = 0.15


class Point(NamedTuple):
    """The runs of one width.

    Attributes:
        width: the scale parameter s.
        num_params: trainable parameters.
        effective_size: their cube root.
        epochs_mean: mean epochs to the threshold of the runs that reached it, or None.
        epochs_sem: its standard error; None for fewer than two runs.
        epochs_at_least: mean over all runs, where those that never reached the
            threshold count with the epochs they ran: a lower bound.
        reached: runs that reached it.
        censored: runs that did not.
    """

    width: int
    num_params: int
    effective_size: float
    epochs_mean: float | None
    epochs_sem: float | None
    epochs_at_least: float
    reached: int
    censored: int


class TradeoffCurve(NamedTuple):
    """Least epochs to the threshold against size, everything else fixed.

    Attributes:
        fields: what the runs share.
        threshold: of the test loss.
        fit: through widths at which every seed reached it; None for fewer than three.
        depth: of a U of log epochs over those widths.
        points: one a width.
    """

    fields: dict
    threshold: float
    fit: LineFit | None
    depth: Estimate
    points: list[Point]

    @property
    def reached(self) -> int:
        """Runs that reached the threshold."""
        return sum(point.reached for point in self.points)

    @property
    def censored(self) -> int:
        """Runs that never did."""
        return sum(point.censored for point in self.points)


def study(runs: Runs, threshold: float | None = None) -> Result:
    """Returns how epochs to a test loss depend on size, per setting and train size.

    Args:
        runs: of networks of several widths.
        threshold: test loss to fall below; if None that of guessing.

    Raises:
        InputError: logs do not say what guessing costs, or a run is below the threshold
            when first evaluated.
    """
    curves = fit_tradeoff(runs.table, runs.thresholds(threshold))
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(curves),
        _tables(curves),
        {"curves": [_summarise(curve) for curve in curves]},
        {"curves": curves},
        [_censored(curve) for curve in curves if curve.censored],
    )


def panel_of(curve: TradeoffCurve) -> tuple:
    """Returns what the curves of one panel share: all but the train size."""
    return tuple(v for k, v in curve.fields.items() if k != "train_size")


def _tables(curves: list[TradeoffCurve]) -> dict[str, list[dict]]:
    """Returns the plotted points of each panel, named for a file."""
    tables: dict[str, list[dict]] = {}
    for curve in curves:
        name = re.sub(r"[^\w.]+", "-", "-".join(str(v) for v in panel_of(curve)))
        points = tables.setdefault(f"tradeoff-{name}", [])
        points += [{**curve.fields, **point._asdict()} for point in curve.points]
    return tables


def _summarise(curve: TradeoffCurve) -> dict:
    return {
        **curve.fields,
        "threshold": curve.threshold,
        **fit_columns(curve.fit),
        "reached": curve.reached,
        "censored": curve.censored,
        "points": [point._asdict() for point in curve.points],
    }


def _censored(curve: TradeoffCurve) -> str:
    runs = curve.reached + curve.censored
    return (
        f"{describe(curve.fields)}: {curve.censored} of {runs} runs never reached "
        f"{curve.threshold:.4g}"
    )


def fit_tradeoff(
    table: pd.DataFrame, thresholds: dict[str, float]
) -> list[TradeoffCurve]:
    """Returns a curve for each setting and train size in the run table.

    Args:
        table: one row per run and evaluation.
        thresholds: of the test loss, by dataset.

    Raises:
        InputError: a run is below its threshold before it is trained.
    """
    curves = []
    for dataset, rows in table.groupby("dataset", sort=True):
        threshold = thresholds[str(dataset)]
        runs = epochs_to_threshold(rows, threshold)
        untrained = runs[runs.epochs == 0]
        if len(untrained):
            raise InputError(
                f"threshold {threshold:g}: {len(untrained)} of {len(runs)} runs on "
                f"{dataset} are below it before training; choose a lower one."
            )
        at_first = runs[runs.epochs == runs.first_epoch]
        if len(at_first):
            raise InputError(
                f"{len(at_first)} of {len(runs)} runs on {dataset} are below the "
                f"threshold {threshold:g} when first evaluated, at epoch "
                f"{at_first.first_epoch.iloc[0]:g}; record it earlier.",
                record="both",
            )
        for fields, group in split_table(runs, (*setting_of(table), "train_size")):
            curves.append(_fit_curve(fields, threshold, group))
    return curves


def _fit_curve(fields: dict, threshold: float, runs: pd.DataFrame) -> TradeoffCurve:
    grid = runs.pivot(index="width", columns="seed", values="epochs")  # [width, seed]
    ran = runs.pivot(index="width", columns="seed", values="epochs_run").notna()
    grid = grid.loc[:, ran.all(axis=0)]  # seeds that all widths have
    points = [_point(rows) for _, rows in runs.groupby("width", sort=True)]
    everywhere = grid.notna().all(axis=1).to_numpy() & (grid.shape[1] > 0)
    fit, rise = None, Estimate(None, None)
    if everywhere.sum() >= MIN_SIZES:
        sizes = np.array([p.effective_size for p in points])[everywhere]
        epochs = grid.to_numpy()[everywhere]
        fit, rise = fit_line(sizes, epochs), u_depth(np.log(epochs))
    return TradeoffCurve(fields, threshold, fit, rise, points)


def make_claims(curves: list[TradeoffCurve]) -> list[Claim]:
    """Returns a claim a curve, that size and time trade 1:1, and Adam's upturn."""
    claims = []
    for curve in curves:
        adam = curve.fields["optimizer"] == "adam"
        fit, fields = curve.fit, curve.fields
        claims.append(
            judge(
                Estimate(fit.slope, fit.slope_ci) if fit else Estimate(None, None),
                (-1 - RESOLUTION, -1 + RESOLUTION),
                source=beyond("[BF24, Fig. 2]", not adam),
                statement="Size and training time trade one to one.",
                setting=fields,
                quantity="slope of log epochs against log effective size",
            )
        )
        if adam:
            claims.append(
                judge(
                    curve.depth,
                    (0.0, None),
                    source="[BF24, Fig. 7]",
                    statement="With Adam, epochs first fall with size, then rise.",
                    setting=fields,
                    quantity="depth of a U of log epochs over the sizes measured",
                )
            )
    return claims


def _point(runs: pd.DataFrame) -> Point:
    epochs = runs.epochs.dropna().to_numpy()
    num_params = int(runs.num_params.iloc[0])
    sem = epochs.std(ddof=1) / np.sqrt(epochs.size) if epochs.size > 1 else None
    return Point(
        width=int(runs.width.iloc[0]),
        num_params=num_params,
        effective_size=float(cube_root_size(num_params)),
        epochs_mean=float(epochs.mean()) if epochs.size else None,
        epochs_sem=None if sem is None else float(sem),
        epochs_at_least=float(runs.epochs.fillna(runs.epochs_run).mean()),
        reached=int(epochs.size),
        censored=len(runs) - int(epochs.size),
    )
