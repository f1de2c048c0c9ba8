"""Data for features, features for data: the loss with both exchanged [B21, Fig. S6]."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.studies.draws import measure_draws
from scaletime_jax.studies.exchanged import exchange_error
from scaletime_jax.studies.feature_pool import (
    FeatureOptions,
    Population,
    make_features,
    make_inputs,
    measure_spectrum,
    pool_setting,
)
from scaletime_jax.studies.result import Result, finite, rows
from scaletime_jax.theory.random_features import teacher_student_loss
from scaletime_jax.theory.student_curve import student_curve
from scaletime_jax.track import Track, quiet

NAME = "duality"
TITLE = (
    "Data for features: the loss over either with the other fixed, and both exchanged"
)
CAPTION = (
    "Draws loss over data and over features, each with the other fixed. Filled circles "
    "are over data, open squares over features, means over draws with one s.e.m.; "
    "lines are theory, one for both, which knows the spectrum alone. Where they are as "
    "many as the fixed number, dotted, the small ridge leaves the peak of double "
    "descent, whose mean is ruled by few draws."
)
SAME_LOSS = 0.05


class Options(NamedTuple):
    """What is measured.

    Attributes:
        features: images, network and draws.
        fixed: P over data, and D over features.
        sizes: D and P, ascending.
        ridges: r of |f - y|^2 + r |theta|^2, summed over points, ascending; the least
            is the small one, the best of them is the tuned one.
    """

    features: FeatureOptions = FeatureOptions()
    fixed: Sequence[int] = (50, 200)
    sizes: Sequence[int] = (10, 20, 35, 50, 70, 100, 140, 200, 300, 500, 1000)
    ridges: Sequence[float] = (1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7)


class DualCurves(NamedTuple):
    """L(D, P) over one of D and P with the other fixed, and the other way round.

    Attributes:
        fixed: the one that is.
        ridge: None where it is the best one at every size.
        sizes: [sizes].
        over_data: [sizes, draws] at P = fixed.
        over_features: [sizes, draws] at D = fixed.
        theory: [sizes] that knows the spectrum alone, and is the same for both.
        ratio: mean over sizes of L over data by L over features, geometric.
        best: [2, sizes] the ridge taken, over data and over features.
    """

    fixed: int
    ridge: float | None
    sizes: np.ndarray
    over_data: np.ndarray
    over_features: np.ndarray
    theory: np.ndarray
    ratio: Estimate
    best: np.ndarray


class Panel(NamedTuple):
    """Both pairs of curves of one pool size and one fixed number.

    Attributes:
        pool_size: of the images.
        small: at the small ridge.
        tuned: at the best one.
        exchange_error: `exchange_error` of the features.
    """

    pool_size: int
    small: DualCurves
    tuned: DualCurves
    exchange_error: float


def study(options: Options, population: Population, track: Track = quiet) -> Result:
    """Returns the loss over data and over features, with claims that they are one.

    Args:
        options: what is measured.
        population: of images.
        track: told how far the study is.
    """
    panels: list[Panel] = []
    for pool_size in track(options.features.pool_sizes, "pool sizes"):
        panels += _measure_pool(options, population, pool_size, track)
    pairs = [(each, curves) for each in panels for curves in (each.small, each.tuned)]
    return Result(
        NAME,
        TITLE,
        CAPTION,
        [
            claim
            for each in panels
            for claim in make_claims(
                [each.small, each.tuned],
                pool_setting(population, options.features, each.pool_size),
            )
        ],
        {"duality": [row for panel, curves in pairs for row in _points(panel, curves)]},
        {"curves": [_summarise(panel, curves) for panel, curves in pairs]},
        {"panels": panels},
        [],
    )


def _measure_pool(
    options: Options, population: Population, pool_size: int, track: Track
) -> list[Panel]:
    """Returns a panel for each fixed number."""
    inputs = make_inputs(population.images, pool_size)
    features = make_features(inputs, options.features)
    eigenvalues = measure_spectrum(features).eigenvalues
    exact = exchange_error(features, options.features.seed)
    panels = []
    for fixed in options.fixed:
        small, tuned = measure_duality(
            features,
            eigenvalues,
            fixed,
            options.sizes,
            options.ridges,
            options.features.draws,
            options.features.seed,
            track,
        )
        panels.append(Panel(pool_size, small, tuned, exact))
    return panels


def _summarise(panel: Panel, curves: DualCurves) -> dict:
    data = curves.over_data.mean(axis=1)
    other = curves.over_features.mean(axis=1)
    return {
        "pool_size": panel.pool_size,
        "fixed": curves.fixed,
        "ridge": "tuned" if curves.ridge is None else curves.ridge,
        "data_over_features": curves.ratio._asdict(),
        "at_each_size": [float(x) for x in data / other],
        "measured_over_theory": {
            "over_data": [finite(x) for x in data / curves.theory],
            "over_features": [finite(x) for x in other / curves.theory],
        },
        "largest_error_of_exact_exchange": panel.exchange_error,
    }


def _points(panel: Panel, curves: DualCurves) -> list[dict]:
    """Returns the plotted points of one pair of curves."""
    points: list[dict] = []
    for over, losses, ridges in (
        ("data", curves.over_data, curves.best[0]),
        ("features", curves.over_features, curves.best[1]),
    ):
        points += rows(
            pooled=panel.pool_size,
            fixed=curves.fixed,
            tuned=curves.ridge is None,
            over=over,
            size=curves.sizes,
            ridge=ridges,
            mean=losses.mean(axis=1),
            sem=losses.std(axis=1, ddof=1) / losses.shape[1] ** 0.5,
            theory=curves.theory,
        )
    return points


def measure_duality(
    features: Float[Array, "N S"],
    eigenvalues: np.ndarray,
    fixed: int,
    sizes: Sequence[int],
    ridges: Sequence[float],
    draws: int,
    seed: int,
    track: Track = quiet,
) -> tuple[DualCurves, DualCurves]:
    """Measures L(size, fixed) and L(fixed, size) at the least ridge and at the best.

    Training points are distinct members of the population, Pi has iid standard normal
    entries.

    Args:
        features: [N, S] of the population.
        eigenvalues: [S] of their C.
        fixed: P over data, D over features.
        sizes: ascending.
        ridges: ascending, > 0: the first is the small one; the best is of all of them.
        draws: of points and Pi together.
        seed: of the draws.
        track: told how far this is.

    Returns:
        Curves at the small ridge, and at the tuned one.
    """
    population, pool = features.shape
    root = _square_root(features)
    most = max(sizes[-1], fixed)

    def draw(key, features, root, ridges):
        order_key, student_key = jax.random.split(key)
        points = features[jax.random.permutation(order_key, population)[:most]]
        projection = jax.random.normal(student_key, (most, pool), features.dtype)

        def loss(d, p):
            return jax.vmap(
                lambda ridge: teacher_student_loss(
                    points[:d], projection[:p], population_features=root, ridge=ridge
                )
            )(ridges)

        over_data = jnp.stack([loss(size, fixed) for size in sizes])
        return over_data, jnp.stack([loss(fixed, size) for size in sizes])

    stream = jax.random.fold_in(jax.random.key(4), seed)
    shared = features, root, jnp.array(ridges)
    found = measure_draws(draw, stream, draws, track, f"{fixed} fixed", *shared)
    theory = np.stack(
        [
            np.asarray(student_curve(eigenvalues, 1 / pool, np.array(sizes), fixed, r))
            for r in ridges
        ],
        axis=1,
    )
    first = np.zeros((2, len(sizes)), int)
    best = np.stack([each.mean(axis=0).argmin(axis=1) for each in found])
    made = []
    for at, ridge in ((first, ridges[0]), (best, None)):
        data, other = (
            np.take_along_axis(each, rows[None, :, None], axis=2)[..., 0].T
            for each, rows in zip(found, at, strict=True)
        )
        made.append(
            DualCurves(
                fixed,
                ridge,
                np.array(sizes),
                data,
                other,
                theory[:, 0] if ridge is not None else theory.min(axis=1),
                jackknife(_mean_ratio, data, other),
                np.array(ridges)[at],
            )
        )
    return made[0], made[1]


def make_claims(curves: Sequence[DualCurves], setting: dict) -> list[Claim]:
    """Returns whether loss over data is loss over features, ridge by ridge."""
    return [
        judge(
            each.ratio,
            (1 - SAME_LOSS, 1 + SAME_LOSS),
            source="[B21, Fig. S6]",
            statement="Data and features may be exchanged.",
            setting={
                **setting,
                "fixed": each.fixed,
                "ridge": "tuned ridge" if each.ridge is None else each.ridge,
            },
            quantity="loss over data by loss over features, mean over sizes",
        )
        for each in curves
    ]


def _mean_ratio(over_data: np.ndarray, over_features: np.ndarray) -> float:
    logs = np.log(over_data.mean(axis=1) / over_features.mean(axis=1))
    return float(np.exp(logs.mean()))


def _square_root(features: Float[Array, "N S"]) -> Float[Array, "S S"]:
    """Returns sqrt(S) R with R^T R = C: features of S inputs with the same C."""
    population, pool = features.shape
    triangle = jnp.linalg.qr(features, mode="r")
    return triangle * (pool / population) ** 0.5
