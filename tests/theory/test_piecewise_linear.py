"""Linear pieces on cube, sphere and torus, against NumPy and by their limits."""

import numpy as np
import pytest
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import cKDTree

from scaletime_jax.errors import InputError
from scaletime_jax.theory import piecewise_linear
from scaletime_jax.theory.manifolds import MANIFOLDS, sample_manifold
from scaletime_jax.theory.piecewise_linear import interpolate, slopes, triangulate
from scaletime_jax.theory.sine_teacher import draw_teacher, teach, teach_steps

DIMS = [1, 2, 3, 4]


def draw(name, dim, train_size=120, test_size=50, seed=0):
    rng = np.random.default_rng(seed)
    train, test = (sample_manifold(name, n, dim, rng) for n in (train_size, test_size))
    return train, test, draw_teacher(name, dim, rng)


def test_one_dimension_is_numpys_interpolation():
    train, test, teacher = draw("cube", 1)
    order = np.argsort(train[:, 0])
    values = teach(teacher, train)
    known = np.interp(
        test[:, 0], train[order, 0], values[order], left=np.nan, right=np.nan
    )
    found = triangulate("cube", train, test)
    # differences of outputs of order 0.3 in float64
    np.testing.assert_allclose(interpolate(found, values), known, atol=1e-13)
    steep = np.abs(np.diff(values[order]) / np.diff(train[order, 0]))
    np.testing.assert_allclose(slopes(found, values), steep, rtol=1e-9)


def test_a_circle_of_length_one_closes():
    train, test, teacher = draw("torus", 1)
    values = teach(teacher, train)
    known = np.interp(test[:, 0], train[:, 0], values, period=1)
    found = interpolate(triangulate("torus", train, test), values)
    np.testing.assert_allclose(found, known, atol=1e-13)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_cube_is_scipys_interpolation(dim):
    """Also where only the neighbourhood of the test points is triangulated."""
    train, test, teacher = draw("cube", dim, 2000)
    test = 0.4 + 0.1 * test
    values = teach(teacher, train)
    found = triangulate("cube", train, test)
    assert len(np.unique(found.corners)) < len(train) / 2
    known = LinearNDInterpolator(train, values)(test)
    np.testing.assert_allclose(interpolate(found, values), known, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        # 81 images of the torus
        pytest.param(n, d, marks=pytest.mark.slow if (n, d) == ("torus", 4) else ())
        for n in MANIFOLDS
        for d in DIMS
    ],
)
def test_simplices_are_delaunays(name, dim):
    """Weights of a mean, and no training point nearer to a centre than corners are."""
    train, test, _ = draw(name, dim)
    found = triangulate(name, train, test)
    inside = found.simplex >= 0
    assert inside.mean() > (0.4 if name == "cube" else 0.99)
    weights = found.weights[inside]
    assert weights.min() > -1e-9
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    places = found.places[found.simplex[inside]]
    point = np.einsum("ti,tij->tj", weights, places)
    if name == "sphere":
        point /= np.linalg.norm(point, axis=1, keepdims=True)
    np.testing.assert_allclose(point, test[inside], atol=1e-9)
    edges = places[:, 1:] - places[:, :1]
    if name == "sphere":  # the centre of a cap, on the sphere
        normal = np.stack([np.linalg.svd(each)[2][-1] for each in edges])
        centre = normal * np.sign(np.sum(normal * places[:, 0], axis=1))[:, None]
    else:
        half = np.sum(edges**2, axis=2)[..., None] / 2
        centre = places[:, 0] + np.linalg.solve(edges, half)[..., 0]
    radius = np.linalg.norm(centre - places[:, 0], axis=1)
    period = 1.0 if name == "torus" else None
    at = np.mod(centre, 1) if name == "torus" else centre
    nearest, _ = cKDTree(train, boxsize=period).query(at)
    # a sliver's centre is as inexact as the sliver is flat
    assert (nearest > radius * (1 - 1e-5)).all()


@pytest.mark.parametrize("name", ["cube", "torus"])
@pytest.mark.parametrize("dim", [2, 3])
def test_a_margin_that_is_too_narrow_is_widened(name, dim, monkeypatch):
    train, test, teacher = draw(name, dim, 1000)
    test = 0.4 + 0.1 * test
    values = teach(teacher, train)
    wide = interpolate(triangulate(name, train, test), values)
    monkeypatch.setattr(piecewise_linear, "MARGIN", 0.2)
    found = triangulate(name, train, test)
    # rounding of the same simplices' weights
    np.testing.assert_allclose(interpolate(found, values), wide, atol=1e-12)


