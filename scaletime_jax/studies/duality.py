"""Data for features, features for data: the loss with both exchanged [B21, Fig. S6]."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.theory.kernel_theory import exchange
from scaletime_jax.theory.random_features import teacher_student_loss
from scaletime_jax.theory.student_curve import student_curve

SAME_LOSS = 0.05


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


def measure_duality(
    features: Float[Array, "N S"],
    eigenvalues: np.ndarray,
    fixed: int,
    sizes: Sequence[int],
    ridges: Sequence[float],
    draws: int,
    seed: int,
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

    Returns:
        Curves at the small ridge, and at the tuned one.
    """
    population, pool = features.shape
    root = _square_root(features)
    most = max(sizes[-1], fixed)

    def draw(features, root, ridges, key):
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

    keys = jax.random.split(jax.random.fold_in(jax.random.key(4), seed), draws)
    run = jax.jit(lambda f, r, at, ks: jax.lax.map(lambda k: draw(f, r, at, k), ks))
    found = [np.asarray(x) for x in run(features, root, jnp.array(ridges), keys)]
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
        curve = theory[:, 0] if ridge is not None else theory.min(axis=1)
        ratio = jackknife(_mean_ratio, data, other)
        taken = np.array(ridges)[at]
        known = np.array(sizes), data, other, curve, ratio, taken
        made.append(DualCurves(fixed, ridge, *known))
    return made[0], made[1]


def exchange_error(features: Float[Array, "N S"], seed: int) -> float:
    """Returns the largest relative error of L(D, P) = L(P, D) of the dual problem.

    Exact but for rounding, whatever the features: no theory is in it.
    """
    key = jax.random.fold_in(jax.random.key(5), seed)
    part, errors = features[:300], []
    for number, (points, students) in enumerate(((20, 40), (60, 30))):
        keys = jax.random.split(jax.random.fold_in(key, number))
        order = jax.random.permutation(keys[0], len(part))[:points]
        sample = jnp.eye(len(part), dtype=part.dtype)[order]
        projection = jax.random.normal(keys[1], (students, part.shape[1]), part.dtype)
        one, other = (
            teacher_student_loss(a @ f, pi, population_features=f)
            for a, pi, f in (
                (sample, projection, part),
                exchange(sample, projection, part),
            )
        )
        errors.append(float(jnp.abs(other / one - 1)))
    return max(errors)


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
