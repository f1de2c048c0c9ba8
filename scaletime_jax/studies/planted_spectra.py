"""Gaussian features with a power-law spectrum: exponents of loss and spectrum."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.stats.claims import Claim
from scaletime_jax.stats.exponents import PowerLaw, fit_power_law
from scaletime_jax.stats.spectra import SpectralFit, fit_spectrum, judge_decay
from scaletime_jax.studies.draws import measure_draws
from scaletime_jax.theory.kernel_theory import learning_curve, power_law_curve
from scaletime_jax.theory.random_features import (
    losses_over_data,
    losses_over_features,
)
from scaletime_jax.track import Track, quiet


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
    exponents: Sequence[float],
    num_features: int,
    sizes: Sequence[int],
    draws: int,
    seed: int,
    track: Track = quiet,
) -> list[Planted]:
    """Measures L(D) and L(P) where C is known exactly, for each planted exponent.

    Features are sqrt(lambda_i) z_i with iid standard normal z; Pi has iid standard
    normal entries. All exponents have the same z and Pi.

    Args:
        exponents: a > 0.
        num_features: S, far above all sizes for the exponents to agree.
        sizes: D and P, ascending, below S.
        draws: number of draws of points, and of Pi.
        seed: seed of the draws.
        track: shows the progress.
    """
    modes = np.arange(1, num_features + 1.0)
    spectra = np.stack([modes ** -(1 + exponent) for exponent in exponents])
    at, most = jnp.array(sizes) - 1, sizes[-1]

    def draw(key, spectra):
        data_key, student_key = jax.random.split(key)
        shape = most, num_features
        normal = jax.random.normal(data_key, shape, spectra.dtype)
        projection = jax.random.normal(student_key, shape, spectra.dtype)
        losses = [
            (
                losses_over_data(normal * jnp.sqrt(each), covariance=each)[at],
                losses_over_features(projection, covariance=each)[at],
            )
            for each in spectra
        ]
        return tuple(map(jnp.stack, zip(*losses, strict=True)))

    stream = jax.random.fold_in(jax.random.key(2), seed)
    variances = spectra.astype(np.float32)
    found = measure_draws(draw, stream, draws, track, "planted spectra", variances)
    over_data, over_features = (np.moveaxis(each, 0, -1) for each in found)
    return [
        _planted(*each, np.array(sizes, float))
        for each in zip(exponents, spectra, over_data, over_features, strict=True)
    ]


def _planted(exponent, spectrum, over_data, over_features, sizes) -> Planted:
    """Returns the losses [sizes, draws] of one exponent with theory and fits."""
    theory = np.asarray(learning_curve(spectrum, 1 / len(spectrum), sizes))
    return Planted(
        exponent,
        sizes,
        over_data,
        over_features,
        theory,
        np.asarray(power_law_curve(exponent, sizes, len(spectrum))),
        fit_power_law(sizes, over_data),
        fit_power_law(sizes, over_features),
        fit_power_law(sizes, theory[:, None]),
        fit_spectrum(spectrum, int(sizes[0]), int(sizes[-1])),
    )


def judge_planted(planted: Planted) -> list[Claim]:
    """Returns claims that loss and spectrum have the same exponent."""
    setting = {"spectrum": f"planted i^-{1 + planted.exponent:g}"}
    alpha_k = planted.spectrum.exponent
    laws = {"alpha_D": planted.data_law, "alpha_P": planted.features_law}
    return [
        judge_decay(name, law.exponent, alpha_k, setting) for name, law in laws.items()
    ]