@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize("dim", [2, 3])
def test_slopes_bound_the_student_between_points(name, dim):
    train, test, teacher = draw(name, dim, 400, 200)
    if name != "sphere":
        test = test / 2 + 0.25
    rng = np.random.default_rng(1)
    values = teach(teacher, train)
    moved = test + 1e-6 * rng.normal(size=test.shape)
    if name == "sphere":
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    both = triangulate(name, train, np.concatenate([test, moved]))
    outputs = interpolate(both, values).reshape(2, -1)
    steps = np.linalg.norm(moved - test, axis=1)
    steep = np.abs(outputs[1] - outputs[0]) / steps
    own = slopes(both, values)
    first, second = own[both.simplex].reshape(2, -1)
    # rounding of 1e-16 over steps of 1e-6
    assert (steep <= np.maximum(first, second) * (1 + 1e-6) + 1e-8).all()
    assert steep.max() > 0.3 * max(first.max(), second.max())  # and is not idle


@pytest.mark.parametrize("name", ["cube", "torus"])
def test_linear_targets_are_exact(name):
    """On the torus where no simplex crosses the seam."""
    train, test, _ = draw(name, 3, 800)
    test = 0.45 + 0.1 * test
    direction = np.array([1.0, -2.0, 0.5])
    found = triangulate(name, train, test)
    known = test @ direction
    outputs = np.sum(found.weights * (found.places @ direction)[found.simplex], axis=1)
    np.testing.assert_allclose(outputs, known, atol=1e-12)
    if name == "cube":
        values = train @ direction
        np.testing.assert_allclose(interpolate(found, values), known, atol=1e-12)
        steep = slopes(found, values)
        # slivers lose digits
        assert np.median(steep) == pytest.approx(np.linalg.norm(direction), rel=1e-9)


def test_a_place_on_a_torus_is_like_any_other():
    train, test, _ = draw("torus", 2, 200)
    values = np.random.default_rng(2).normal(size=200)
    here = interpolate(triangulate("torus", train, test), values)
    shift = np.array([0.37, 0.81])
    moved = np.mod(train + shift, 1), np.mod(test + shift, 1)
    there = interpolate(triangulate("torus", *moved), values)
    np.testing.assert_allclose(here, there, atol=1e-9)  # rounding of the places


def test_points_outside_the_hull_have_no_output():
    train, _, teacher = draw("cube", 2, 30)
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]])
    found = interpolate(triangulate("cube", train, corners), teach(teacher, train))
    assert np.isnan(found[:2]).all() and np.isfinite(found[2])


@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize("dim", DIMS)
def test_the_teachers_constant_is_a_bound_that_is_nearly_met(name, dim):
    rng = np.random.default_rng(0)
    teacher = draw_teacher(name, dim, rng)
    assert teacher.lipschitz == pytest.approx(1.0)
    points = sample_manifold(name, 4000, dim, rng)
    waves = np.cos(teacher.frequency * points + teacher.phases)
    gradient = teacher.frequency * teacher.amplitudes * waves
    if name == "sphere":  # the part along the sphere
        gradient -= points * np.sum(gradient * points, axis=1, keepdims=True)
    steep = np.linalg.norm(gradient, axis=1)
    assert 0.5 < steep.max() <= 1 + 1e-12
    values = teach(teacher, points)
    assert np.ptp(values) <= teacher.range
    assert set(teach_steps(teacher, points)) <= {0.0, 1.0}
    if name == "torus":
        np.testing.assert_allclose(teach(teacher, points + 1), values, atol=1e-12)


def test_what_cannot_be_triangulated_is_refused():
    rng = np.random.default_rng(0)
    five = rng.random((50, 5))
    words = "a cube of dimension 5 cannot be triangulated, .* choose 4 or less"
    with pytest.raises(InputError, match=words):
        triangulate("cube", five, five)
    few = rng.random((3, 2))
    words = "3 training points are too few .* of a torus of dimension 2; give 4 or more"
    with pytest.raises(InputError, match=words):
        triangulate("torus", few, few)
    flat = np.stack([np.linspace(0, 1, 9)] * 2, axis=1)
    with pytest.raises(InputError, match="9 training points lie in a plane"):
        triangulate("cube", flat, flat)
    half = sample_manifold("sphere", 40, 2, rng)
    half[:, 2] = np.abs(half[:, 2]) + 0.01
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    with pytest.raises(InputError, match="40 training points lie on one half of the"):
        triangulate("sphere", half, half)
    with pytest.raises(InputError, match="manifold 'ball' is not one of"):
        triangulate("ball", few, few)
