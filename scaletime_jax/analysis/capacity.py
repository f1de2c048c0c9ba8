"""How many examples networks can fit, against their number of parameters."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.analysis.curves import final_over
from scaletime_jax.analysis.estimates import Claim, Estimate, judge
from scaletime_jax.analysis.runs import SETTING, split_table
from scaletime_jax.errors import InputError
from scaletime_jax.theory.effective_size import (
    Capacity,
    ExponentFit,
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
        seeds: what each seed fits, 'exact' or a bound.
    """

    width: int
    num_params: int
    seeds: list[Capacity]

    @property
    def exact(self) -> list[float]:
        """Of the seeds whose capacity lies within the sweep."""
        return [seed.train_size for seed in self.seeds if seed.bound == "exact"]


class CapacityStudy(NamedTuple):
    """One setting.

    Attributes:
        fields: the setting.
        networks: by width, in order.
        fit: capacity against num_params over widths all of whose seeds are exact; None
            for fewer than three of them.
        line: the fit as [2, networks]: num_params and capacity.
    """

    fields: dict
    networks: list[NetworkCapacity]
    fit: ExponentFit | None
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
    final = final_over(runs, "train_size", "train_loss").dropna(axis="columns")
    sizes = final.index.to_numpy()
    return NetworkCapacity(
        int(runs.width.iloc[0]),
        int(runs.num_params.iloc[0]),
        [measure_capacity(sizes, final[seed].to_numpy(), chance) for seed in final],
    )


def _fit(networks: list[NetworkCapacity]) -> tuple[ExponentFit | None, np.ndarray]:
    whole = [n for n in networks if n.seeds and len(n.exact) == len(n.seeds)]
    if len(whole) < 3:
        return None, np.empty((2, 0))
    pairs = [(n.num_params, capacity) for n in whole for capacity in n.exact]
    params, capacities = np.array(pairs, float).T
    fit = fit_exponent(params, capacities)
    constant = np.mean(np.log(capacities) - fit.exponent * np.log(params))
    return fit, np.stack([params, np.exp(constant) * params**fit.exponent])


def make_claims(studies: list[CapacityStudy]) -> list[Claim]:
    """Returns a claim a setting: the exponent is 1/3."""
    return [
        judge(
            Estimate(study.fit.exponent, study.fit.exponent_ci)
            if study.fit
            else Estimate(None, None),
            (1 / 3 - RESOLUTION, 1 / 3 + RESOLUTION),
            source=SOURCE,
            statement="What a network fits grows as the cube root of its parameters.",
            setting=study.fields,
            quantity="exponent of capacity against number of parameters",
        )
        for study in studies
    ]
