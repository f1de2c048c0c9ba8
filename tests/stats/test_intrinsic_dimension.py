"""Estimators of dimension on manifolds whose dimension is known."""

import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.stats.intrinsic_dimension import (
    RATIOS,
    estimate_dimension,
    extrapolated_dimension,
    likelihood_dimension,
    neighbour_distances,
    ratio_dimension,
)

POINTS = 10_000


def on_manifold(name, dim, count=POINTS, seed=0):
    rng = np.random.default_rng(seed)
    if name == "cube":
        return rng.random((count, dim))
    if name == "sphere":
        normal = rng.normal(size=(count, dim + 1))
        return normal / np.linalg.norm(normal, axis=1, keepdims=True)
    angles = 2 * np.pi * rng.random((count, dim))
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def rotated(points, ambient):
    rng = np.random.default_rng(1)
    basis, _ = np.linalg.qr(rng.normal(size=(ambient, points.shape[1])))
    return points @ basis.T


def ratios(distances):
    return np.mean([ratio_dimension(distances, k) for k in RATIOS])


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        ("cube", 1),
        ("cube", 2),
        ("cube", 4),
        ("sphere", 1),
        ("sphere", 2),
        ("sphere", 4),
        ("torus", 1),
        ("torus", 2),
        pytest.param("sphere", 6, marks=pytest.mark.slow),
        pytest.param("sphere", 8, marks=pytest.mark.slow),
        pytest.param("torus", 4, marks=pytest.mark.slow),
        pytest.param("torus", 6, marks=pytest.mark.slow),
    ],
)
def test_manifolds_in_higher_dimensions_have_their_own(name, dim):
    found = estimate_dimension(rotated(on_manifold(name, dim), 2 * dim + 3))
    # 5% is what is claimed; the scatter of 10,000 points is 1 to 2%
    assert found.ratio.value == pytest.approx(dim, rel=0.05)
    # with 10 neighbours the bias is larger: 5.5% on the torus at d = 6
    assert found.likelihood.value == pytest.approx(dim, rel=0.06)
    assert found.neighbours == 10
    for each in (*found.by_ratio, found.ratio, found.likelihood):
        low, high = each.interval
        assert low < each.value < high and each.freedom == 9
    mean = np.mean([each.value for each in found.by_ratio])
    assert found.ratio.value == pytest.approx(mean, rel=1e-12)  # rounding


@pytest.mark.parametrize(
    ("name", "dim", "by_ratio", "by_likelihood"),
    [
        ("cube", 4, 0.97, 0.96),
        ("cube", 8, 0.91, 0.88),
        pytest.param("cube", 6, 0.94, 0.91, marks=pytest.mark.slow),
        pytest.param("sphere", 8, 0.97, 0.96, marks=pytest.mark.slow),
        pytest.param("sphere", 10, 0.95, 0.94, marks=pytest.mark.slow),
        pytest.param("torus", 6, 1.03, 1.054, marks=pytest.mark.slow),
        pytest.param("torus", 8, 1.09, 1.124, marks=pytest.mark.slow),
    ],
)
def test_boundaries_and_curvature_bias_as_documented(
    name, dim, by_ratio, by_likelihood
):
    distances = neighbour_distances(on_manifold(name, dim), 10)
    # twice the scatter of one draw: 1% by ratios, 0.6% by likelihood
    assert ratios(distances) / dim == pytest.approx(by_ratio, abs=0.02)
    assert likelihood_dimension(distances) / dim == pytest.approx(
        by_likelihood, abs=0.012
    )


@pytest.mark.parametrize(
    ("noise", "by_ratio", "by_likelihood"), [(1e-4, 3.3, 1.4), (1e-3, 10.7, 6.9)]
)
def test_noise_adds_dimensions_as_documented(noise, by_ratio, by_likelihood):
    rng = np.random.default_rng(0)
    points = rotated(on_manifold("sphere", 1), 20)
    clean = neighbour_distances(points, 1).mean()
    # half the mean spacing 2 pi / n, by the minimum of two exponential gaps
    assert clean == pytest.approx(np.pi / POINTS, rel=0.03)
    distances = neighbour_distances(points + noise * rng.normal(size=points.shape), 10)
    assert ratios(distances) == pytest.approx(by_ratio, rel=0.03)  # scatter of 1%
    assert likelihood_dimension(distances) == pytest.approx(by_likelihood, rel=0.03)


