"""Figures S6, S7 and S8 (last column) of [B21]: linear students of learned features."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from scaletime_jax.data.features import LabelledFeatures
from scaletime_jax.keep import Keep, forget
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.exponents import (
    exponent_gap,
)
from scaletime_jax.stats.lines import straight_line
from scaletime_jax.studies.duality import SAME_LOSS
from scaletime_jax.studies.feature_pool import make_targets
from scaletime_jax.studies.four_regimes import SAME_EXPONENT
from scaletime_jax.studies.kernel_targets import (
    KernelStudy,
    curves_of,
    judge_kernels,
    study_modes,
)
from scaletime_jax.studies.label_curves import (
    Curve,
    Options,
    Panel,
    check,
    make_panel,
    measure_curves,
)
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.track import Track, quiet

NAME = "learned_features"
TITLE = "Figures S6, S7 and S8 of [B21]: linear students of learned features"
CAPTION = (
    "Linear students of the last hidden layer of a trained network learn the real "
    "labels of examples that the network has not seen. a to d: the loss over data or "
    "features with few of the other, less its limit (a, b), and with all of the other "
    "(c, d), at a small ridge (circles) and at the best ridge for each size (open "
    "squares); points are means over draws with one standard error, lines are fitted. "
    "e, f: the loss over data with the number of features fixed (filled) and over "
    "features with the number of data fixed (open). g to i: the same features with "
    "real labels (open, dashed) and with teachers (filled, solid), the spectrum, and "
    "the coefficients of the targets; lines in g are theory."
)
WITHIN_OF_ONE = 0.1  # of a variance-limited exponent
FLAT = 0.15  # largest exponent of coefficients that counts as none
GROUPS = 10  # of examples, in a jackknife
MODES = (2, 0.5)  # first mode of its fit, and share of all modes up to the last


def study(
    options: Options,
    population: LabelledFeatures,
    track: Track = quiet,
    keep: Keep = forget,
) -> Result:
    """Returns losses over data and features, and of labels beside teachers.

    Args:
        options: options of the study.
        population: features of examples that have not trained the network.
        track: shows the progress.
        keep: keeps curves and the kernel when they are measured.

    Raises:
        InputError: sizes do not fit the population.
    """
    check(options, *population.features.shape)
    features = population.features / np.sqrt(np.mean(population.features**2))
    targets = make_targets(population.labels, population.num_classes)
    measure = partial(measure_curves, features, targets, options, track)
    curves = keep("curves", measure)
    kernel = keep("kernel", partial(_measure_kernel, features, targets, options, track))
    measure_all = partial(measure_coefficients, features, targets)
    coefficients = keep("coefficients", measure_all)
    panels = [make_panel(each) for each in curves if _in_panels(each, options)]
    setting = {"dataset": population.name, "S": features.shape[1]}
    claims = make_claims(panels, curves, setting) + judge_kernels([kernel], setting)
    claims.append(_judge_coefficients(coefficients, setting))
    words = []
    if population.constant:
        words.append(
            f"{population.constant} of {population.constant + features.shape[1]} "
            "features are the same for all examples and are left out."
        )
    return Result(
        NAME,
        TITLE,
        CAPTION,
        claims,
        {
            "curves": [row for each in curves for row in _points(each)],
            "kernel": _kernel_points(kernel),
        },
        {
            **setting,
            "examples": len(features),
            "constant_features": population.constant,
            "panels": [_summarise(each) for each in panels],
            "teacher": kernel.teacher.law.exponent._asdict(),
            "labels": kernel.labels.law.exponent._asdict(),
            "fall_of_coefficients": coefficients._asdict(),
        },
        {"panels": panels, "curves": curves, "kernel": curves_of(kernel)},
        words,
    )


def _in_panels(curve: Curve, options: Options) -> bool:
    return curve.is_all or curve.fixed == options.fixed[0]


def make_claims(
    panels: Sequence[Panel], curves: Sequence[Curve], setting: dict
) -> list[Claim]:
    """Returns claims on the exponents of the regimes and on duality.

    Args:
        panels: of the first fixed number and of all data and features.
        curves: all of them.
        setting: of the population.
    """
    claims = []
    for panel in panels:
        if panel.curve.is_all:
            continue
        claims.append(
            judge(
                panel.law.exponent,
                (1 - WITHIN_OF_ONE, 1 + WITHIN_OF_ONE),
                source="[B21, Fig. S7]",
                statement="The excess loss of finite data or size falls as 1 / x.",
                setting={**setting, **_words(panel.curve)},
                quantity="variance-limited exponent in "
                + ("D" if panel.curve.over == "data" else "P"),
            )
        )
    for tuned in (False, True):
        data, other = (p for p in panels if p.curve.tuned == tuned and p.curve.is_all)
        claims.append(_judge_resolution(data, other, setting))
    of_data = [each for each in curves if each.over == "data" and not each.is_all]
    for one in of_data:
        [dual] = [
            each
            for each in curves
            if each.over == "features"
            and (each.fixed, each.tuned) == (one.fixed, one.tuned)
            and not each.is_all
        ]
        claims.append(_judge_duality(one, dual, setting))
    return claims


def _judge_resolution(data: Panel, other: Panel, setting: dict) -> Claim:
    """Returns the claim that loss over data and over features share an exponent."""
    shared = np.intersect1d(data.curve.sizes[data.fitted], other.curve.sizes)
    pair = [p.losses[np.isin(p.curve.sizes, shared)] for p in (data, other)]
    gap = Estimate(None, None)
    if len(shared) > 2:
        gap = exponent_gap(shared.astype(float), *pair)
    return judge(
        gap,
        (-SAME_EXPONENT, SAME_EXPONENT),
        source="[B21, Fig. S7]",
        statement="Loss over data and over features share an exponent.",
        setting={**setting, "ridge": _ridge(data.curve)},
        quantity="alpha_D - alpha_P",
    )


def _judge_duality(data: Curve, other: Curve, setting: dict) -> Claim:
    """Returns the claim that data and features may be exchanged."""
    shared = np.intersect1d(data.sizes, other.sizes)
    pair = [each.losses[np.isin(each.sizes, shared)] for each in (data, other)]
    difference = Estimate(None, None)
    if len(shared):
        difference = jackknife(mean_difference, *pair)
    return judge(
        difference,
        (None, SAME_LOSS),
        source="[B21, Fig. S6]",
        statement="Data and features may be exchanged.",
        setting={**setting, "fixed": data.fixed, "ridge": _ridge(data)},
        quantity="mean |log(loss over data / loss over features)|",
    )


def measure_coefficients(
    features: Float[np.ndarray, "N S"], targets: Float[np.ndarray, "N outputs"]
) -> Estimate:
    """Returns the exponent with which w_i^2 of the labels falls over the modes.

    w_i are the coefficients of the labels on the eigenvectors of C, from the second
    mode to half of all. The interval is a jackknife over ten groups of examples.

    Args:
        features: [N, S].
        targets: [N, outputs].
    """
    order = np.random.default_rng(0).permutation(len(features))
    groups = order % GROUPS

    def exponent(chosen: np.ndarray) -> float:
        mine = np.isin(groups, chosen)
        values, vectors = _modes(features[mine])
        squares = np.sum((vectors.T @ targets[mine]) ** 2, axis=1) / values
        used = slice(MODES[0] - 1, int(MODES[1] * len(values)))
        modes = np.arange(1, len(values) + 1)
        return -straight_line(np.log(modes[used]), np.log(squares[used])).slope

    if int(MODES[1] * features.shape[1]) < MODES[0] + 2:
        return Estimate(None, None)
    return jackknife(exponent, np.arange(GROUPS)[None])


def mean_difference(over_data: np.ndarray, over_features: np.ndarray) -> float:
    """Returns the mean over sizes of |log ratio| of mean losses.

    A mean of the ratio itself would be 1 where one loss is larger at small sizes and
    smaller at large ones.

    Args:
        over_data: [sizes, draws].
        over_features: [sizes, draws] at the same sizes.
    """
    logs = np.log(over_data.mean(axis=1) / over_features.mean(axis=1))
    return float(np.abs(logs).mean())


def _judge_coefficients(exponent: Estimate, setting: dict) -> Claim:
    """Returns the claim that labels have equal coefficients along the spectrum."""
    return judge(
        exponent,
        (-FLAT, FLAT),
        source="[B21, Fig. S8]",
        statement="Real labels have equal coefficients on all modes of learned "
        "features.",
        setting=setting,
        quantity="exponent of the fall of w_i^2 over modes",
    )


def _measure_kernel(
    features: np.ndarray, targets: np.ndarray, options: Options, track: Track
) -> KernelStudy:
    eigenvalues, vectors = _modes(features)
    how = options.teacher_sizes, options.draws, options.seed, track
    return study_modes("learned features", eigenvalues, vectors, targets, *how)


def _modes(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the eigenvalues of F F^T and its eigenvectors [N, modes]."""
    vectors, values, _ = np.linalg.svd(features, full_matrices=False)
    kept = values > len(features) * np.finfo(float).eps * values[0]
    return values[kept] ** 2, vectors[:, kept]


