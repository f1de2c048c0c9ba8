"""Gaussian features with a power-law spectrum: exponents of loss and spectrum."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.stats.claims import Claim
from scaletime_jax.stats.exponents import PowerLaw, fit_power_law
from scaletime_jax.stats.spectra import SpectralFit, fit_spectrum, judge_decay
from scaletime_jax.theory.kernel_theory import learning_curve, power_law_curve
from scaletime_jax.theory.random_features import (
    losses_over_data,
    losses_over_features,
)


class Planted(NamedTuple):
    """Losses with lambda_i = i^-(1 + exponent).

    Attributes:
        exponent: the planted exponent.
        sizes: [sizes] D and P.
        over_data: [sizes, draws] L(D).
        over_features: [sizes, draws] L(P), from separate draws.
        theory: [sizes] theory from the spectrum.
        asymptote: [sizes] the power law that theory tends to for S to infinity.
        data_law: power law of L(D).
        features_law: power law of L(P).
        theory_law: power law of the theory.
        spectrum: alpha_K over the same modes.
    """

    exponent: float
    sizes: np.ndarray
    over_data: np.ndarray
    over_features: np.ndarray
    theory: np.ndarray
    asymptote: np.ndarray
    data_law: PowerLaw
    features_law: PowerLaw
    theory_law: PowerLaw
    spectrum: SpectralFit


def measure_planted(
    exponent: float, num_features: int, sizes: Sequence[int], draws: int, seed: int
) -> Planted:
    """Measures L(D) and L(P) where C is known exactly.

    Features are sqrt(lambda_i) z_i with iid standard normal z; Pi has iid standard
    normal entries.

    Args:
        exponent: a > 0.
        num_features: S, far above all sizes for the exponents to agree.
        sizes: D and P, ascending, below S.
        draws: number of draws of points, and of Pi.
        seed: seed of the draws.
    """
    variances = jnp.arange(1, num_features + 1.0) ** -(1 + exponent)
    at, most = jnp.array(sizes) - 1, sizes[-1]

    def draw(key):
        data_key, student_key = jax.random.split(key)
        shape = most, num_features
        points = jax.random.normal(data_key, shape) * jnp.sqrt(variances)
        projection = jax.random.normal(student_key, shape)
        return (
            losses_over_data(points, covariance=variances)[at],
            losses_over_features(projection, covariance=variances)[at],
        )

    keys = jax.random.split(jax.random.fold_in(jax.random.key(2), seed), draws)
    found = jax.jit(lambda keys: jax.lax.map(draw, keys))(keys)
    over_data, over_features = (np.asarray(each).T for each in found)
    x = np.array(sizes, float)
    theory = np.asarray(learning_curve(variances, 1 / num_features, x))
    return Planted(
        exponent,
        x,
        over_data,
        over_features,
        theory,
        np.asarray(power_law_curve(exponent, x, num_features)),
        fit_power_law(x, over_data),
        fit_power_law(x, over_features),
        fit_power_law(x, theory[:, None]),
        fit_spectrum(np.asarray(variances), sizes[0], most),
    )


def judge_planted(planted: Planted) -> list[Claim]:
    """Returns claims that loss and spectrum have the same exponent."""
    setting = {"spectrum": f"planted i^-{1 + planted.exponent:g}"}
    alpha_k = planted.spectrum.exponent
    laws = {"alpha_D": planted.data_law, "alpha_P": planted.features_law}
    return [
        judge_decay(name, law.exponent, alpha_k, setting) for name, law in laws.items()
    ]
