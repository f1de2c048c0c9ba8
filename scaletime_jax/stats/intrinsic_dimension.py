"""The dimension of the manifold that points lie on, from distances to neighbours.

Each estimator assumes a density that is constant over the distance to the neighbours.
The assumption fails in three ways, all of which are gone for ever more points:

- *Boundaries.* Near a boundary a ball holds fewer points, and estimates are too low.
  10,000 points of the unit cube give 0.97 d, 0.94 d and 0.91 d by ratios for d = 4, 6
  and 8, and 0.96 d, 0.91 d and 0.88 d by likelihood with 10 neighbours.
- *Curvature.* The distance is the straight one. On the unit sphere 10,000 points give
  0.97 d at d = 8 and 0.95 d at d = 10 by ratios. A flat torus, d circles of one radius,
  gives 1.03 d at d = 6 and 1.09 d at d = 8, where the nearest neighbour is 1.5 radii
  away.
- *Noise.* Noise that is not small against the distance to the nearest neighbour adds
  dimensions. On a circle of radius 1 with 10,000 points the nearest neighbour is 0.0003
  away; normal noise of 0.0001 in each of 20 coordinates gives 3.3 by ratios and 1.4 by
  likelihood, and noise of 0.001 gives 11 and 6.9.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree
from scipy.special import polygamma

from scaletime_jax.arguments import require
from scaletime_jax.stats.estimates import Estimate, t_quantile
from scaletime_jax.stats.lines import MIN_SIZES
from scaletime_jax.words import count_of

RATIOS = (1, 2, 3)
KEPT = 0.9  # lower share of the ratios, to which the line is fitted
NEIGHBOURS = 10
FARTHEST = 50  # neighbours of the extrapolation
ORDERS = 10  # numbers of neighbours between 1 and the largest
PARTS = 10
MIN_PART = 20  # points of a part beyond the neighbours


class Dimensions(NamedTuple):
    """Estimates of one dimension, with 95% intervals over subsamples.

    Attributes:
        by_ratio: for each k of `RATIOS`, by `ratio_dimension`.
        ratio: the mean over k [Sharma & Kaplan 2020, App. B, C].
        likelihood: by `likelihood_dimension`.
        neighbours: the k of the likelihood.
    """

    by_ratio: tuple[Estimate, ...]
    ratio: Estimate
    likelihood: Estimate
    neighbours: int


def estimate_dimension(
    points: Float[np.ndarray, "n ambient"], neighbours: int = NEIGHBOURS
) -> Dimensions:
    """Estimates the dimension of the manifold that points lie on.

    Intervals are from subsamples: the points are dealt into ten parts at random, the
    estimate of a part has ten times the variance of the estimate of all, so that

        se^2 = Var(estimates of parts) / 10,

    and the interval is Student's t with 9 degrees of freedom around the estimate of
    all. It covers the scatter, not the bias. The bootstrap cannot be used: a resample
    draws points twice, and a point's nearest neighbour is then itself, at distance 0.

    Args:
        points: [n, ambient], finite and distinct.
        neighbours: k of the likelihood, 3 or more.

    Raises:
        InputError: there are too few points, points are equal or not finite, or
            neighbours is below 3.
    """
    require(neighbours >= 3, f"neighbours must be 3 or more, got {neighbours}.")
    count = max(neighbours, max(RATIOS) + 1)
    least = PARTS * (count + MIN_PART)
    require(
        len(points) >= least,
        f"{count_of(len(points), 'point')} are too few for an interval by {PARTS} "
        f"subsamples with {count} neighbours; give {least} points or more.",
    )

    def estimates(members) -> np.ndarray:
        distances = neighbour_distances(members, count)
        ratios = [ratio_dimension(distances, k) for k in RATIOS]
        likelihood = likelihood_dimension(distances, neighbours)
        return np.array([*ratios, np.mean(ratios), likelihood])

    order = np.random.default_rng(0).permutation(len(points))
    values = estimates(points)
    parts = np.stack([estimates(points[each]) for each in np.array_split(order, PARTS)])
    reach = t_quantile(PARTS - 1) * parts.std(axis=0, ddof=1) / PARTS**0.5
    made = [
        Estimate(float(value), (float(value - each), float(value + each)), PARTS - 1)
        for value, each in zip(values, reach, strict=True)
    ]
    return Dimensions(tuple(made[: len(RATIOS)]), made[-2], made[-1], neighbours)


def neighbour_distances(
    points: Float[np.ndarray, "n ambient"], count: int
) -> Float[np.ndarray, "n count"]:
    """Returns the distance of each point to its nearest neighbours, nearest first.

    Args:
        points: [n, ambient], finite and distinct.
        count: number of neighbours, 1 or more.

    Raises:
        InputError: there are no more points than neighbours, or points are equal or not
            finite.
    """
    points = np.asarray(points, float)
    require(count >= 1, f"neighbours must be 1 or more, got {count}.")
    require(
        points.ndim == 2 and points.shape[1] > 0,
        f"points must be [points, coordinates], got shape {points.shape}.",
    )
    require(
        len(points) > count,
        f"{count_of(len(points), 'point')} are too few for "
        f"{count_of(count, 'neighbour')}; give more than {count}.",
    )
    bad = int((~np.isfinite(points)).any(axis=1).sum())
    require(
        bad == 0,
        f"{count_of(bad, 'point has', 'points have')} coordinates that are not finite; "
        "leave them out.",
    )
    found, _ = cKDTree(points).query(points, count + 1, workers=-1)
    twice = int((found[:, 1] == 0).sum())
    require(
        twice == 0,
        f"{count_of(twice, 'point')} of {len(points):,} are at distance 0 from another "
        "point, which leaves no ratio of distances; keep one of equal points.",
    )
    return found[:, 1:]


def ratio_dimension(distances: Float[np.ndarray, "n count"], k: int = 1) -> float:
    """Returns the dimension from the ratios mu = r_{k+1} / r_1 of distances.

    Under a constant density (r_1 / r_{k+1})^d is the least of k uniform numbers, so
    that the distribution function F of mu fulfils

        -log(1 - F(mu)^(1/k)) = d log(mu)

    [Facco et al. 2017, for k = 1; Sharma & Kaplan 2020, App. B, C]. d is the slope
    of the line through the origin, by least squares through the lower 90% of the n
    points (log mu_i, -log(1 - (i / n)^(1/k))).

    Args:
        distances: [n, count] to the nearest neighbours, nearest first, above 0.
        k: of mu, at least 1 and below count.

    Raises:
        InputError: there are no k + 1 neighbours, or fewer than three ratios are left.
    """
    _check_neighbours(distances, k + 1)
    require(k >= 1, f"k must be 1 or more, got {k}.")
    x = np.sort(np.log(distances[:, k] / distances[:, 0]))
    kept = int(KEPT * len(x))
    require(kept >= MIN_SIZES, f"{len(x)} points are too few for a line.")
    share = np.arange(1, kept + 1) / len(x)
    y = -np.log1p(-(share ** (1 / k)))
    x = x[:kept]
    require(x[-1] > 0, "all neighbours are equally far: the points lie on a lattice.")
    return float(x @ y / (x @ x))


def likelihood_dimension(
    distances: Float[np.ndarray, "n count"], neighbours: int = NEIGHBOURS
) -> float:
    """Returns the maximum-likelihood dimension of Levina & Bickel (2005).

    With the distances T_j of a point to its j-th neighbour, averaged over points as
    inverses [MacKay & Ghahramani 2005],

        1 / d = mean over points of 1 / (k - 1) sum_{j < k} log(T_k / T_j).

    Args:
        distances: [n, count] to the nearest neighbours, nearest first, above 0.
        neighbours: k, at least 2 and at most count.

    Raises:
        InputError: there are fewer neighbours.
    """
    _check_neighbours(distances, neighbours)
    require(neighbours >= 2, f"neighbours must be 2 or more, got {neighbours}.")
    nearer = distances[:, : neighbours - 1]
    inverse = np.log(distances[:, neighbours - 1 : neighbours] / nearer).mean()
    require(inverse > 0, "all neighbours are equally far: the points lie on a lattice.")
    return float(1 / inverse)


def extrapolated_dimension(
    distances: Float[np.ndarray, "n count"], power: int
) -> float:
    """Returns the dimension in the limit of near neighbours.

    Under any density the share V(T_k) of points within the k-th neighbour has
    E[log V(T_k)] = psi(k) - psi(n). So the dimension at the distance of neighbours k to
    l, with means over points, is

        d(r) = (psi(l) - psi(k)) / (mean log T_l - mean log T_k).

    Averaged over points, log V(r) = d log r + const + a r + b r^2 + ...: the share of
    points within r of a boundary is proportional to r, and without a boundary a is 0
    and b is the effect of curvature. So d(r) = d + a' r^power, with power 1 for a
    boundary and power 2 for curvature alone, is a line in r^power, fitted by least
    squares with weights (psi(l) - psi(k))^2 / (psi'(k) - psi'(l)), the inverse
    variances of independent increments; d is the line's end at r = 0 (ours). Which
    power is right must be known. 10,000 points of the unit cube give d within 2% to
    d = 10 with power 1, and of the unit sphere with power 2; on the other manifold each
    is off by 5 to 7% at d = 8. Where neighbours are as far as the radius of curvature,
    as on the flat torus at d = 8, neither helps.

    Args:
        distances: [n, count] to the nearest neighbours, nearest first, above 0; 50
            neighbours are a good number.
        power: 1 for a manifold with a boundary, 2 for a manifold without.

    Raises:
        InputError: there are fewer than 10 neighbours, or the power is another.
    """
    require(power in (1, 2), f"power must be 1 or 2, got {power}.")
    _check_neighbours(distances, ORDERS)
    orders = np.geomspace(1, distances.shape[1], ORDERS)
    orders = np.unique(orders.round().astype(int))
    logs = np.log(distances[:, orders - 1]).mean(axis=0)
    gained, spread = np.diff(polygamma(0, orders)), -np.diff(polygamma(1, orders))
    dims = gained / np.diff(logs)
    scale = np.exp(power * (logs[1:] + logs[:-1]) / 2)
    weights = gained / np.sqrt(spread)
    return float(np.polyfit(scale, dims, 1, w=weights)[-1])


def _check_neighbours(distances: np.ndarray, least: int) -> None:
    require(
        distances.ndim == 2 and distances.shape[1] >= least,
        f"distances must be [points, neighbours] with {least} neighbours or more, got "
        f"shape {distances.shape}.",
    )
