"""The four scaling regimes of linear students of random features [B21, Fig. 3]."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.exponents import (
    NEAR_ONE,
    PowerLaw,
    Regime,
    classify_regime,
    exponent_gap,
    fit_power_law,
    variance_sizes,
)
from scaletime_jax.stats.spectra import judge_decay
from scaletime_jax.studies.draws import measure_draws
from scaletime_jax.studies.feature_pool import Spectrum
from scaletime_jax.theory.kernel_theory import learning_curve, variance_limited_loss
from scaletime_jax.theory.random_features import (
    losses_over_data,
    losses_over_features,
    squares_of,
)
from scaletime_jax.theory.second_moment import moment_root
from scaletime_jax.theory.seen_projection import draw_projection
from scaletime_jax.theory.student_losses import student_losses
from scaletime_jax.track import Track, quiet

# Multiples of the fixed size beyond which only the order 1 / size matters.
FAR = 16
# Largest difference of the exponents over data and over features.
SAME_EXPONENT = 0.03


class Sizes(NamedTuple):
    """Sizes at which losses are measured.

    Attributes:
        resolved: D with all features, and P with all data, in the resolution-limited
            panels.
        fixed: P or D in the variance-limited panels.
        data: D in the variance-limited panel over data, above 2 `fixed`.
        features: P in the variance-limited panel over features, above 2 `fixed`.
    """

    resolved: Sequence[int]
    fixed: int
    data: Sequence[int]
    features: Sequence[int]


class Panel(NamedTuple):
    """The loss over data or over features.

    Attributes:
        over: 'data' or 'features'.
        sizes: [sizes] D or P.
        draws: [sizes] equivalent number of independent draws: D distinct images out of
            N count as 1 / (1 / D - 1 / N).
        losses: [sizes, draws], less the limit in the variance-limited panels.
        limits: [draws] the subtracted limits; 0 in the resolution-limited panels.
        theory: [sizes] the theory from the spectrum alone, or from the limits alone in
            the variance-limited panels.
        fitted: [sizes] whether the exponents are fitted to this size.
        law: the power law of the losses, against `draws`.
        theory_law: the power law of the theory, over the same sizes.
        regime: the regime of the losses.
    """

    over: str
    sizes: np.ndarray
    draws: np.ndarray
    losses: np.ndarray
    limits: np.ndarray
    theory: np.ndarray
    fitted: np.ndarray
    law: PowerLaw
    theory_law: PowerLaw
    regime: Regime

    @property
    def ratio(self) -> np.ndarray:
        """The ratio of measured loss to theory [sizes]."""
        return self.losses.mean(axis=1) / self.theory


class Regimes(NamedTuple):
    """The four panels of one population.

    Attributes:
        variance_data: L(D, P) - L(P) at fixed P.
        variance_features: L(D, P) - L(D) at fixed D.
        resolution_data: L(D).
        resolution_features: L(P).
    """

    variance_data: Panel
    variance_features: Panel
    resolution_data: Panel
    resolution_features: Panel


def measure_regimes(
    features: Float[Array, "N S"],
    eigenvalues: np.ndarray,
    sizes: Sizes,
    draws: int,
    seed: int,
    track: Track = quiet,
    words: str = "regimes",
) -> Regimes:
    """Draws training sets and students and measures the loss in all four regimes.

    Training points are distinct members of the population; Pi has iid normal entries,
    and is one for all panels but the variance-limited one over features.

    Args:
        features: [N, S] features of the population.
        eigenvalues: [S] eigenvalues of their C, for the theory.
        sizes: sizes at which losses are measured.
        draws: number of draws, which run one after another in one program.
        seed: seed of the draws.
        track: shows the progress.
        words: name of the draws.

    Raises:
        InputError: sizes do not fit the population.
    """
    population, pool = features.shape
    resolved, fixed = jnp.array(sizes.resolved) - 1, sizes.fixed

    def draw(key, features):
        order_key, student_key = jax.random.split(key)
        order = jax.random.permutation(order_key, population)
        shape = sizes.resolved[-1], pool
        projection = jax.random.normal(student_key, shape, features.dtype)
        points = features[order[: sizes.resolved[-1]]]
        over_data = losses_over_data(points, population_features=features)
        over_features = losses_over_features(projection, population_features=features)
        few = (features @ projection[:fixed].T).T
        with_data = student_losses(
            few, order[: sizes.data[-1]], sizes.data, population_features=features.T
        )
        large_key = jax.random.fold_in(student_key, 1)
        large = draw_projection(large_key, points[:fixed], sizes.features[-1])
        root = moment_root(features, None)
        squares = squares_of(points[:fixed], large, sizes.features, root, 0.0)
        with_features = squares / (2 * pool)
        limits = over_features[fixed - 1], over_data[fixed - 1]
        return (
            (with_data, limits[0]),
            (with_features, limits[1]),
            over_data[resolved],
            over_features[resolved],
        )

    stream = jax.random.fold_in(jax.random.key(1), seed)
    found = measure_draws(draw, stream, draws, track, words, features)
    theory = np.asarray(
        learning_curve(eigenvalues, 1 / pool, np.array(sizes.resolved, float))
    )
    return Regimes(
        _variance_panel("data", sizes.data, fixed, found[0], population),
        _variance_panel("features", sizes.features, fixed, found[1], np.inf),
        _resolution_panel("data", sizes.resolved, found[2], theory),
        _resolution_panel("features", sizes.resolved, found[3], theory),
    )


def make_claims(spectrum: Spectrum, regimes: Regimes, setting: dict) -> list[Claim]:
    """Returns the claims of [B21, Sec. 2.3] on the exponents."""
    claims = []
    for panel in (regimes.variance_data, regimes.variance_features):
        number = {"data": "D", "features": "P"}[panel.over]
        claims.append(
            judge(
                panel.law.exponent,
                (1 - NEAR_ONE, 1 + NEAR_ONE),
                source="[B21, Fig. 3]",
                statement="The excess loss of finite data or size falls as 1 / x.",
                setting=setting,
                quantity=f"variance-limited exponent in {number}",
            )
        )
    data, other = regimes.resolution_data, regimes.resolution_features
    claims.append(
        judge(
            exponent_gap(data.sizes, data.losses, other.losses),
            (-SAME_EXPONENT, SAME_EXPONENT),
            source="[B21, Eq. 7]",
            statement="Loss over data and over features share an exponent.",
            setting=setting,
            quantity="alpha_D - alpha_P",
        )
    )
    for panel, name in ((data, "alpha_D"), (other, "alpha_P")):
        measured = panel.law.exponent
        claims.append(judge_decay(name, measured, spectrum.exponent, setting))
    return claims


def _variance_panel(over, sizes, fixed, found, pool) -> Panel:
    """Returns the panel of losses [draws, sizes] and limits [draws]."""
    losses, limits = found
    sizes, excess = np.array(sizes), (losses - limits[:, None]).T
    independent = variance_sizes(sizes, pool)
    theory = np.asarray(
        variance_limited_loss(limits.mean(), fixed, sizes.astype(float), pool)
    )
    theory = theory - limits.mean()
    fitted = sizes >= FAR * fixed
    return Panel(
        over,
        sizes,
        independent,
        excess,
        limits,
        theory,
        fitted,
        fit_power_law(independent[fitted], excess[fitted]),
        fit_power_law(independent[fitted], theory[fitted, None]),
        classify_regime(independent[fitted], losses.T[fitted], limits),
    )


def _resolution_panel(over, sizes, losses, theory) -> Panel:
    """Returns the panel of losses [draws, sizes]."""
    sizes, losses = np.array(sizes), losses.T
    none = np.zeros(losses.shape[1])
    return Panel(
        over,
        sizes,
        sizes.astype(float),
        losses,
        none,
        theory,
        np.ones(len(sizes), bool),
        fit_power_law(sizes, losses),
        fit_power_law(sizes, theory[:, None]),
        classify_regime(sizes, losses, none),
    )
