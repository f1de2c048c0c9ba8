"""The duality of data and features: the loss with both exchanged [B21, Fig. S6]."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.keep import Keep, forget
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
TITLE = "Duality of data and features: the loss against one, with the other fixed"
CAPTION = (
    "Draws the loss against the number of data points, with the number of features "
    "fixed (filled circles), and against the number of features, with the number of "
    "data points fixed (open squares): means over draws with one s.e.m. Lines are "
    "theory from the spectrum alone, the same for both. At the dotted line the two "
    "numbers are equal; there the small ridge shows the peak of double descent, whose "
    "mean depends on few draws."
)
SAME_LOSS = 0.05


class Options(NamedTuple):
    """Options of the measurement.

    Attributes:
        features: images, network and draws.
        fixed: P in the curves over data, and D in the curves over features.
        sizes: D and P, ascending.
        ridges: r of |f - y|^2 + r |theta|^2, summed over points, ascending. The first
            is the small ridge; the ridge of the least loss is the tuned ridge.
    """

    features: FeatureOptions = FeatureOptions()
    fixed: Sequence[int] = (50, 200)
    sizes: Sequence[int] = (10, 20, 35, 50, 70, 100, 140, 200, 300, 500, 1000)
    ridges: Sequence[float] = (1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7)


class DualCurves(NamedTuple):
    """L(D, P) over one of D and P with the other fixed, and the other way round.

    Attributes:
        fixed: the fixed number.
        ridge: the ridge; None for the best ridge at every size.
        sizes: [sizes].
        over_data: [sizes, draws] at P = fixed.
        over_features: [sizes, draws] at D = fixed.
        theory: [sizes] theory from the spectrum alone, the same for both.
        ratio: geometric mean over sizes of (L over data) / (L over features).
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
        pool_size: pool size of the images.
        small: curves at the small ridge.
        tuned: curves at the best ridge.
        exchange_error: `exchange_error` of the features.
    """

    pool_size: int
    small: DualCurves
    tuned: DualCurves
    exchange_error: float


def study(
    options: Options,
    population: Population,
    track: Track = quiet,
    keep: Keep = forget,
) -> Result:
    """Returns the loss over data and over features, with claims that both are equal.

    Args:
        options: options of the measurement.
        population: the images.
        track: shows the progress.
        keep: keeps pool sizes when they are measured.
    """
    panels: list[Panel] = []
    for pool_size in track(options.features.pool_sizes, "pool sizes"):
        measure = partial(_measure_pool, options, population, pool_size, track)
        panels += keep(f"pooled-by-{pool_size}", measure)
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
    features = make_features(inputs, options.features).astype(float)
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
    """Measures L(size, fixed) and L(fixed, size) at the smallest and the best ridge.

    Training points are distinct members of the population, Pi has iid standard normal
    entries.

    Args:
        features: [N, S] features of the population.
        eigenvalues: [S] eigenvalues of their C.
        fixed: P over data, D over features.
        sizes: D and P, ascending.
        ridges: ascending, > 0. The first is the small ridge; the best is one of all.
        draws: number of draws of points and Pi together.
        seed: seed of the draws.
        track: shows the progress.

    Returns:
        Curves at the small ridge and at the tuned ridge.
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
    """Returns a claim for each ridge: loss over data equals loss over features."""
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
            quantity="(loss over data) / (loss over features), mean over sizes",
        )
        for each in curves
    ]


def _mean_ratio(over_data: np.ndarray, over_features: np.ndarray) -> float:
    logs = np.log(over_data.mean(axis=1) / over_features.mean(axis=1))
    return float(np.exp(logs.mean()))


def _square_root(features: Float[Array, "N S"]) -> Float[Array, "S S"]:
    """Returns sqrt(S) R with R^T R = C, the features of S inputs with the same C."""
    population, pool = features.shape
    triangle = jnp.linalg.qr(features, mode="r")
    return triangle * (pool / population) ** 0.5
