"""Piecewise-linear students: linear on each simplex of a Delaunay triangulation.

Within a simplex f is the mean of the target at the corners with the barycentric
coordinates of x as weights. A smooth target differs from f by the order of |x - x'|^2,
so that the squared loss falls as D^(-4/d) [B21, Sec. 2.2.3].
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import ConvexHull, Delaunay, QhullError, cKDTree

from scaletime_jax.arguments import require
from scaletime_jax.errors import InputError
from scaletime_jax.theory.manifolds import Points, ball_volume, check_manifold

# A triangulation in d dimensions has about 1, 2, 7, 32, 160, ... simplices a point.
MOST_DIM = 4
# First margin in radii of a ball that is empty with a probability of order 1 / D^2,
# and the factor by which it is widened where it does not suffice.
MARGIN, WIDEN = 1.5, 1.25


class Triangulation(NamedTuple):
    """Simplices of training points, and the simplex of each test point.

    Attributes:
        corners: [simplices, d + 1] rows of the training points.
        places: [simplices, d + 1, coordinates] of the corners; on a torus of the images
            that the simplex connects.
        steepening: [simplices] largest factor by which the slope on the manifold is
            above the slope along the simplex: 1, on a sphere 1 / height of the simplex
            over the centre.
        simplex: [test] row of the simplex of each test point; -1 outside the hull.
        weights: [test, d + 1] barycentric coordinates; NaN outside the hull.
    """

    corners: Int[np.ndarray, "simplices corners"]
    places: Float[np.ndarray, "simplices corners coordinates"]
    steepening: Float[np.ndarray, "simplices"]
    simplex: Int[np.ndarray, "test"]
    weights: Float[np.ndarray, "test corners"]


def check_triangulated(name: str, dim: int) -> None:
    """Requires a dimension that can be triangulated.

    Raises:
        InputError: the dimension is above 4.
    """
    require(
        dim <= MOST_DIM,
        f"a {name} of dimension {dim} cannot be triangulated, as the number of "
        f"simplices grows faster than exponentially; choose {MOST_DIM} or less.",
    )


def triangulate(name: str, train: Points, test: Points) -> Triangulation:
    """Returns the Delaunay triangulation around test points.

    Cube: of the points themselves; test points outside the convex hull are in no
    simplex. Torus: of the points and their periodic images. Both are made only within a
    margin around the test points, which is widened until the circumscribed spheres of
    all test points' simplices lie in what was considered: then the simplices are those
    of the whole triangulation, and other simplices are left out. Sphere: the faces of
    the convex hull, onto which test points are projected from the centre.

    Args:
        name: of the manifold.
        train: [D, coordinates].
        test: [test, coordinates].

    Raises:
        InputError: the manifold is unknown, there are too few points for a simplex, the
            dimension is above 4, or points on a sphere leave the centre outside.
    """
    check_manifold(name, 1)
    dim = train.shape[1] - (name == "sphere")
    check_triangulated(name, dim)
    least = dim + 2
    require(
        len(train) >= least,
        f"{len(train)} training points are too few for a triangulation of a {name} of "
        f"dimension {dim}; give {least} or more.",
    )
    try:
        if name == "sphere":
            return _on_sphere(train, test)
        return _on_line(name, train, test) if dim == 1 else _in_box(name, train, test)
    except QhullError:
        raise InputError(
            f"the {len(train)} training points lie in a plane, which leaves nothing to "
            "triangulate; give points in general position."
        ) from None


def interpolate(
    found: Triangulation, values: Float[np.ndarray, "train"]
) -> Float[np.ndarray, "test"]:
    """Returns f at the test points; NaN outside the hull.

    Args:
        found: triangulation.
        values: [D] F at the training points.
    """
    return np.sum(found.weights * values[found.corners[found.simplex]], axis=1)


def slopes(
    found: Triangulation, values: Float[np.ndarray, "train"]
) -> Float[np.ndarray, "simplices"]:
    """Returns |grad f| of each simplex; the largest is K_f.

    The gradient g lies in the simplex and has E g = differences of the values, for the
    edges E from the first corner. With E^T = Q R its norm is |R^(-T) differences|.

    Args:
        found: triangulation.
        values: [D] F at the training points.
    """
    edges = found.places[:, 1:] - found.places[:, :1]
    at = values[found.corners]
    differences = (at[:, 1:] - at[:, :1])[..., None]
    triangle = np.asarray(np.linalg.qr(np.swapaxes(edges, 1, 2), mode="r"))
    flat = np.abs(np.diagonal(triangle, axis1=1, axis2=2)).min(axis=1) == 0
    triangle[flat] = np.eye(triangle.shape[1])
    gradient = np.linalg.solve(np.swapaxes(triangle, 1, 2), differences)[..., 0]
    norm = np.linalg.norm(gradient, axis=1) * found.steepening
    return np.where(flat, 0.0, norm)


def _in_box(name: str, train: Points, test: Points) -> Triangulation:
    """Triangulates a cube or torus within a margin around the test points."""
    dim = train.shape[1]
    size = max(len(train), 3)
    margin = MARGIN * (2 * np.log(size) / (size * ball_volume(dim))) ** (1 / dim)
    while True:
        low, high = test.min(axis=0) - margin, test.max(axis=0) + margin
        rows, points = _within(name, train, low, high)
        if name == "cube":  # nothing is beyond its faces
            low = np.where(low <= 0, -np.inf, low)
            high = np.where(high >= 1, np.inf, high)
        if len(rows) >= dim + 2:
            whole = Delaunay(points)
            simplex = whole.find_simplex(test)
            kept = _is_complete(points[whole.simplices], low, high)
            inside = simplex >= 0
            everything = not np.isfinite([*low, *high]).any()
            if kept[simplex[inside]].all() and (everything or inside.all()):
                return _keep(whole, rows, points, kept, simplex, test)
        margin *= WIDEN


def _within(name: str, train: Points, low, high) -> tuple[np.ndarray, Points]:
    """Returns rows and places of the points, or images, in a box."""
    if name == "cube":
        rows = np.flatnonzero(((train >= low) & (train <= high)).all(axis=1))
        return rows, train[rows]
    rows, places = np.arange(len(train)), train
    for axis in range(train.shape[1]):
        shifts = np.arange(np.floor(low[axis]), np.ceil(high[axis]))
        repeated = np.repeat(places[None], len(shifts), axis=0)
        repeated[..., axis] += shifts[:, None]
        inside = (repeated[..., axis] >= low[axis]) & (
            repeated[..., axis] <= high[axis]
        )
        rows = np.broadcast_to(rows, inside.shape)[inside]
        places = repeated[inside]
    return rows, places


def _is_complete(places: np.ndarray, low, high) -> np.ndarray:
    """Returns whether the circumscribed sphere of each simplex lies within a box."""
    edges = places[:, 1:] - places[:, :1]
    squares = np.sum(edges**2, axis=2)[..., None] / 2
    flat = np.linalg.det(edges) == 0
    edges[flat] = np.eye(edges.shape[1])
    centre = np.linalg.solve(edges, squares)[..., 0]
    radius = np.linalg.norm(centre, axis=1)[:, None]
    centre = centre + places[:, 0]
    inside = ((centre - radius >= low) & (centre + radius <= high)).all(axis=1)
    return np.where(flat, not np.isfinite([*low, *high]).any(), inside)


def _keep(
    whole: Delaunay, rows: np.ndarray, points: Points, kept, simplex, test
) -> Triangulation:
    """Returns the complete simplices, with the weights of the test points."""
    dim = points.shape[1]
    inside = simplex >= 0
    affine = whole.transform[simplex]
    part = np.einsum("tij,tj->ti", affine[:, :dim], test - affine[:, dim])
    weights = np.concatenate([part, 1 - part.sum(axis=1, keepdims=True)], axis=1)
    number = np.cumsum(kept) - 1
    chosen = whole.simplices[kept]
    return Triangulation(
        rows[chosen],
        points[chosen],
        np.ones(len(chosen)),
        np.where(inside, number[simplex], -1),
        np.where(inside[:, None], weights, np.nan),
    )


def _on_line(name: str, train: Points, test: Points) -> Triangulation:
    """Triangulates a segment or circle of length 1: the gaps between sorted points."""
    rows = np.argsort(train[:, 0])
    places = train[rows, 0]
    if name == "torus":
        rows = np.concatenate([rows[-1:], rows, rows[:1]])
        places = np.concatenate([places[-1:] - 1, places, places[:1] + 1])
    at = test[:, 0]
    right = np.searchsorted(places, at).clip(1, len(places) - 1)
    gap = places[right] - places[right - 1]
    share = np.where(gap > 0, (at - places[right - 1]) / np.where(gap > 0, gap, 1), 0.5)
    inside = (at >= places[0]) & (at <= places[-1])
    weights = np.stack([1 - share, share], axis=1)
    ends = np.stack([places[:-1], places[1:]], axis=1)[..., None]
    return Triangulation(
        np.stack([rows[:-1], rows[1:]], axis=1),
        ends,
        np.ones(len(ends)),
        np.where(inside, right - 1, -1),
        np.where(inside[:, None], weights, np.nan),
    )


def _on_sphere(train: Points, test: Points) -> Triangulation:
    """Triangulates a sphere by the faces of the convex hull.

    The ray through x meets the face with the largest n . x / h, for the normal n and
    the height h over the centre. With n / h of equal length the largest product would
    be the nearest; one more coordinate makes the lengths equal.
    """
    hull = ConvexHull(train)
    normal, height = hull.equations[:, :-1], -hull.equations[:, -1]
    require(
        height > 0,
        f"all {len(train)} training points lie on one half of the sphere, whose centre "
        "is then outside their hull; give more points.",
    )
    poles = normal / height[:, None]
    squares = np.sum(poles**2, axis=1)
    lift = np.sqrt(squares.max() - squares)
    lifted = np.concatenate([poles, lift[:, None]], axis=1)
    beside = np.concatenate([test, np.zeros((len(test), 1))], axis=1)
    _, simplex = cKDTree(lifted).query(beside)
    places = train[hull.simplices]
    # x = sum_i w_i corner_i up to a factor, which weights of sum 1 take out
    corners = np.swapaxes(places[simplex], 1, 2)
    weights = np.linalg.solve(corners, test[..., None])[..., 0]
    weights = weights / weights.sum(axis=1, keepdims=True)
    return Triangulation(
        np.asarray(hull.simplices), places, 1 / height, np.asarray(simplex), weights
    )