def _ridge(curve: Curve) -> str:
    return "tuned ridge" if curve.tuned else f"ridge {curve.ridges[0]:g}"


def _words(curve: Curve) -> dict:
    return {"fixed": curve.fixed, "ridge": _ridge(curve)}


def _points(curve: Curve) -> list[dict]:
    draws = curve.losses.shape[1]
    return rows(
        over=curve.over,
        fixed=curve.fixed,
        tuned=curve.tuned,
        size=curve.sizes,
        ridge=curve.ridges,
        mean=curve.losses.mean(axis=1),
        sem=curve.losses.std(axis=1, ddof=1) / np.sqrt(draws),
        limit=curve.limits.mean(),
        draws=draws,
    )


def _kernel_points(kernel: KernelStudy) -> list[dict]:
    modes = np.arange(1, len(kernel.eigenvalues) + 1)
    moments = kernel.labels.moments
    return rows(mode=modes, eigenvalue=kernel.eigenvalues, label_moment=moments)


def _summarise(panel: Panel) -> dict:
    curve = panel.curve
    return {
        "over": curve.over,
        "fixed": curve.fixed,
        "ridge": _ridge(curve),
        "exponent": panel.law.exponent._asdict(),
        "sizes": panel.law.sizes,
        "warning": panel.law.warning,
    }
