"""How many examples networks can fit, against their number of parameters."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.arguments import Values, require, require_positive, require_shape
from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import final_over, least_over
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import check_shares
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.lines import MIN_SIZES, straight_line
from scaletime_jax.stats.local_exponents import (
    LocalExponents,
    exponent_rows,
    is_straight,
    local_exponents,
    single_slope,
)
from scaletime_jax.studies.result import Result

NAME = "effective_size"
TITLE = "Appendix B: number of examples that a network fits, against its parameters"
CAPTION = (
    "The capacity of each seed over the number of parameters. Capacity is the "
    "largest number of examples with a final training error of at most 1/n of the "
    "chance error. Open triangles are bounds, not values. Grey dashes grow as the "
    "cube root."
)
OVERVIEW = (
    "The local exponent of capacity in the number of parameters, between "
    "neighbouring sizes, in each setting, with simultaneous 95% intervals. A "
    "setting without a point has no two neighbouring sizes whose capacities were "
    "measured."
)
SOURCE = "[BF24, App. B]"
# Stands for an error of 0, whose logarithm would be infinite.
LEAST_RATIO = 1e-12
# Shares of the chance error to be removed for examples to count as fitted, beside the
# paper's 1 - 1/n, which grows with the number of examples.
SHARES = (0.9, 0.99, 0.999)
# Largest distance from 1/3 at which the claim holds.
RESOLUTION = 0.1


class Capacity(NamedTuple):
    """The most training points that a network fits.

    Attributes:
        train_size: number of examples at which the final training error crosses the
            limit.
        bound: 'exact' if the crossing is within the sweep; 'above' if every size was
            fitted (train_size is the largest size); 'below' if no size was fitted
            (train_size is the smallest size).
    """

    train_size: float
    bound: str


class NetworkCapacity(NamedTuple):
    """The capacities of one width.

    Attributes:
        width: the scale parameter s.
        num_params: trainable parameters.
        seeds: capacity of each seed, from the train sizes at which the seed did not
            diverge.
    """

    width: int
    num_params: int
    seeds: dict[int, Capacity]

    @property
    def exact(self) -> dict[int, float]:
        """Capacities of the seeds whose capacity lies within the sweep."""
        return {k: c.train_size for k, c in self.seeds.items() if c.bound == "exact"}


class CapacityStudy(NamedTuple):
    """The capacities of one setting.

    Attributes:
        fields: the setting.
        share: share of the chance error to be removed for examples to count as fitted;
            None for the paper's 1 - 1/n.
        networks: one for each width, by increasing width.
        exponent: exponent of mean capacity (mean of logs over seeds) against
            num_params, for the seeds that all widths have, over the widths at which
            all these seeds are exact. No value for fewer than three such widths, or
            where the curve bends.
        line: the fit as [2, networks]: num_params and capacity.
        exponents: exponents between neighbouring sizes, for the same seeds and widths;
            None for fewer than two widths.
    """

    fields: dict
    share: float | None
    networks: list[NetworkCapacity]
    exponent: Estimate
    line: np.ndarray
    exponents: LocalExponents | None


def study(
    runs: Runs,
    threshold: float | None = None,
    shares: Sequence[float] = SHARES,
    best: bool = False,
) -> Result:
    """Returns the number of examples that networks fit, per setting and width.

    Args:
        runs: runs of networks of several train sizes, with their training loss.
        threshold: chance error, the loss of a constant guess; if None the loss for
            equally frequent classes.
        shares: shares of the chance error to be removed, beside the paper's 1 - 1/n.
            Claims are made for 1 - 1/n only.
        best: takes the least training error of a run instead of the final training
            error, which can contain spikes of Adam.

    Raises:
        InputError: the runs are logs, which lack the guessing loss, and threshold is
            None; a share is not between 0 and 1; or the runs have a single train size.
    """
    chance = runs.thresholds(threshold)
    studies = study_capacity(runs.table, chance, check_shares(shares), best)
    papers = [each for each in studies if each.share is None]
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(papers),
        {"capacity": _points(studies)},
        {"studies": [_summarise(each) for each in studies]},
        {"studies": papers},
        [],
        overview=OVERVIEW,
    )


def _points(studies: list[CapacityStudy]) -> list[dict]:
    """Returns the plotted points."""
    return [
        {
            **each.fields,
            "share": each.share,
            "width": network.width,
            "num_params": network.num_params,
            "capacity": seed.train_size,
            "bound": seed.bound,
        }
        for each in studies
        for network in each.networks
        for seed in network.seeds.values()
    ]


def _summarise(each: CapacityStudy) -> dict:
    bounds = [c.bound for n in each.networks for c in n.seeds.values()]
    return {
        **each.fields,
        "share": each.share,
        "exponent": each.exponent._asdict(),
        "local_exponents": exponent_rows(each.exponents, "num_params"),
        **{bound: bounds.count(bound) for bound in ("exact", "above", "below")},
    }


def study_capacity(
    table: pd.DataFrame,
    chance: Mapping[str, float],
    shares: Sequence[float] = (),
    best: bool = False,
) -> list[CapacityStudy]:
    """Measures the capacity of each network in the table by its final training loss.

    Args:
        table: one row per run and evaluation.
        chance: loss of a constant guess, by dataset.
        shares: shares of the chance error to be removed, beside the paper's 1 - 1/n.
        best: takes the least training error of a run instead of the final one.

    Raises:
        InputError: the table has a single train size.
    """
    if table.train_size.nunique() < 2:
        raise InputError(
            "capacity needs several train sizes, and all runs have train_size "
            f"{table.train_size.iloc[0]}; give more train sizes.",
            train_size=None,
        )
    studies = []
    for fields, rows in split_table(table, setting_of(table)):
        error = chance[fields["dataset"]]
        for share in (None, *shares):
            widths = rows.groupby("width")
            networks = [_measure(runs, error, share, best) for _, runs in widths]
            studies.append(CapacityStudy(fields, share, networks, *_fit(networks)))
    return studies


def _measure(runs: pd.DataFrame, chance: float, share: float | None, best: bool):
    """Returns the NetworkCapacity of one width."""
    error_over = least_over if best else final_over
    found = error_over(runs, "train_size", "train_loss")
    seeds = {seed: found[seed][np.isfinite(found[seed])] for seed in found}
    return NetworkCapacity(
        int(runs.width.iloc[0]),
        int(runs.num_params.iloc[0]),
        {
            seed: measure_capacity(
                errors.index.to_numpy(), errors.to_numpy(), chance, share
            )
            for seed, errors in seeds.items()
            if len(errors)
        },
    )


def measure_capacity(
    train_sizes: Values,
    train_errors: Values,
    chance_error: float,
    share: float | None = None,
) -> Capacity:
    """Returns the largest n at which the final training error is small enough.

    "The maximum number of training points that can be fit" [BF24, App. B] is made
    precise as the n at which error(n) / limit(n) crosses 1 for the last time, where
    the limit is chance_error / n, or (1 - share) chance_error. The logarithm of the
    ratio is interpolated linearly in log n between the sizes of the sweep.

    Args:
        train_sizes: [sizes] n, increasing.
        train_errors: [sizes] final training errors, >= 0.
        chance_error: error of a constant guess, > 0.
        share: share of the chance error to be removed; None for 1 - 1/n.

    Raises:
        InputError: shapes do not match, sizes do not increase, errors are not numbers.
    """
    sizes, errors = np.asarray(train_sizes, float), np.asarray(train_errors, float)
    require_shape("train_errors", errors, sizes.shape)
    require(sizes.ndim == 1 and sizes.size > 0, "train_sizes must be a vector.")
    require_positive("train_sizes", sizes)
    require(bool(np.all(np.diff(sizes) > 0)), "train_sizes must increase.")
    require(
        bool(np.all(errors >= 0) and np.isfinite(errors).all()),
        "train_errors must be finite and 0 or more.",
    )
    require_positive("chance_error", chance_error)
    left = 1 / sizes if share is None else 1 - share
    ratio = np.maximum(errors / (left * chance_error), LEAST_RATIO)
    excess = np.log(ratio)  # fitted where the excess is 0 or less
    fitted = np.flatnonzero(excess <= 0)
    if fitted.size == 0:
        return Capacity(float(sizes[0]), "below")
    last = fitted[-1]
    if last == len(sizes) - 1:
        return Capacity(float(sizes[-1]), "above")
    share = -excess[last] / (excess[last + 1] - excess[last])
    low, high = np.log(sizes[last : last + 2])
    return Capacity(float(np.exp(low + share * (high - low))), "exact")


def _fit(
    networks: list[NetworkCapacity],
) -> tuple[Estimate, np.ndarray, LocalExponents | None]:
    """Returns the exponent, line and exponents of a CapacityStudy."""
    seeds = sorted(set.intersection(*(set(n.seeds) for n in networks)))
    whole = [n for n in networks if seeds and set(seeds) <= set(n.exact)]
    if len(whole) < 2:
        return Estimate(None, None), np.empty((2, 0)), None
    params = np.array([n.num_params for n in whole], float)
    logs = np.log([[n.exact[seed] for seed in seeds] for n in whole])
    between = local_exponents(params, np.exp(logs))
    if len(whole) < MIN_SIZES or not is_straight(between.bend):
        return Estimate(None, None), np.empty((2, 0)), between

    def exponent(logs):
        means = logs.mean(axis=1)
        # centred, so that rounding of the mean does not enter the slope
        return straight_line(np.log(params), means - means.mean()).slope

    estimate, means = jackknife(exponent, logs), logs.mean(axis=1)
    slope, x = exponent(logs), np.log(params)
    line = np.exp(means.mean() + slope * (x - x.mean()))
    return estimate, np.stack([params, line]), between


def make_claims(studies: list[CapacityStudy]) -> list[Claim]:
    """Returns a claim for each setting: the exponent is 1/3."""
    return [
        judge(
            each.exponent,
            (1 / 3 - RESOLUTION, 1 / 3 + RESOLUTION),
            source=SOURCE,
            statement="Capacity grows as the cube root of the number of parameters.",
            setting=each.fields,
            quantity="exponent of capacity against number of parameters",
            note=single_slope(each.exponents)[1],
        )
        for each in studies
    ]
