"""Draws in which the bound of Theorems 1 and 2 of [B21] is compared with the loss."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import beta

from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import CONFIDENCE, Estimate
from scaletime_jax.theory.manifolds import MANIFOLDS, sample_manifold
from scaletime_jax.theory.nearest_neighbour import lipschitz_bound, nearest_points
from scaletime_jax.theory.piecewise_linear import interpolate, slopes, triangulate
from scaletime_jax.theory.sine_teacher import draw_teacher, teach
from scaletime_jax.track import Track, quiet

TEST_POINTS = 100
SIZES = 20, 200  # D is log-uniform between them
ROUNDING = 1e-9  # of errors and distances, relative to a range of 1
SELDOM = 0.01


class BoundDraws(NamedTuple):
    """Losses and bounds of one kind of student.

    Attributes:
        student: 'nearest-neighbour' or 'piecewise-linear'.
        looseness: [draws] bound / loss, of means over test points; absolute loss.
        violated: [draws] whether one of the test points has an absolute or a squared
            loss above the bound.
    """

    student: str
    looseness: np.ndarray
    violated: np.ndarray


def draw_bounds(
    dims: Sequence[int], draws: int, seed: int, track: Track = quiet
) -> list[BoundDraws]:
    """Compares loss and bound at every test point of many small training sets.

    Manifolds and dimensions take turns. The loss |f - F| has K_L = 1, and the loss
    (f - F)^2 / 2 has K_L = the range of F, which |f - F| cannot exceed. K_f is 0 for
    the nearest-neighbour student (`nearest_points`), and the largest slope of the
    piecewise-linear one.

    Args:
        dims: d.
        draws: number of draws.
        seed: of the draws.
        track: shows the progress.
    """
    cases = [(name, dim) for dim in dims for name in MANIFOLDS]
    nearest: list[tuple[float, bool]] = []
    linear: list[tuple[float, bool]] = []
    streams = np.random.SeedSequence([seed, 1]).spawn(draws)
    for number in track(range(draws), "draws of the bound"):
        name, dim = cases[number % len(cases)]
        rng = np.random.default_rng(streams[number])
        size = max(int(np.exp(rng.uniform(*np.log(SIZES)))), 4 * dim)
        teacher = draw_teacher(name, dim, rng)
        train = sample_manifold(name, size, dim, rng)
        test = sample_manifold(name, TEST_POINTS, dim, rng)
        if name == "torus":  # all places are alike, and few need fewer images
            test = test / 2 + 0.25
        values, targets = teach(teacher, train), teach(teacher, test)
        near = nearest_points(name, train, test)
        gaps = np.abs(values[near.rows] - targets)
        nearest.append(_compare(gaps, near.distance, 0.0, teacher))
        found = triangulate(name, train, test)
        gaps = np.abs(interpolate(found, values) - targets)
        inside = np.isfinite(gaps)
        if inside.any():
            steepest = float(slopes(found, values).max())
            at = near.distance[inside]
            linear.append(_compare(gaps[inside], at, steepest, teacher))
    kinds = ("nearest-neighbour", nearest), ("piecewise-linear", linear)
    return [
        BoundDraws(kind, *map(np.array, zip(*each, strict=True)))
        for kind, each in kinds
    ]


def _compare(gaps, distances, student_constant, teacher) -> tuple[float, bool]:
    """Returns bound / loss, and whether a point violates the bound."""
    constants = student_constant, teacher.lipschitz
    bound = lipschitz_bound(1.0, *constants, distances)
    squared = lipschitz_bound(teacher.range, *constants, distances)
    over = (gaps > bound + ROUNDING) | (gaps**2 / 2 > squared + ROUNDING)
    return float(bound.mean() / gaps.mean()), bool(over.any())


def judge_draws(found: BoundDraws) -> Claim:
    """Returns the claim that the bound is not violated.

    The interval of the share is Clopper & Pearson's. A single violation makes the claim
    fail, because a theorem has no exceptions.
    """
    draws, broken = len(found.violated), int(found.violated.sum())
    tail = (1 - CONFIDENCE) / 2
    low = beta.ppf(tail, broken, draws - broken + 1) if broken else 0.0
    high = beta.ppf(1 - tail, broken + 1, draws - broken) if broken < draws else 1.0
    claim = judge(
        Estimate(broken / draws, (float(low), float(high))),
        (None, SELDOM),
        source="[B21, Theorems 1, 2]",
        statement="The loss is below the bound K_L (K_f + K_F) |x - x'|.",
        setting={"student": found.student},
        quantity="share of draws with a violation",
    )
    note = f"{broken} of {draws:,} draws"
    if broken:
        return claim._replace(verdict="fails", corrected="fails", note=note)
    return claim._replace(note=note)
