"""Theorems 1 and 2 of [B21]: bound, distances and losses on known manifolds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scaletime_jax.arguments import require
from scaletime_jax.stats.claims import Claim, beyond, judge
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.exponents import PowerLaw, fit_power_law, select_range
from scaletime_jax.studies.bound_draws import BoundDraws, draw_bounds, judge_draws
from scaletime_jax.studies.manifold_dimensions import (
    DimensionOptions,
    check_dimension_options,
    judge_dimensions,
    measure_dimensions,
)
from scaletime_jax.studies.manifold_losses import (
    BOUND,
    DISTANCE,
    LINEAR,
    NEAREST,
    STEPS,
    Curve,
    Distances,
    LossOptions,
    check_options,
    distance_theory,
    measure_losses,
)
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.theory.manifolds import MANIFOLDS
from scaletime_jax.track import Track, quiet

NAME = "manifold_bounds"
TITLE = (
    "Theorems 1 and 2 of Bahri et al.: distances, losses and dimension of a manifold"
)
CAPTION = (
    "Students that agree with a smooth target at D uniform random points. a to c: test "
    "loss (f - F)^2 / 2, filled for the nearest neighbour's value and open for linear "
    "interpolation in a Delaunay triangulation; lines are power laws fitted to the "
    "straight range. d: mean distance to the nearest point over its large-D value "
    "Gamma(1 + 1/d) (vol / V_d D)^(1/d); lines are theory at finite D. e: exponents "
    "times d, with 95% intervals over draws, on the cube (circles), sphere (squares) "
    "and torus (triangles); the theory is dashed, and the discontinuous target is the "
    "control. f: estimates of dimension over the true one, from the points alone; grey "
    "is within 5%."
)
SAME = 0.05  # largest distance of an exponent from theory
CONSTANT = 0.05  # largest relative distance of the constant from theory
# The exponent times d, and how the claim is put.
CLAIMS = {
    DISTANCE: (
        1,
        "[B21, App. C]",
        "The mean distance to the nearest point falls as D^(-1/d).",
    ),
    NEAREST: (
        2,
        "[B21, Eq. 1]",
        "The nearest neighbour's squared loss falls as D^(-2/d).",
    ),
    LINEAR: (
        4,
        "[B21, Sec. 2.2.3]",
        "The squared loss of linear pieces falls as D^(-4/d).",
    ),
    BOUND: (
        1,
        "[B21, Theorem 1]",
        "The bound, with the K_f of linear pieces, falls as D^(-1/d).",
    ),
    STEPS: (
        2,
        "control of [B21, Eq. 1]",
        "Control, which should fail: a target with jumps is learned as D^(-2/d).",
    ),
}


class Options(NamedTuple):
    """Options of the study.

    Attributes:
        losses: of distances and losses.
        dimensions: of the estimates of dimension.
        bound_draws: draws in which loss and bound are compared.
    """

    losses: LossOptions = LossOptions()
    dimensions: DimensionOptions = DimensionOptions()
    bound_draws: int = 1000


class Fitted(NamedTuple):
    """A curve with the power law of its straight range.

    Attributes:
        curve: measured values.
        law: the law; its exponent is None without a straight range.
    """

    curve: Curve
    law: PowerLaw


def check(options: Options) -> None:
    """Checks all options.

    Raises:
        InputError: with these options the study would have no exponent or no estimate.
    """
    check_options(options.losses)
    check_dimension_options(options.dimensions)
    require(
        options.bound_draws >= len(MANIFOLDS) * len(options.losses.dims),
        f"bound_draws must be {len(MANIFOLDS) * len(options.losses.dims)} or more, one "
        f"for each manifold and dimension, got {options.bound_draws}.",
    )


def study(options: Options, track: Track = quiet) -> Result:
    """Returns distances, losses, bounds and dimensions of three manifolds.

    Args:
        options: options of the study.
        track: shows the progress.

    Raises:
        InputError: the options do not determine an exponent or an estimate.
    """
    check(options)
    cases = [(name, dim) for dim in options.losses.dims for name in MANIFOLDS]
    theory = [distance_theory(*case, options.losses.sizes) for case in cases]
    drawn = draw_bounds(
        options.losses.dims, options.bound_draws, options.losses.seed, track
    )
    fitted = [
        fit_curve(curve)
        for name, dim in cases
        for curve in measure_losses(name, dim, options.losses, track)
    ]
    dimensions = measure_dimensions(options.dimensions, track)
    claims = [
        *map(judge_draws, drawn),
        *judge_exponents(fitted),
        *judge_constants([each.curve for each in fitted], theory),
        *judge_dimensions(dimensions, options.dimensions.points),
    ]
    tables = {
        "curves": [row for each in fitted for row in _points(each.curve)],
        "exponents": [_exponent(each) for each in fitted],
        "distances": [row for each in theory for row in rows(**each._asdict())],
        "dimensions": [
            {"manifold": m.manifold, "method": m.method, "d": int(d), **_ends(e)}
            for m in dimensions
            for d, e in zip(m.dims, m.ratios, strict=True)
        ],
    }
    summary = {"bounds": [_summarise(each) for each in drawn]}
    figure = {"fitted": [_brief(each) for each in fitted], "theory": theory}
    figure["dimensions"] = dimensions
    return Result(NAME, TITLE, CAPTION, claims, tables, summary, figure, [])


def fit_curve(curve: Curve) -> Fitted:
    """Returns the curve with a power law of its longest straight range."""
    kept = select_range(curve.sizes, curve.values)
    if kept.any():
        return Fitted(curve, fit_power_law(curve.sizes[kept], curve.values[kept]))
    span = float(curve.sizes[0]), float(curve.sizes[-1])
    nothing = Estimate(None, None)
    return Fitted(curve, PowerLaw(nothing, None, nothing, span, "no straight range"))


def judge_exponents(fitted: Sequence[Fitted]) -> list[Claim]:
    """Returns a claim for each exponent of `CLAIMS`: within 0.05 of theory."""
    claims = []
    for quantity, (multiple, source, statement) in CLAIMS.items():
        for curve, law in fitted:
            if curve.quantity == quantity:
                less = shift(law.exponent, -multiple / curve.dim)
                claim = judge(
                    less,
                    (-SAME, SAME),
                    source=source,
                    statement=statement,
                    setting={"manifold": curve.manifold, "d": curve.dim},
                    quantity=f"exponent less {multiple}/d",
                )
                claims.append(claim._replace(note=law.warning or ""))
    return claims


def judge_constants(
    curves: Sequence[Curve], theory: Sequence[Distances]
) -> list[Claim]:
    """Returns the claims that the mean distance has the constant of theory."""
    claims = []
    of_distance = [curve for curve in curves if curve.quantity == DISTANCE]
    for curve, each in zip(of_distance, theory, strict=True):
        claims.append(
            judge(
                jackknife(np.mean, curve.values[-1:] / each.large[-1]),
                (1 - CONSTANT, 1 + CONSTANT),
                source=beyond("[B21, App. C]", False),
                statement="The mean distance has the constant of theory for large D.",
                setting={"manifold": curve.manifold, "d": curve.dim},
                quantity="mean distance / theory at the largest D",
            )
        )
    return claims


def shift(estimate: Estimate, by: float) -> Estimate:
    """Returns an estimate with its interval, both moved by a number."""
    if estimate.value is None:
        return estimate
    interval = estimate.interval
    if interval is not None:
        interval = interval[0] + by, interval[1] + by
    return Estimate(estimate.value + by, interval, estimate.freedom)


def _brief(fitted: Fitted) -> Fitted:
    """Returns the curve with mean and standard error alone, [sizes, 2]."""
    values = fitted.curve.values
    sem = values.std(axis=1, ddof=1) / values.shape[1] ** 0.5
    both = np.stack([values.mean(axis=1), sem], axis=1)
    return fitted._replace(curve=fitted.curve._replace(values=both))


def _points(curve: Curve) -> list[dict]:
    both = _brief(Fitted(curve, fit_curve(curve).law)).curve.values
    return rows(
        manifold=curve.manifold,
        d=curve.dim,
        quantity=curve.quantity,
        D=curve.sizes,
        mean=both[:, 0],
        sem=both[:, 1],
        draws=curve.values.shape[1],
    )


def _exponent(fitted: Fitted) -> dict:
    curve, law = fitted
    return {
        "manifold": curve.manifold,
        "d": curve.dim,
        "quantity": curve.quantity,
        **_ends(law.exponent),
        "first": law.sizes[0],
        "last": law.sizes[1],
        "reason": law.warning,
    }


def _ends(estimate: Estimate) -> dict:
    low, high = estimate.interval or (None, None)
    return {"value": estimate.value, "low": low, "high": high}


def _summarise(drawn: BoundDraws) -> dict:
    quartiles = np.quantile(drawn.looseness, [0, 0.25, 0.5, 0.75, 1])
    return {
        "student": drawn.student,
        "draws": len(drawn.violated),
        "violated": int(drawn.violated.sum()),
        "bound_over_loss_quartiles": [float(each) for each in quartiles],
    }
