"""Figures 2 and 7 of [BF24]: training time against size at a fixed loss."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import epochs_to_threshold
from scaletime_jax.runs.fields import describe, setting_of
from scaletime_jax.runs.guessing import SHARES, Level, of_record
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.estimates import Estimate, u_depth
from scaletime_jax.stats.lines import MIN_SIZES, TOO_FEW, LineFit, fit_columns
from scaletime_jax.stats.local_exponents import (
    LocalExponents,
    bend_p_value,
    exponent_rows,
    local_exponents,
    single_slope,
)
from scaletime_jax.studies.controls import beside, find_floors
from scaletime_jax.studies.later_levels import later_levels
from scaletime_jax.studies.result import Result
from scaletime_jax.theory.effective_size import cube_root_size
from scaletime_jax.words import file_part

NAME = "tradeoff"
TITLE = "Figures 2 and 7: least epochs to a test loss against network size"
CAPTION = (
    "Left: epochs to the test loss of record against effective size; darker "
    "curves have more training data; bands are one s.e.m. over seeds; grey dashes "
    "are lines of 1:1 exchange. An open triangle is a lower bound: some of the "
    "runs there never reached the loss. Crosses are the control, runs with "
    "shuffled labels, where they reach the loss. Right: the local exponent "
    "between neighbouring sizes at the largest train size, one line for each "
    "share of the guessing loss removed, with simultaneous 95% intervals; 1:1 "
    "exchange is the dotted line at -1, and the grey band is the resolution of "
    "the claim."
)
OVERVIEW = (
    "The local exponent of epochs in effective size, between neighbouring sizes "
    "at the largest train size of each setting, with simultaneous 95% intervals; "
    "one colour for each size. 1:1 exchange is -1."
)
# Largest distance from -1 at which a slope counts as one to one.
RESOLUTION = 0.15


class Point(NamedTuple):
    """The runs of one width.

    Attributes:
        width: the scale parameter s.
        num_params: trainable parameters.
        effective_size: cube root of num_params.
        epochs_mean: mean epochs to the threshold, over the runs that reached it; None
            without such runs.
        epochs_sem: standard error of the mean; None for fewer than two runs.
        epochs_at_least: mean over all runs, a lower bound: runs that never reached the
            threshold count with the epochs that they ran.
        reached: number of runs that reached the threshold.
        censored: number of runs that never reached the threshold.
    """

    width: int
    num_params: int
    effective_size: float
    epochs_mean: float | None
    epochs_sem: float | None
    epochs_at_least: float
    reached: int
    censored: int


class Control(NamedTuple):
    """Runs with shuffled labels for a curve, no longer than the curve's own runs.

    Attributes:
        points: one for each width.
        reached: number of runs that reached the threshold.
        runs: number of runs.
    """

    points: list[Point]
    reached: int
    runs: int


class TradeoffCurve(NamedTuple):
    """Least epochs to the threshold against size, everything else fixed.

    Attributes:
        fields: columns that the runs share.
        share: share of the guessing loss that the threshold removes; None for a
            threshold given as a loss.
        threshold: threshold of the test loss.
        exponents: exponents over the widths at which every seed reached the threshold;
            None for fewer than two such widths.
        depth: depth of a U of log epochs over these widths.
        points: one for each width.
        control: runs with shuffled labels; None without such runs.
    """

    fields: dict
    share: float | None
    threshold: float
    exponents: LocalExponents | None
    depth: Estimate
    points: list[Point]
    control: Control | None

    @property
    def fit(self) -> LineFit | None:
        """The line through three or more widths; None if the curve is not straight."""
        return self.exponents.fit if self.exponents else None

    @property
    def reached(self) -> int:
        """Number of runs that reached the threshold."""
        return sum(point.reached for point in self.points)

    @property
    def censored(self) -> int:
        """Number of runs that never reached the threshold."""
        return sum(point.censored for point in self.points)


def study(
    runs: Runs, threshold: float | None = None, shares: Sequence[float] = SHARES
) -> Result:
    """Returns epochs to a test loss against size, per setting and train size.

    Claims are made at the paper's threshold, the loss of guessing equally frequent
    classes, and at the share nearest to `guessing.RECORD`; or at the given threshold.

    Args:
        runs: runs of networks of several widths.
        threshold: the only threshold of the test loss; if None the thresholds of the
            paper and of `shares`.
        shares: shares of the guessing loss to be removed.

    Raises:
        InputError: the guessing loss is not known, a share is not between 0 and 1, or a
            run is below every threshold before training.
    """
    levels, left_out = later_levels(runs, runs.levels(threshold, shares))
    curves = fit_tradeoff(runs.table, levels, runs.controls)
    floors = find_floors(runs.table, runs.controls)
    record = None if threshold is not None else of_record(shares)
    judged = [curve for curve in curves if curve.share in (None, record)]
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(judged, runs.clock.plural),
        _tables(curves),
        {
            "share_of_record": record,
            "time": runs.clock.plural,
            "controls": [floor.row for floor in floors],
            "curves": [_summarise(curve) for curve in curves],
        },
        {"curves": curves, "record": record, "time": runs.clock.plural},
        left_out
        + [_censored(curve) for curve in judged if curve.censored]
        + [floor.words for floor in floors],
        overview=OVERVIEW,
    )


def panel_of(curve: TradeoffCurve) -> tuple:
    """Returns the fields that the curves of one panel share: all but the train size."""
    return tuple(v for k, v in curve.fields.items() if k != "train_size")


def _tables(curves: list[TradeoffCurve]) -> dict[str, list[dict]]:
    """Returns the plotted points of each panel, by file name."""
    tables: dict[str, list[dict]] = {}
    for curve in curves:
        name = file_part("-".join(str(v) for v in panel_of(curve)))
        at = {**curve.fields, "share": curve.share, "threshold": curve.threshold}
        points = tables.setdefault(f"tradeoff-{name}", [])
        points += [{**at, **point._asdict()} for point in curve.points]
        exponents = tables.setdefault(f"exponents-{name}", [])
        exponents += [{**at, **row} for row in _local(curve)]
    return tables


def _local(curve: TradeoffCurve) -> list[dict]:
    """Returns the local exponents as rows, with whether each may be one to one."""
    whole = [point.width for point in curve.points if not point.censored]
    rows = []
    for pair, row in enumerate(exponent_rows(curve.exponents)):
        between = {"from_width": whole[pair], "to_width": whole[pair + 1]}
        low, high = row["low"], row["high"]
        rows.append(
            {**between, **row, "one_to_one": low is not None and low <= -1 <= high}
        )
    return rows


def _summarise(curve: TradeoffCurve) -> dict:
    found = curve.exponents
    nothing = Estimate(None, None)
    bend = found.bend if found else nothing
    control = curve.control
    return {
        **curve.fields,
        "share": curve.share,
        "threshold": curve.threshold,
        **fit_columns(curve.fit),
        "local_exponents": _local(curve),
        "bend": {**bend._asdict(), "p_value": bend_p_value(bend)},
        "without_smallest": fit_columns(found.without_smallest if found else None),
        "reached": curve.reached,
        "censored": curve.censored,
        "control": control and {"reached": control.reached, "runs": control.runs},
        "points": [point._asdict() for point in curve.points],
    }


def _censored(curve: TradeoffCurve) -> str:
    runs = curve.reached + curve.censored
    return (
        f"{describe(curve.fields)}: {curve.censored} of {runs} runs never reached "
        f"{curve.threshold:.4g}"
    )


def fit_tradeoff(
    table: pd.DataFrame,
    levels: Sequence[Level],
    controls: pd.DataFrame | None = None,
) -> list[TradeoffCurve]:
    """Returns a curve for each level, setting and train size in the run table.

    Args:
        table: one row per run and evaluation.
        levels: thresholds of the test loss.
        controls: a table like `table` of runs with shuffled labels.

    Raises:
        InputError: a run is below its threshold before training, or the guessing loss
            is not known.
    """
    curves = []
    for fields, rows in split_table(table, (*setting_of(table), "train_size")):
        control = beside(rows, controls, fields)
        for level in levels:
            threshold = level.loss(rows)
            runs = epochs_to_threshold(rows, threshold)
            _check_crossings(runs, threshold, describe(fields))
            curve = _fit_curve(fields, threshold, runs)._replace(share=level.share)
            if control is not None:
                chance = _control(epochs_to_threshold(control, threshold))
                curve = curve._replace(control=chance)
            curves.append(curve)
    return curves


def _check_crossings(runs: pd.DataFrame, threshold: float, where: str) -> None:
    untrained = runs[runs.epochs == 0]
    if len(untrained):
        raise InputError(
            f"threshold {threshold:g}: {len(untrained)} of {len(runs)} runs of "
            f"{where} are below it before training; choose a lower threshold."
        )
    at_first = runs[runs.epochs == runs.first_epoch]
    if len(at_first):
        raise InputError(
            f"{len(at_first)} of {len(runs)} runs of {where} are below the "
            f"threshold {threshold:g} when first evaluated, at epoch "
            f"{at_first.first_epoch.iloc[0]:g}; record losses earlier.",
            record="both",
        )


def _control(runs: pd.DataFrame) -> Control:
    points = [_point(rows) for _, rows in runs.groupby("width", sort=True)]
    return Control(points, sum(point.reached for point in points), len(runs))


def _fit_curve(fields: dict, threshold: float, runs: pd.DataFrame) -> TradeoffCurve:
    grid = runs.pivot(index="width", columns="seed", values="epochs")  # [width, seed]
    ran = runs.pivot(index="width", columns="seed", values="epochs_run").notna()
    grid = grid.loc[:, ran.all(axis=0)]  # seeds present at all widths
    points = [_point(rows) for _, rows in runs.groupby("width", sort=True)]
    everywhere = grid.notna().all(axis=1).to_numpy() & (grid.shape[1] > 0)
    found, depth = None, Estimate(None, None)
    if everywhere.sum() > 1:
        sizes = np.array([p.effective_size for p in points])[everywhere]
        found = local_exponents(sizes, grid.to_numpy()[everywhere])
    if everywhere.sum() >= MIN_SIZES:
        depth = u_depth(np.log(grid.to_numpy()[everywhere]))
    return TradeoffCurve(fields, None, threshold, found, depth, points, None)


def make_claims(curves: list[TradeoffCurve], time: str = "epochs") -> list[Claim]:
    """Returns claims: size and time trade 1:1; with Adam, the time falls, then rises.

    Args:
        curves: the curves.
        time: the unit of time, in words.
    """
    claims = []
    for curve in curves:
        adam = curve.fields["optimizer"] == "adam"
        at = {"share": curve.share, "threshold": curve.threshold}
        what = {"setting": {**curve.fields, **at}}
        slope, note = single_slope(curve.exponents)
        claims.append(
            judge(
                slope,
                (-1 - RESOLUTION, -1 + RESOLUTION),
                source=beyond("[BF24, Fig. 2]", not adam),
                statement="Size and training time trade one to one.",
                quantity=f"slope of log {time} against log effective size",
                note=note,
                **what,
            )
        )
        if adam:
            claims.append(
                judge(
                    curve.depth,
                    (0.0, None),
                    source="[BF24, Fig. 7]",
                    statement=f"With Adam, {time} first fall with size, then rise.",
                    quantity=f"depth of a U of log {time} over the sizes measured",
                    note="" if curve.depth.value is not None else TOO_FEW,
                    **what,
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
