"""How many examples networks can fit, against their number of parameters."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.analysis.claims import Claim, judge
from scaletime_jax.analysis.curves import final_over
from scaletime_jax.analysis.estimates import Estimate, jackknife
from scaletime_jax.analysis.runs import SETTING, split_table
from scaletime_jax.analysis.tradeoff import MIN_SIZES
from scaletime_jax.errors import InputError
from scaletime_jax.theory.effective_size import (
    Capacity,
    fit_exponent,
    measure_capacity,
)

SOURCE = "[BF24, App. B]"
# How far from 1/3 the claim still holds.
RESOLUTION = 0.1


class NetworkCapacity(NamedTuple):
    """Of one width.

    Attributes:
        width: the scale parameter s.
        num_params: trainable parameters.
        seeds: what each seed fits, 'exact' or a bound; of the train sizes at which it
            did not diverge.
    """

    width: int
    num_params: int
    seeds: dict[int, Capacity]

    @property
    def exact(self) -> dict[int, float]:
        """Of the seeds whose capacity lies within the sweep."""
        return {k: c.train_size for k, c in self.seeds.items() if c.bound == "exact"}


class CapacityStudy(NamedTuple):
    """One setting.

    Attributes:
        fields: the setting.
        networks: by width, in order.
        exponent: of mean capacity (of logs, over seeds) against num_params, by the
            seeds that all widths have and over widths at which all of these are exact;
            no value for fewer than three of them.
        line: the fit as [2, networks]: num_params and capacity.
    """

    fields: dict
    networks: list[NetworkCapacity]
    exponent: Estimate
    line: np.ndarray


def study_capacity(
    table: pd.DataFrame, chance: Mapping[str, float]
) -> list[CapacityStudy]:
    """Measures the capacity of each network in the table by its final training loss.

    Args:
        table: one row per run and evaluation.
        chance: loss of a constant guess, by dataset.

    Raises:
        InputError: the table has a single train size.
    """
    if table.train_size.nunique() < 2:
        raise InputError(
            "capacity is measured across train sizes and all runs have train_size "
            f"{table.train_size.iloc[0]}; give several with --train_sizes."
        )
    studies = []
    for fields, rows in split_table(table, SETTING):
        error = chance[fields["dataset"]]
        networks = [_measure(runs, error) for _, runs in rows.groupby("width")]
        studies.append(CapacityStudy(fields, networks, *_fit(networks)))
    return studies


def _measure(runs: pd.DataFrame, chance: float) -> NetworkCapacity:
    final = final_over(runs, "train_size", "train_loss")
    seeds = {seed: final[seed][np.isfinite(final[seed])] for seed in final}
    return NetworkCapacity(
        int(runs.width.iloc[0]),
        int(runs.num_params.iloc[0]),
        {
            seed: measure_capacity(errors.index.to_numpy(), errors.to_numpy(), chance)
            for seed, errors in seeds.items()
            if len(errors)
        },
    )


def _fit(networks: list[NetworkCapacity]) -> tuple[Estimate, np.ndarray]:
    seeds = sorted(set.intersection(*(set(n.seeds) for n in networks)))
    whole = [n for n in networks if seeds and set(seeds) <= set(n.exact)]
    if len(whole) < MIN_SIZES:
        return Estimate(None, None), np.empty((2, 0))
    params = np.array([n.num_params for n in whole], float)
    logs = np.log([[n.exact[seed] for seed in seeds] for n in whole])

    def exponent(logs):
        return fit_exponent(params, np.exp(logs.mean(axis=1))).exponent

    estimate, means = jackknife(exponent, logs), logs.mean(axis=1)
    slope, x = exponent(logs), np.log(params)
    line = np.exp(means.mean() + slope * (x - x.mean()))
    return estimate, np.stack([params, line])


def make_claims(studies: list[CapacityStudy]) -> list[Claim]:
    """Returns a claim a setting: the exponent is 1/3."""
    return [
        judge(
            study.exponent,
            (1 / 3 - RESOLUTION, 1 / 3 + RESOLUTION),
            source=SOURCE,
            statement="What a network fits grows as the cube root of its parameters.",
            setting=study.fields,
            quantity="exponent of capacity against number of parameters",
        )
        for study in studies
    ]
