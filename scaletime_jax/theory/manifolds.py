"""Compact manifolds of any dimension, with uniform samples and a metric of their own.

Neighbours and triangulations are SciPy's, so the functions are of NumPy arrays.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from scaletime_jax.arguments import require, require_least, require_positive

# The unit cube [0, 1]^d, which has a boundary; the unit sphere S^d in d + 1 dimensions,
# which is curved; and the flat torus, the cube whose opposite faces are glued.
MANIFOLDS = ("cube", "sphere", "torus")

Points = Float[np.ndarray, "_ _"]  # [points, coordinates]


def check_manifold(name: str, dim: int) -> None:
    """Requires a manifold of `MANIFOLDS`, of one dimension or more.

    Raises:
        InputError: the name is unknown, or the dimension is below 1.
    """
    require(
        name in MANIFOLDS,
        f"manifold {name!r} is not one of {', '.join(MANIFOLDS)}.",
    )
    require(dim >= 1, f"the dimension of a {name} must be 1 or more, got {dim}.")


def sample_manifold(
    name: str, count: int, dim: int, rng: np.random.Generator
) -> Points:
    """Returns uniform points.

    Args:
        name: of the manifold.
        count: number of points.
        dim: d.
        rng: is advanced.

    Returns:
        [count, d], for a sphere [count, d + 1].

    Raises:
        InputError: the manifold is unknown, or the dimension is below 1.
    """
    check_manifold(name, dim)
    if name != "sphere":
        return rng.random((count, dim))
    normal = rng.normal(size=(count, dim + 1))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def torus_in_space(points: Points) -> Points:
    """Returns points of the flat torus on d circles of radius 1, in 2 d dimensions.

    Args:
        points: [n, d], of period 1.
    """
    angles = 2 * np.pi * points
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def ball_volume(dim: int) -> float:
    """Returns V_d = pi^(d/2) / Gamma(1 + d/2), the volume of the unit ball."""
    require_positive("dim", dim)
    return float(np.exp(dim / 2 * np.log(np.pi) - gammaln(1 + dim / 2)))


def manifold_volume(name: str, dim: int) -> float:
    """Returns the d-dimensional volume: 1, for a sphere (d + 1) V_{d+1}."""
    check_manifold(name, dim)
    return (dim + 1) * ball_volume(dim + 1) if name == "sphere" else 1.0


def separation(name: str, chord: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Returns distances on the manifold from straight ones.

    On a sphere 2 arcsin(chord / 2); on a flat manifold they are the same.

    Args:
        name: of the manifold.
        chord: [...] straight distances, on a torus to the nearest image.
    """
    require_least("distances", chord, 0)
    if name != "sphere":
        return chord
    return 2 * np.arcsin(np.minimum(chord / 2, 1))
