"""Error against the number of training examples, for networks of several sizes."""

from collections.abc import Sequence
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
from scaletime_jax.runs.guessing import SHARES, Level, of_record
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.lines import LineFit, fit_columns
from scaletime_jax.stats.local_exponents import (
    LocalExponents,
    exponent_rows,
    local_exponents,
    single_slope,
)
from scaletime_jax.studies.controls import beside, find_floors
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.theory.effective_size import cube_root_size

NAME = "data_scaling"
TITLE = "Figures 5 and 8: test and train error against the amount of data"
CAPTION = (
    "First two panels: final test and train loss over train size; darker curves "
    "are wider networks; bands are one s.e.m. over seeds; the dotted line is the "
    "test loss of record, and the dashed line the control, the mean of all runs "
    "with shuffled labels. Third panel: the local exponent of the examples "
    "needed, between neighbouring sizes, one line for each share of the guessing "
    "loss removed, with simultaneous 95% intervals; the paper says below 0, the "
    "dotted line."
)
OVERVIEW = (
    "Left: the local exponent, in size, of the examples needed, between "
    "neighbouring sizes, with simultaneous 95% intervals. Right: the change of "
    "the training loss from the least to the most data, the mean over widths, "
    "with its 95% interval. A setting without a point needs none of the train "
    "sizes, or the least."
)
TRAIN_CHANGE = "log(train loss at most / at least data), mean over widths"
SOURCE = "[BF24, Fig. 5, 8]"  # with SGD [BF24, C.3]


class WidthCurve(NamedTuple):
    """Final errors of one width over train size.

    Attributes:
        width: the scale parameter s.
        effective_size: cube root of the number of parameters.
        test: test loss over train size.
        train: training loss over train size.
        needed: number of examples, by seed, at which the test loss first falls below
            the threshold, log-linear between trained sizes. NaN if the loss never falls
            below the threshold (censored), or is below it at the smallest size.
        never: number of censored seeds.
        at_once: number of seeds below the threshold at the smallest size.
    """

    width: int
    effective_size: float
    test: Curve
    train: Curve
    needed: dict[int, float]
    never: int
    at_once: int


class DataScaling(NamedTuple):
    """The curves of one setting.

    Attributes:
        fields: the setting.
        share: share of the guessing loss that the threshold removes; None for a
            threshold given as a loss.
        threshold: threshold of the test loss.
        curves: one curve for each width, by increasing width.
        exponents: exponents of examples needed against effective size, for the seeds
            that all widths have, over the widths at which all these seeds reached the
            threshold; None for fewer than two such widths.
        train_change: mean over widths of log(train loss at the largest size / at the
            smallest).
        control: final test loss of all runs with shuffled labels; None without such
            runs.
    """

    fields: dict
    share: float | None
    threshold: float
    curves: list[WidthCurve]
    exponents: LocalExponents | None
    train_change: Estimate
    control: Curve | None

    @property
    def fit(self) -> LineFit | None:
        """The line through three or more widths; None if the curve is not straight."""
        return self.exponents.fit if self.exponents else None


def study(
    runs: Runs, threshold: float | None = None, shares: Sequence[float] = SHARES
) -> Result:
    """Returns the losses as functions of train size, per setting and width.

    Claims are made at the paper's threshold, the loss of guessing equally frequent
    classes, and at the share nearest to `guessing.RECORD`; or at the given threshold.

    Args:
        runs: runs of networks of several train sizes, with their training loss.
        threshold: the only threshold of the test loss; if None the thresholds of the
            paper and of `shares`.
        shares: shares of the guessing loss to be removed.

    Raises:
        InputError: the guessing loss is not known, or a share is not between 0 and 1.
    """
    made = scale_data(runs.table, runs.levels(threshold, shares), runs.controls)
    floors = find_floors(runs.table, runs.controls)
    record = None if threshold is not None else of_record(shares)
    shown = [each for each in made if each.share == record]
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims([each for each in made if each.share in (None, record)]),
        {
            **{split: _points(shown, split) for split in ("test", "train")},
            "exponents": [row for each in made for row in _local(each)],
        },
        {
            "share_of_record": record,
            "controls": [floor.row for floor in floors],
            "settings": [_summarise(each) for each in made],
        },
        {"made": made, "record": record},
        [floor.words for floor in floors],
        overview=OVERVIEW,
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
        "share": each.share,
        "threshold": each.threshold,
        **fit_columns(each.fit),
        "local_exponents": _local(each),
        "bend": each.exponents.bend._asdict() if each.exponents else None,
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


def _local(each: DataScaling) -> list[dict]:
    """Returns the local exponents as rows."""
    at = {**each.fields, "share": each.share, "threshold": each.threshold}
    return [{**at, **row} for row in exponent_rows(each.exponents)]


def scale_data(
    table: pd.DataFrame,
    levels: Sequence[Level],
    controls: pd.DataFrame | None = None,
) -> list[DataScaling]:
    """Returns the curves of each setting in the table, at each level.

    Args:
        table: one row per run and evaluation.
        levels: thresholds of the test loss.
        controls: a table like `table` of runs with shuffled labels.

    Raises:
        InputError: the guessing loss is not known.
    """
    made = []
    for fields, runs in split_table(table, setting_of(table)):
        change, control = _train_change(runs), _control(runs, controls, fields)
        for level in levels:
            loss = level.loss(runs)
            curves = [_width_curve(each, loss) for _, each in runs.groupby("width")]
            found = fields, level.share, loss, curves, _exponents(curves)
            made.append(DataScaling(*found, change, control))
    return made


def _control(
    runs: pd.DataFrame, controls: pd.DataFrame | None, fields: dict
) -> Curve | None:
    mine = beside(runs, controls, fields)
    if mine is None:
        return None
    last = mine.loc[mine.groupby("run_id").epoch.idxmax()]
    return summarise_seeds(
        last.pivot(index="train_size", columns=["width", "seed"], values="test_loss")
    )


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


def _exponents(curves: list[WidthCurve]) -> LocalExponents | None:
    seeds = sorted(set.intersection(*(set(c.needed) for c in curves)))
    grid = np.array([[c.needed[seed] for seed in seeds] for c in curves])
    usable = np.isfinite(grid).all(axis=1)
    if not seeds or usable.sum() < 2:
        return None
    sizes = np.array([c.effective_size for c in curves])
    return local_exponents(sizes[usable], grid[usable])


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
    """Returns two claims: examples needed fall with size, training error with data."""
    claims: list[Claim] = []
    for each in made:
        source = beyond(SOURCE, each.fields["optimizer"] == "sgd")
        at = {"share": each.share, "threshold": each.threshold}
        slope, note = single_slope(each.exponents)
        claims.append(
            judge(
                slope,
                (None, 0.0),
                source=source,
                statement="Larger networks need less data to generalise.",
                setting={**each.fields, **at},
                quantity="slope of log examples needed against log effective size",
                note=note,
            )
        )
        # the same for all thresholds
        if all(claim.setting != each.fields for claim in claims):
            claims.append(
                judge(
                    each.train_change,
                    (None, 0.0),
                    source=source,
                    statement="The training error falls with the amount of data.",
                    setting=each.fields,
                    quantity=TRAIN_CHANGE,
                )
            )
    return claims
