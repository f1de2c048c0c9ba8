"""Distances to the nearest point: brute force, closed forms, limits."""

import numpy as np
import pytest
from scipy.integrate import dblquad

from scaletime_jax.errors import InputError
from scaletime_jax.theory.manifolds import MANIFOLDS, sample_manifold
from scaletime_jax.theory.nearest_neighbour import (
    large_sample_distance,
    lipschitz_bound,
    mean_distance,
    nearest_points,
)

SIZES = np.array([10.0, 1000.0])


def brute_force(name, train, test):
    """All distances on the manifold, without a tree."""
    gaps = np.abs(test[:, None] - train[None])
    if name == "torus":
        gaps = np.minimum(gaps, 1 - gaps)
    if name == "sphere":
        return np.arccos(np.clip(test @ train.T, -1, 1))
    return np.linalg.norm(gaps, axis=2)


@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize("dim", [1, 3])
def test_nearest_points_are_the_least_of_all(name, dim):
    rng = np.random.default_rng(0)
    train, test = (sample_manifold(name, n, dim, rng) for n in (60, 40))
    distances = brute_force(name, train, test)
    near = nearest_points(name, train, test)
    np.testing.assert_array_equal(near.rows, distances.argmin(axis=1))
    # arccos loses half of the digits at small angles
    np.testing.assert_allclose(near.distance, distances.min(axis=1), rtol=1e-6)


def test_one_dimension_has_closed_forms():
    n = SIZES + 1
    cube = 1 / (2 * n) + 1 / (2 * n * (n + 1))
    # the face term is 1 / (2 D^2): exact but for the order D^-3
    found = mean_distance("cube", 1, SIZES)
    np.testing.assert_allclose(found[0], cube[0], rtol=0.03)
    np.testing.assert_allclose(found[1], cube[1], rtol=3e-6)
    np.testing.assert_allclose(mean_distance("torus", 1, SIZES), 1 / (2 * n))
    np.testing.assert_allclose(mean_distance("sphere", 1, SIZES), np.pi / n, rtol=1e-8)


def test_the_excess_of_a_face_is_the_double_integral():
    """In three dimensions, from the volume of a ball that a face cuts."""

    def excess(r, s):
        ball = 4 / 3 * np.pi * r**3
        cut = np.pi * (r - s) ** 2 * (2 * r + s) / 3  # the cap beyond the face
        return np.exp(-(ball - cut)) - np.exp(-ball)

    face, _ = dblquad(excess, 0, 3, lambda s: s, lambda s: 4)
    size = np.array([1e4])
    added = mean_distance("cube", 3, size) - mean_distance("torus", 3, size)
    np.testing.assert_allclose(added, 6 * face * size ** (-2 / 3), rtol=1e-6)


@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_many_points_have_the_constant(name, dim):
    size = np.array([1e12])
    ratio = mean_distance(name, dim, size) / large_sample_distance(name, dim, size)
    # the faces add a share of order D^(-1/d) on the cube, at most 1e-3
    np.testing.assert_allclose(ratio, 1, rtol=2e-3)
    two = large_sample_distance(name, dim, np.array([1.0, 2.0**dim]))
    assert two[0] == pytest.approx(2 * two[1])


@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_the_mean_is_measured(name, dim):
    rng = np.random.default_rng(dim)
    found = [
        nearest_points(
            name,
            sample_manifold(name, 1000, dim, rng),
            sample_manifold(name, 1000, dim, rng),
        ).distance.mean()
        for _ in range(40)
    ]
    theory = mean_distance(name, dim, np.array(1000.0))
    # edges of the cube add a share of D^(-2/d), below 1% at d = 4; four standard errors
    error = np.std(found) / np.sqrt(len(found))
    slack = 0.01 * theory * (name == "cube" and dim > 2)
    assert np.mean(found) == pytest.approx(float(theory), abs=4 * error + slack)


def test_the_bound_is_the_product():
    found = lipschitz_bound(2.0, 0.5, 1.0, np.array([0.0, 0.1]))
    np.testing.assert_allclose(found, [0, 0.3])
    with pytest.raises(InputError, match="student_constant must be 0 or more"):
        lipschitz_bound(1.0, np.inf, 1.0, np.array([0.1]))


def test_sizes_and_manifolds_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="sizes must be above 0"):
        mean_distance("cube", 2, np.array([0.0]))
    with pytest.raises(InputError, match="manifold 'disk' is not one of"):
        large_sample_distance("disk", 2, np.array([1.0]))
    with pytest.raises(InputError, match="there must be 1 training point or more"):
        nearest_points("cube", np.zeros((0, 2)), np.zeros((1, 2)))
