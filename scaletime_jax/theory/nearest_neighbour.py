"""Distances to the nearest of D points, and the bound on losses that they give.

A student f that agrees with the target F at D points differs little from F near them.
With a loss l that vanishes at the target, and x' the point nearest to x,

    l(f(x)) <= K_L |f(x) - F(x)| <= K_L (K_f + K_F) |x - x'|

[B21, Theorem 1, Eq. S1]. Theorem 2 is the same for a student that P parameters make
agree at P points. The rest is the distance: its mean is of order D^(-1/d), with
constants that are derived here.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.integrate import quad
from scipy.spatial import cKDTree
from scipy.special import beta, betainc, gamma

from scaletime_jax.arguments import require, require_least, require_positive
from scaletime_jax.theory.manifolds import (
    Points,
    ball_volume,
    check_manifold,
    manifold_volume,
    separation,
)

SCALES = 1, 4, 16, 64  # ends of intervals of quadrature, in mean distances


class Nearest(NamedTuple):
    """The training point nearest to each test point.

    Attributes:
        rows: [test] of the training points.
        distance: [test] on the manifold.
    """

    rows: Int[np.ndarray, "test"]
    distance: Float[np.ndarray, "test"]


def nearest_points(name: str, train: Points, test: Points) -> Nearest:
    """Returns the nearest training point of each test point.

    The student of these points is f(x) = F(x'), values[rows]. It is constant where x'
    is, and jumps in between: no K_f is finite. But f(x) = f(x'), so that the proof of
    Theorem 1 holds with K_f = 0.

    Args:
        name: of the manifold.
        train: [D, coordinates].
        test: [test, coordinates].

    Raises:
        InputError: the manifold is unknown, or there is no training point.
    """
    check_manifold(name, 1)
    require(len(train) > 0, "there must be 1 training point or more, got none.")
    period = 1.0 if name == "torus" else None
    chord, rows = cKDTree(train, boxsize=period).query(test)
    return Nearest(np.asarray(rows), separation(name, chord))


def large_sample_distance(
    name: str, dim: int, size: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Returns the mean distance for many points, Gamma(1 + 1/d) (vol / (V_d D))^(1/d).

    With many points a ball of radius r around x is empty with probability
    exp(-D V_d r^d / vol), whose integral over r is the mean. [B21, App. C] has the
    exponent, -1/d, and no constant.

    Args:
        name: of the manifold.
        dim: d.
        size: [...] D, > 0.

    Raises:
        InputError: the manifold is unknown, or a size is not above 0.
    """
    check_manifold(name, dim)
    require_positive("sizes", size)
    share = ball_volume(dim) * np.asarray(size) / manifold_volume(name, dim)
    return np.asarray(gamma(1 + 1 / dim) * share ** (-1 / dim))


def mean_distance(
    name: str, dim: int, size: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Returns the mean distance of a fresh point from the nearest of D points.

    With the share v(r) of the manifold within r of a point it is the integral of
    (1 - v(r))^D over r. Torus: v = V_d r^d, so that

        E = V_d^(-1/d) Gamma(1 + 1/d) D! / Gamma(D + 1 + 1/d),

    but for radii above 1/2, where all terms are below (1 - V_d / 2^d)^D. Sphere: v is
    the share of a cap, I(sin^2 r; d/2, 1/2) / 2 up to r = pi / 2, integrated
    numerically. Cube: near a face a ball holds the share phi(s / r) of its volume at
    distance s from the face, phi(u) = (1 + I(u^2; 1/2, (d + 1)/2)) / 2, and an empty
    one is more likely; integrated over s and r the 2 d faces add

        2 d b D^(-2/d),  b = Gamma(2/d) / d V_d^(-2/d) int_0^1 (phi(u)^(-2/d) - 1) du,

    to the torus's mean (ours). Edges add terms of order D^(-3/d).

    Args:
        name: of the manifold.
        dim: d.
        size: [...] D, > 0.

    Returns:
        [...] in the manifold's metric.

    Raises:
        InputError: the manifold is unknown, or a size is not above 0.
    """
    check_manifold(name, dim)
    require_positive("sizes", size)
    size = np.asarray(size, float)
    if name == "sphere":
        means = [_sphere_distance(dim, float(each)) for each in size.ravel()]
        return np.reshape(means, size.shape)
    # Gamma(1 + s) / Gamma(s) = s; a beta function keeps its digits at large D
    mean = ball_volume(dim) ** (-1 / dim) / dim * beta(size + 1, 1 / dim)
    if name == "cube":
        mean = mean + 2 * dim * _face_excess(dim) * size ** (-2 / dim)
    return np.asarray(mean)


def lipschitz_bound(
    loss_constant: float,
    student_constant: float,
    target_constant: float,
    distance: float | Float[np.ndarray, "..."],
) -> Float[np.ndarray, "..."]:
    """Returns K_L (K_f + K_F) |x - x'| [B21, Theorems 1 and 2, Eq. S1].

    Args:
        loss_constant: K_L, of the loss as a function of the output, >= 0.
        student_constant: K_f between x and x', >= 0; 0 for a student that is constant
            there.
        target_constant: K_F, >= 0.
        distance: [...] |x - x'| or its mean, >= 0.

    Raises:
        InputError: an argument is below 0 or not finite.
    """
    require_least("loss_constant", loss_constant, 0)
    require_least("student_constant", student_constant, 0)
    require_least("target_constant", target_constant, 0)
    require_least("distance", distance, 0)
    constant = loss_constant * (student_constant + target_constant)
    return np.asarray(constant * np.asarray(distance))


def _sphere_distance(dim: int, size: float) -> float:
    """Returns the mean distance on the unit sphere by quadrature."""

    def empty(angle):
        half = betainc(dim / 2, 0.5, np.sin(angle) ** 2) / 2
        share = half if angle < np.pi / 2 else 1 - half
        return np.exp(size * np.log1p(-share)) if share < 1 else 0.0

    scale = float(large_sample_distance("sphere", dim, np.asarray(size)))
    ends = [0, *(scale * each for each in SCALES if scale * each < np.pi), np.pi]
    parts = itertools.pairwise(ends)
    return sum(quad(empty, low, high, epsabs=0, epsrel=1e-10)[0] for low, high in parts)


def _face_excess(dim: int) -> float:
    """Returns b, what one face of unit area adds in units of D^(-2/d)."""

    def excess(u):
        share = (1 + betainc(0.5, (dim + 1) / 2, u**2)) / 2
        return share ** (-2 / dim) - 1

    integral, _ = quad(excess, 0, 1)
    return gamma(2 / dim) / dim * ball_volume(dim) ** (-2 / dim) * integral
