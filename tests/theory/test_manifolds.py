import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.theory.manifolds import (
    MANIFOLDS,
    ball_volume,
    manifold_volume,
    sample_manifold,
    separation,
    torus_in_space,
)


def test_volumes_are_the_known_ones():
    known = [2.0, np.pi, 4 / 3 * np.pi, np.pi**2 / 2]
    np.testing.assert_allclose([ball_volume(d) for d in (1, 2, 3, 4)], known)
    spheres = [2 * np.pi, 4 * np.pi, 2 * np.pi**2]
    found = [manifold_volume("sphere", d) for d in (1, 2, 3)]
    np.testing.assert_allclose(found, spheres)
    assert manifold_volume("cube", 5) == manifold_volume("torus", 2) == 1


@pytest.mark.parametrize("name", MANIFOLDS)
def test_samples_are_uniform(name):
    points = sample_manifold(name, 40_000, 3, np.random.default_rng(0))
    if name == "sphere":
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
        mean, second = 0.0, 1 / 4  # of each of four coordinates
    else:
        assert points.min() >= 0 and points.max() < 1
        mean, second = 1 / 2, 1 / 3
    # four standard errors of 40,000 points
    np.testing.assert_allclose(points.mean(axis=0), mean, atol=0.011)
    np.testing.assert_allclose((points**2).mean(axis=0), second, atol=0.007)


def test_a_torus_in_space_is_flat():
    points = np.array([[0.1, 0.9], [0.1 + 1e-6, 0.9], [1.1, -0.1]])
    placed = torus_in_space(points)
    np.testing.assert_allclose(placed[2], placed[0], atol=1e-12)
    step = np.linalg.norm(placed[1] - placed[0])
    assert step == pytest.approx(2 * np.pi * 1e-6, rel=1e-6)  # a chord of 1e-6 radians


def test_distances_on_a_sphere_are_arcs():
    chords = np.array([0.0, np.sqrt(2), 2.0, 2 + 1e-12])
    found = separation("sphere", chords)
    np.testing.assert_allclose(found, [0, np.pi / 2, np.pi, np.pi])
    np.testing.assert_array_equal(separation("torus", chords), chords)


def test_unknown_manifolds_are_refused():
    rng = np.random.default_rng(0)
    words = "manifold 'ball' is not one of cube, sphere, torus"
    with pytest.raises(InputError, match=words):
        sample_manifold("ball", 3, 2, rng)
    with pytest.raises(
        InputError, match="dimension of a cube must be 1 or more, got 0"
    ):
        sample_manifold("cube", 3, 0, rng)
