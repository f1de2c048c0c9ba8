"""Estimates of a manifold's dimension beside the true one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scaletime_jax.arguments import require_least
from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.intrinsic_dimension import (
    FARTHEST,
    NEIGHBOURS,
    RATIOS,
    extrapolated_dimension,
    likelihood_dimension,
    neighbour_distances,
    ratio_dimension,
)
from scaletime_jax.theory.manifolds import MANIFOLDS, sample_manifold, torus_in_space
from scaletime_jax.track import Track, quiet

CLOSE = 0.05
CLAIMED = 8  # largest dimension that is claimed
METHODS = ("ratios", "likelihood", "extrapolated")
PAPERS = "cube", "ratios"  # of which the paper says that they are close
# A cube's bias is of first order in the distance, a curved manifold's of second.
POWERS = {"cube": 1, "sphere": 2, "torus": 2}


class DimensionOptions(NamedTuple):
    """Options of the measurement.

    Attributes:
        dims: true dimensions.
        points: points of each draw.
        draws: independent draws of the points.
        seed: of the draws.
    """

    dims: Sequence[int] = (1, 2, 4, 6, 8, 10)
    points: int = 10_000
    draws: int = 5
    seed: int = 101


class Measured(NamedTuple):
    """Estimates over the true dimension.

    Attributes:
        manifold: its name; a torus lies on circles in twice as many dimensions.
        method: of `METHODS`.
        dims: [dims] true dimensions.
        ratios: estimate / d for each, with its interval over draws.
    """

    manifold: str
    method: str
    dims: np.ndarray
    ratios: list[Estimate]


def check_dimension_options(options: DimensionOptions) -> None:
    """Requires enough points for the farthest neighbours.

    Raises:
        InputError: there are too few points or draws, or a dimension is below 1.
    """
    require_least("manifold_dims", options.dims, 1)
    require_least("points", options.points, 2 * FARTHEST)
    require_least("dimension_draws", options.draws, 2)


def measure_dimensions(
    options: DimensionOptions, track: Track = quiet
) -> list[Measured]:
    """Estimates the dimension of every manifold, by every method.

    Args:
        options: of the measurement.
        track: shows the progress.
    """
    found = []
    for name in MANIFOLDS:
        values = np.zeros((len(METHODS), len(options.dims), options.draws))
        cases = [
            (at, draw)
            for at in range(len(options.dims))
            for draw in range(options.draws)
        ]
        for at, draw in track(cases, f"dimensions of the {name}, draws"):
            dim = options.dims[at]
            rng = np.random.default_rng([options.seed, dim, draw, ord(name[0])])
            values[:, at, draw] = _estimate(name, dim, options.points, rng)
        for method, each in zip(METHODS, values, strict=True):
            ratios = [
                jackknife(np.mean, row[None] / dim)
                for row, dim in zip(each, options.dims, strict=True)
            ]
            found.append(Measured(name, method, np.array(options.dims), ratios))
    return found


def _estimate(name: str, dim: int, count: int, rng: np.random.Generator) -> list[float]:
    points = sample_manifold(name, count, dim, rng)
    if name == "torus":
        points = torus_in_space(points)
    distances = neighbour_distances(points, FARTHEST)
    return [
        float(np.mean([ratio_dimension(distances, k) for k in RATIOS])),
        likelihood_dimension(distances, NEIGHBOURS),
        extrapolated_dimension(distances, POWERS[name]),
    ]


def judge_dimensions(found: Sequence[Measured], points: int) -> list[Claim]:
    """Returns the claims, up to d = 8, that estimates are within 5% of the truth."""
    return [
        judge(
            ratio,
            (1 - CLOSE, 1 + CLOSE),
            source=beyond("[B21, App. A.1]", (each.manifold, each.method) == PAPERS),
            statement=f"{points:,} points show their dimension, {WORDS[each.method]}.",
            setting={"manifold": each.manifold, "d": int(dim)},
            quantity="estimate / d",
        )
        for each in found
        for dim, ratio in zip(each.dims, each.ratios, strict=True)
        if dim <= CLAIMED
    ]


WORDS = {
    "ratios": "by ratios of distances",
    "likelihood": "by likelihood",
    "extrapolated": "extrapolated to near neighbours",
}
