"""Losses of ridge regression of labels on drawn points and drawn features."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from scaletime_jax.errors import InputError
from scaletime_jax.stats.exponents import (
    PowerLaw,
    fit_power_law,
    no_fit,
    variance_sizes,
)
from scaletime_jax.stats.lines import MIN_SIZES
from scaletime_jax.studies.draws import measure_draws
from scaletime_jax.studies.four_regimes import FAR
from scaletime_jax.theory.label_ridge import label_losses
from scaletime_jax.track import Track, quiet

RESOLVED = 4  # times as many of the other, in a resolution-limited panel


class Options(NamedTuple):
    """Options of the study.

    Attributes:
        fixed: P of the losses over data and D of the losses over features, ascending;
            the first one is of the variance-limited panels.
        data_sizes: D, ascending.
        feature_sizes: P, ascending.
        teacher_sizes: D of the comparison with teachers, ascending.
        ridges: r of |f - y|^2 + r |theta|^2, summed over points, ascending; the first
            is the small ridge. Features have mean square 1.
        draws: number of draws of training sets and features.
        seed: seed of the draws.
    """

    fixed: Sequence[int] = (8, 32)
    data_sizes: Sequence[int] = (10, 14, 20, 28, 40, 56, 80, 160, 320, 640, 1280, 2560)
    feature_sizes: Sequence[int] = (10, 14, 20, 28, 40, 56, 80, 128, 160, 200, 250)
    teacher_sizes: Sequence[int] = (10, 20, 40, 80, 160)
    ridges: Sequence[float] = (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4, 1e5)
    draws: int = 30
    seed: int = 101


class Curve(NamedTuple):
    """The loss over data or over features, the other number fixed.

    Attributes:
        over: 'data' or 'features'.
        fixed: the other number.
        is_all: whether that is all data or all features.
        tuned: whether the ridge is the best one at every size, or the small one.
        sizes: [sizes] D or P.
        pool: number of all data or all features of which sizes are drawn.
        losses: [sizes, draws].
        limits: [draws] the loss with all data or all features.
        ridges: [sizes] the ridge.
    """

    over: str
    fixed: int
    is_all: bool
    tuned: bool
    sizes: np.ndarray
    pool: int
    losses: np.ndarray
    limits: np.ndarray
    ridges: np.ndarray


class Panel(NamedTuple):
    """A curve with its power law.

    Attributes:
        curve: the losses.
        x: [sizes] the sizes, as numbers of independent draws where the limit is
            subtracted.
        losses: [sizes, draws], less the limits if the other number is small.
        fitted: [sizes] whether the exponent is fitted to this size.
        law: power law of the losses.
    """

    curve: Curve
    x: np.ndarray
    losses: np.ndarray
    fitted: np.ndarray
    law: PowerLaw


def check(options: Options, examples: int, features: int | float) -> None:
    """Requires sizes that a population has.

    Args:
        options: options of the study.
        examples: N.
        features: S, or infinity where it is not known.

    Raises:
        InputError: a size is too large.
    """
    least, of_features = min(examples, features), f"{features:,} features"
    for name, number, words in (
        ("data_sizes", examples, f"{examples:,} examples"),
        ("feature_sizes", features, of_features),
        ("teacher_sizes", features, of_features),
        ("fixed", least, of_features if least == features else f"{least:,} examples"),
    ):
        sizes = getattr(options, name)
        if sizes[-1] >= number:
            raise InputError(
                f"{name} must be below the {words}, got {sizes[-1]:,}.",
                **{name: sizes[-1]},
            )


def measure_curves(
    features: Float[np.ndarray, "N S"],
    targets: Float[np.ndarray, "N outputs"],
    options: Options,
    track: Track = quiet,
) -> list[Curve]:
    """Measures the loss of ridge regression over data and over features.

    Training points are distinct members of the population, features are distinct
    columns, and both are nested: smaller sizes are the first ones of larger sizes.

    Args:
        features: [N, S] of mean square 1.
        targets: [N, outputs].
        options: options of the study.
        track: shows the progress.
    """
    population, pool = features.shape
    data_sizes, feature_sizes = options.data_sizes, options.feature_sizes
    most = max(data_sizes[-1], options.fixed[-1])
    energy = float(np.mean(targets**2))
    second, cross = (
        features.T @ features / population,
        features.T @ targets / population,
    )

    def draw(key, features, targets, second, cross, ridges):
        order_key, pick_key = jax.random.split(key)
        order = jax.random.permutation(order_key, population)[:most]
        picks = jax.random.permutation(pick_key, pool)
        points, labels = features[order][:, picks], targets[order]
        second, cross = second[picks][:, picks], cross[picks]

        def loss(d, p):
            moments = second[:p, :p], cross[:p]
            if d == population:
                seen = population * moments[0], population * moments[1]
            else:
                part = points[:d, :p]
                seen = part.T @ part, part.T @ labels[:d]
            return label_losses(*seen, *moments, energy, ridges)

        # of each fixed number, its sizes and then the limit
        over_data = [
            jnp.stack([loss(d, p) for d in (*data_sizes, population)])
            for p in (*options.fixed, pool)
        ]
        over_features = [
            jnp.stack([loss(d, p) for p in (*feature_sizes, pool)])
            for d in (*options.fixed, population)
        ]
        return over_data, over_features

    stream = jax.random.fold_in(jax.random.key(6), options.seed)
    ridges = jnp.asarray(options.ridges)
    shared = tuple(map(jnp.asarray, (features, targets, second, cross)))
    found = measure_draws(draw, stream, options.draws, track, "curves", *shared, ridges)
    made = []
    for over, sizes, whole, other, losses in (
        ("data", data_sizes, population, pool, found[0]),
        ("features", feature_sizes, pool, population, found[1]),
    ):
        for fixed, each in zip((*options.fixed, other), losses, strict=True):
            how = over, fixed, fixed == other, np.array(sizes), whole
            made += [_curve(*how, each, options.ridges, tuned) for tuned in (0, 1)]
    return made


def _curve(over, fixed, is_all, sizes, pool, losses, ridges, tuned) -> Curve:
    """Returns a curve from losses [draws, sizes and the limit, ridges]."""
    mean = losses.mean(axis=0)
    at = mean.argmin(axis=1) if tuned else np.zeros(len(mean), int)
    chosen = np.take_along_axis(losses, at[None, :, None], axis=2)[..., 0].T
    found = chosen[:-1], chosen[-1], np.array(ridges)[at[:-1]]
    return Curve(over, fixed, is_all, bool(tuned), sizes, pool, *found)


def make_panel(curve: Curve) -> Panel:
    """Returns a curve with the power law of one regime.

    With all of the other number, sizes up to a quarter of all features are fitted, as
    the loss is limited by resolution there. With few of it, the excess over the limit
    is fitted at sizes of 16 times as many and more, where only the order 1 / size
    matters.

    Args:
        curve: the losses.
    """
    sizes = curve.sizes
    if curve.is_all:
        x, losses = sizes.astype(float), curve.losses
        fitted = sizes * RESOLVED <= min(curve.fixed, curve.pool)
    else:
        x = variance_sizes(sizes, curve.pool)
        losses = curve.losses - curve.limits
        fitted = sizes >= FAR * curve.fixed
    law = no_fit(x, "no fit: too few sizes")
    if fitted.sum() >= MIN_SIZES:
        law = fit_power_law(x[fitted], losses[fitted])
    return Panel(curve, x, losses, fitted, law)
