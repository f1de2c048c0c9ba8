"""Learning teachers' and real labels by infinitely wide networks [B21, Fig. S8]."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.exponents import PowerLaw, exponent_gap, fit_power_law
from scaletime_jax.studies.draws import measure_draws
from scaletime_jax.studies.feature_pool import drawn_modes
from scaletime_jax.theory.infinite_width import infinite_width_kernels
from scaletime_jax.theory.kernel_theory import learning_curve
from scaletime_jax.theory.random_features import (
    label_losses_over_data,
    losses_over_data,
)
from scaletime_jax.track import Track, quiet

# Name, kernel and activation of each kernel of the figure.
KERNELS = (
    ("NNGP, ReLU", "nngp", "relu"),
    ("NTK, ReLU", "ntk", "relu"),
    ("NTK, erf", "ntk", "erf"),
)
DRAWN_MODES = 300  # of a spectrum's tail, equally spaced on a log axis
LEAST_SHARE = 1e-4  # of the trace beyond a mode that is drawn
BIN = 1.4  # the last mode of a bin by its first, where coefficients are averaged


class Targets(NamedTuple):
    """L(D) of targets of second moment 1, with the theory.

    Attributes:
        losses: [sizes, draws].
        theory: [sizes].
        law: power law of the losses.
        moments: [modes] w_i^2, the squared coefficients of the targets. They are equal
            for a teacher. The theory depends on no other property of the targets.
    """

    losses: np.ndarray
    theory: np.ndarray
    law: PowerLaw
    moments: np.ndarray


class KernelStudy(NamedTuple):
    """One kernel on a population.

    Attributes:
        name: name in words.
        sizes: [sizes] D.
        eigenvalues: [modes] of K / N, largest first, summing to 1.
        teacher: results for a teacher's targets, w_i^2 = 1.
        labels: results for real labels, one-hot and centred.
    """

    name: str
    sizes: np.ndarray
    eigenvalues: np.ndarray
    teacher: Targets
    labels: Targets


class TargetsCurve(NamedTuple):
    """The drawn numbers of `Targets`.

    Attributes:
        losses: [sizes, draws].
        theory: [sizes].
        exponent: exponent of the losses; None without a fit.
        modes: [bins] i, geometric means over bins of equal width in log i.
        moments: [bins] means of w_i^2.
    """

    losses: np.ndarray
    theory: np.ndarray
    exponent: float | None
    modes: np.ndarray
    moments: np.ndarray


class KernelCurves(NamedTuple):
    """The drawn numbers of a kernel on a population.

    Attributes:
        name: name in words.
        sizes: [sizes] D.
        modes: [points] i, equally spaced on a log axis, where the share is not tiny.
        share_beyond: [points] share of the trace beyond mode i.
        teacher: numbers of a teacher's targets.
        labels: numbers of real labels.
    """

    name: str
    sizes: np.ndarray
    modes: np.ndarray
    share_beyond: np.ndarray
    teacher: TargetsCurve
    labels: TargetsCurve


def curves_of(study: KernelStudy) -> KernelCurves:
    """Returns the drawn numbers of a kernel, a few hundred."""
    beyond = 1 - np.cumsum(study.eigenvalues)
    drawn = max(1, int(np.sum(beyond > LEAST_SHARE)))
    modes = drawn_modes(drawn, DRAWN_MODES)
    return KernelCurves(
        study.name,
        study.sizes,
        modes,
        beyond[modes - 1],
        _targets_curve(study.teacher),
        _targets_curve(study.labels),
    )


def _targets_curve(targets: Targets) -> TargetsCurve:
    logs = np.log(np.arange(1, len(targets.moments) + 1))
    bins = (logs / np.log(BIN)).astype(int)
    each = [bins == number for number in np.unique(bins)]
    return TargetsCurve(
        targets.losses,
        targets.theory,
        targets.law.exponent.value,
        np.array([np.exp(logs[inside].mean()) for inside in each]),
        np.array([targets.moments[inside].mean() for inside in each]),
    )


def study_kernel(
    name: str,
    kernel: Float[Array, "N N"],
    targets: Float[np.ndarray, "N outputs"],
    sizes: Sequence[int],
    draws: int,
    seed: int,
    track: Track = quiet,
) -> KernelStudy:
    """Measures L(D) of ridgeless regression with a kernel.

    A kernel on N inputs is a kernel of N features, the rows of its root. Training
    points are distinct members of the population.

    Args:
        name: name in words.
        kernel: [N, N] positive definite.
        targets: [N, outputs] of second moment 1.
        sizes: D, ascending, below N.
        draws: number of draws of training sets.
        seed: seed of the draws.
        track: shows the progress.
    """
    eigenvalues, vectors = (x[..., ::-1] for x in np.linalg.eigh(np.asarray(kernel)))
    return study_modes(
        name, np.maximum(eigenvalues, 0), vectors, targets, sizes, draws, seed, track
    )


def study_modes(
    name: str,
    eigenvalues: np.ndarray,
    vectors: Float[np.ndarray, "N modes"],
    targets: Float[np.ndarray, "N outputs"],
    sizes: Sequence[int],
    draws: int,
    seed: int,
    track: Track = quiet,
) -> KernelStudy:
    """Measures L(D) of ridgeless regression with a kernel, given by its modes.

    The part of the targets outside the modes cannot be learned. The theory treats it as
    noise that is independent of the features.

    Args:
        name: name in words.
        eigenvalues: [modes] of K, largest first, >= 0.
        vectors: [N, modes] orthonormal eigenvectors.
        targets: [N, outputs] of second moment 1.
        sizes: D, ascending, below the number of modes.
        draws: number of draws of training sets.
        seed: seed of the draws.
        track: shows the progress.
    """
    (population, modes), at = vectors.shape, jnp.array(sizes) - 1
    wanted = jnp.asarray(targets)
    eigenvalues = eigenvalues / eigenvalues.sum()
    features = jnp.asarray(vectors * np.sqrt(population * eigenvalues))

    def draw(key):
        order = jax.random.permutation(key, population)[: sizes[-1]]
        points = features[order]
        teacher = modes * losses_over_data(points, population_features=features)
        labels = label_losses_over_data(points, wanted[order], features, wanted)
        return teacher[at], labels[at]

    stream = jax.random.fold_in(jax.random.key(3), seed)
    found = measure_draws(draw, stream, draws, track, name)
    coefficients = vectors.T @ np.asarray(targets) / np.sqrt(population)
    moments = np.mean(coefficients**2, axis=1) / np.maximum(eigenvalues, 1e-300)
    rest = max(0.0, 1 - float(np.sum(eigenvalues * moments)))
    x = np.array(sizes, float)
    made = []
    for losses, each, noise in zip(
        found, (np.ones(modes), moments), (0.0, rest), strict=True
    ):
        losses = losses.T
        theory = np.asarray(learning_curve(eigenvalues, each, x, noise=noise))
        made.append(Targets(losses, theory, fit_power_law(x, losses), each))
    return KernelStudy(name, x, eigenvalues, *made)


def judge_kernels(studies: Sequence[KernelStudy], setting: dict) -> list[Claim]:
    """Returns a claim for each kernel: teachers' targets have the larger exponent."""
    return [
        judge(
            exponent_gap(each.sizes, each.teacher.losses, each.labels.losses),
            (0.0, None),
            source=beyond("[B21, Fig. S8]", setting["dataset"] == "cifar10"),
            statement="Teachers' targets are learned faster than real labels.",
            setting={**setting, "kernel": each.name},
            quantity="exponent on teachers' targets - on real labels",
        )
        for each in studies
    ]


def study_kernels(
    inputs: Float[Array, "N d"],
    targets: Float[np.ndarray, "N outputs"],
    depth: int,
    sizes: Sequence[int],
    draws: int,
    seed: int,
    track: Track = quiet,
) -> list[KernelStudy]:
    """Returns the result of `study_kernel` for each kernel of KERNELS."""
    inputs, studies = inputs.astype(float), []
    for name, kind, activation in track(KERNELS, "kernels"):
        kernels = infinite_width_kernels(inputs, inputs, depth, activation)
        kernel = getattr(kernels, kind)
        studies.append(study_kernel(name, kernel, targets, sizes, draws, seed, track))
    return studies