@pytest.mark.parametrize(
    ("name", "dim", "power"),
    [
        ("cube", 3, 1),
        ("cube", 8, 1),
        ("sphere", 5, 2),
        pytest.param("cube", 10, 1, marks=pytest.mark.slow),
        pytest.param("sphere", 8, 2, marks=pytest.mark.slow),
        pytest.param("sphere", 10, 2, marks=pytest.mark.slow),
    ],
)
def test_near_neighbours_are_without_bias(name, dim, power):
    distances = neighbour_distances(on_manifold(name, dim), 50)
    found = extrapolated_dimension(distances, power)
    # 2% is documented: a scatter of 0.4 to 1.2%, and less than 1% of bias
    assert found == pytest.approx(dim, rel=0.025)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "power", "off"), [("cube", 2, -0.07), ("sphere", 1, 0.05)]
)
def test_the_wrong_extrapolation_is_off_as_documented(name, power, off):
    distances = neighbour_distances(on_manifold(name, 8), 50)
    found = extrapolated_dimension(distances, power) / 8 - 1
    assert found == pytest.approx(off, abs=0.02)  # twice the scatter


def test_estimators_are_the_formulas():
    """On exact quantiles of mu, and on distances in a constant ratio."""
    share = (np.arange(1, 2001)) / 2000
    for k in RATIOS:
        with np.errstate(divide="ignore"):
            mu = (1 - share ** (1 / k)) ** (-1 / 3.7)  # F(mu) = (1 - mu^-d)^k
        mu[-1] = 1e9
        distances = np.ones((2000, k + 1))
        distances[:, k] = mu
        assert ratio_dimension(distances, k) == pytest.approx(3.7, rel=1e-9)
    distances = np.exp(np.arange(5.0))[None].repeat(3, axis=0)
    # mean of log(T_5 / T_j) over j = 1..4 is (4 + 3 + 2 + 1) / 4
    assert likelihood_dimension(distances, 5) == pytest.approx(1 / 2.5)


def test_scale_changes_nothing():
    points = on_manifold("cube", 3, 500)
    small, large = (neighbour_distances(points * c, 20) for c in (1e-8, 1e8))
    assert ratios(small) == pytest.approx(ratios(large), rel=1e-9)  # rounding
    values = [extrapolated_dimension(each, 1) for each in (small, large)]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_intervals_cover_where_there_is_no_bias():
    covered = []
    for seed in range(40):
        found = estimate_dimension(on_manifold("sphere", 2, 600, seed))
        for each in (found.ratio, found.likelihood):
            low, high = each.interval
            covered.append(low < 2 < high)
    # 95% nominal; 40 pairs that are not independent have a standard error of 3%
    assert 0.87 <= np.mean(covered) <= 1.0


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.zeros((400, 2)), "400 points of 400 are at distance 0 from another point"),
        (np.full((400, 2), np.nan), "400 points have coordinates that are not finite"),
        (
            np.ones((100, 2)),
            "100 points are too few for an interval .* give 300 points",
        ),
        (np.ones(400), "points must be .points, coordinates., got shape"),
    ],
)
def test_points_without_an_estimate_are_refused(unchecked, points, words):
    with pytest.raises(InputError, match=words):
        estimate_dimension(points)


def test_a_duplicate_among_others_is_counted():
    points = on_manifold("cube", 2, 400)
    points[7] = points[3]
    with pytest.raises(InputError, match="2 points of 400 are at distance 0"):
        estimate_dimension(points)
    points[7] = np.inf
    with pytest.raises(InputError, match="1 point has coordinates that are not finite"):
        neighbour_distances(points, 3)


def test_impossible_neighbours_are_refused():
    points = on_manifold("cube", 2, 20)
    with pytest.raises(InputError, match="20 points are too few for 20 neighbours"):
        neighbour_distances(points, 20)
    with pytest.raises(InputError, match="neighbours must be 3 or more, got 2"):
        estimate_dimension(points, 2)
    distances = neighbour_distances(points, 3)
    with pytest.raises(InputError, match="with 4 neighbours or more, got shape"):
        ratio_dimension(distances, 3)
    with pytest.raises(InputError, match="with 10 neighbours or more"):
        extrapolated_dimension(distances, 1)
    with pytest.raises(InputError, match="power must be 1 or 2, got 3"):
        extrapolated_dimension(neighbour_distances(points, 12), 3)
    lattice = np.ones((50, 5))
    for estimate in (ratio_dimension, likelihood_dimension):
        with pytest.raises(InputError, match="equally far"):
            estimate(lattice, 3)
