"""Does the best learning rate of a small network fit a large one?"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, over_seeds
from scaletime_jax.studies.result import Result, rows

NAME = "rate_transfer"
TITLE = "Transfer of the learning rate over widths, with muP and without"
CAPTION = (
    "First panels, one for each parameterisation: the test loss at the end of training "
    "over the learning rate, darker for wider networks: the geometric mean over seeds, "
    "with one standard error. Marks at the bottom are the best rates. Last panel: the "
    "best rate of each width, with its 95% interval over seeds; filled with muP, open "
    "without; the band is a factor of 2 about the best rate of the narrowest network "
    "with muP. A best rate is the lowest point of a parabola through the lowest loss "
    "and two neighbours on each side, in logarithms; a rate at which a run diverged is "
    "left out."
)
OVERVIEW = "The best learning rate of the widest network, by that of the narrowest."
SOURCE = "[Yang et al. 2022, Fig. 1]"
STATEMENTS = {
    "mup": "With muP the best learning rate is the same at all widths.",
    "standard": "Without muP the best learning rate falls as the width grows.",
}
# Of log2(best rate of the widest / of the narrowest network).
WITHIN = {"mup": (-1.0, 1.0), "standard": (None, -1.0)}
QUANTITY = "log2 of the best rate at the largest width over that at the smallest"
MIN_RATES = 3
AROUND = 2  # points of the parabola on each side of the lowest


class Width(NamedTuple):
    """Losses of networks of one width over the learning rate.

    Attributes:
        width: the scale parameter.
        rates: [rates] at which no run diverged.
        losses: [rates, seeds] at the end of training.
        best: log2 of the best rate.
        diverged: rates at which a run diverged.
    """

    width: int
    rates: Float[np.ndarray, "rates"]
    losses: Float[np.ndarray, "rates seeds"]
    best: Estimate
    diverged: tuple[float, ...]


class Transfer(NamedTuple):
    """The widths of one setting and parameterisation.

    Attributes:
        fields: setting and train size, without parameterisation.
        parameterisation: 'standard' or 'mup'.
        widths: in order.
        drift: log2 of the best rate of the widest network over that of the narrowest.
        note: why there is no drift; '' where there is one.
    """

    fields: dict
    parameterisation: str
    widths: list[Width]
    drift: Estimate
    note: str


def study(runs: Runs) -> Result:
    """Returns the best learning rate at each width, per setting and parameterisation.

    Args:
        runs: of several widths and learning rates, of equal length.

    Raises:
        InputError: as `check_grid`.
    """
    check_grid(runs.table)
    made = list(_measure(runs.table))
    return Result(
        NAME,
        TITLE,
        CAPTION,
        [_claim(each) for each in made],
        {
            "losses": [row for each in made for row in _losses(each)],
            "best": [row for each in made for row in _best(each)],
        },
        {"transfers": [_summarise(each) for each in made]},
        {"made": made},
        [],
        overview=OVERVIEW,
    )


def check_grid(planned: pd.DataFrame) -> None:
    """Refuses, before training, runs in which no best rate can be seen.

    Args:
        planned: the identity of each run.

    Raises:
        InputError: a setting has one width, or fewer than three learning rates.
    """
    for _, mine in split_table(planned, _names(planned)):
        if mine.width.nunique() < 2:
            raise InputError(
                "transfer needs two widths or more, got one; add widths.", width=None
            )
        number = mine.learning_rate.nunique()
        if number < MIN_RATES:
            raise InputError(
                f"a best learning rate needs {MIN_RATES} rates or more, got {number}; "
                "add learning rates.",
                learning_rate=None,
            )


def _names(table: pd.DataFrame) -> list[str]:
    """Returns the names of the fields that runs of one panel share."""
    left_out = "learning_rate", "parameterisation", "base_width"
    kept = [name for name in setting_of(table) if name not in left_out]
    return [*kept, "train_size", "parameterisation", "base_width"]


def _measure(table: pd.DataFrame) -> Iterator[Transfer]:
    by_run = table.groupby("run_id")
    table = table.assign(diverged=by_run.diverged.transform("any"))
    ends = table[table.step == by_run.step.transform("max")]
    for fields, mine in split_table(ends, _names(table)):
        parameterisation = fields.pop("parameterisation")
        del fields["base_width"]
        losses = {
            int(width): rows.pivot_table(
                index="learning_rate",
                columns="seed",
                values="test_loss",
                aggfunc="first",
                dropna=False,
            )
            for width, rows in mine.assign(
                test_loss=mine.test_loss.where(~mine.diverged)
            ).groupby("width")
        }
        shared = sorted(set.intersection(*(set(t.columns) for t in losses.values())))
        made = [_of_width(width, t[shared]) for width, t in sorted(losses.items())]
        drift, note = _drift(made)
        yield Transfer(fields, parameterisation, made, drift, note)


def _of_width(width: int, losses: pd.DataFrame) -> Width:
    """Returns the losses at the rates at which all runs went well."""
    whole = losses.notna().all(axis=1)
    kept = losses[whole]
    rates, values = kept.index.to_numpy(float), kept.to_numpy(float)
    lost = tuple(float(rate) for rate in losses.index[~whole])
    resamples = over_seeds(values.shape[1])
    best = resamples.estimate(_best_rates(rates, values, resamples.weights))
    return Width(width, rates, values, best, lost)


def _best_rates(
    rates: Float[np.ndarray, "rates"],
    losses: Float[np.ndarray, "rates seeds"],
    weights: Float[np.ndarray, "resamples seeds"],
) -> Float[np.ndarray, "resamples"]:
    """Returns log2 of the rate of the lowest mean log loss, for weights of seeds.

    It is the lowest point of the parabola, by least squares, through the lowest loss
    and up to AROUND points on each side, equally many, in logarithms; NaN where the
    lowest loss is at an end of the rates.
    """
    x, y = np.log2(rates), np.log(losses) @ weights.T
    found = np.full(y.shape[1], np.nan)
    for number, values in enumerate(y.T):
        low = int(np.argmin(values)) if len(values) else 0
        reach = min(low, len(values) - 1 - low, AROUND)
        if reach > 0:
            around = slice(low - reach, low + reach + 1)
            found[number] = _lowest_point(x[around], values[around])
    return found


def _lowest_point(
    x: Float[np.ndarray, "points"], y: Float[np.ndarray, "points"]
) -> float:
    """Returns where the parabola through points is lowest, within their range.

    Where the parabola has no lowest point it is the middle, which is the lowest loss.
    """
    middle = x[len(x) // 2]
    curvature, slope, _ = np.polyfit(x - middle, y, 2)
    if curvature <= 0:
        return float(middle)
    return float(np.clip(middle - slope / (2 * curvature), x[0], x[-1]))


def _drift(made: Sequence[Width]) -> tuple[Estimate, str]:
    """Returns how the best rate moves from the narrowest to the widest network."""
    ends = made[0], made[-1]
    for each in ends:
        if each.best.value is None:
            return Estimate(None, None), (
                f"at width {each.width} the lowest loss is at an end of the rates"
            )
    resamples = over_seeds(ends[0].losses.shape[1])
    narrow, wide = (
        _best_rates(each.rates, each.losses, resamples.weights) for each in ends
    )
    return resamples.estimate(wide - narrow), ""


def _claim(each: Transfer) -> Claim:
    return judge(
        each.drift,
        WITHIN[each.parameterisation],
        source=SOURCE,
        statement=STATEMENTS[each.parameterisation],
        setting=each.fields,
        quantity=QUANTITY,
        note=each.note,
    )


def _losses(each: Transfer) -> list[dict]:
    made = []
    for width in each.widths:
        logs = np.log(width.losses)
        seeds = logs.shape[1]
        error = logs.std(axis=1, ddof=1) / np.sqrt(seeds) if seeds > 1 else None
        made += rows(
            **each.fields,
            parameterisation=each.parameterisation,
            width=width.width,
            learning_rate=width.rates,
            test_loss=np.exp(logs.mean(axis=1)),
            relative_sem=error,
            seeds=seeds,
        )
    return made


def _best(each: Transfer) -> list[dict]:
    made = []
    for width in each.widths:
        value, interval, _ = width.best
        ends = (None, None) if interval is None else tuple(2.0 ** np.array(interval))
        made.append(
            {
                **each.fields,
                "parameterisation": each.parameterisation,
                "width": width.width,
                "best_rate": None if value is None else 2.0**value,
                "low": ends[0],
                "high": ends[1],
                "diverged_rates": len(width.diverged),
            }
        )
    return made


def _summarise(each: Transfer) -> dict:
    return {
        **each.fields,
        "parameterisation": each.parameterisation,
        "widths": [width.width for width in each.widths],
        "best_log2_rates": [width.best._asdict() for width in each.widths],
        "diverged_rates": [list(width.diverged) for width in each.widths],
        "drift": each.drift._asdict(),
        "note": each.note,
    }
