"""Distances and losses of students that agree with a target at D random points."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scaletime_jax.arguments import require, require_least
from scaletime_jax.stats.exponents import MIN_POINTS
from scaletime_jax.theory.manifolds import (
    MANIFOLDS,
    check_manifold,
    sample_manifold,
)
from scaletime_jax.theory.nearest_neighbour import (
    large_sample_distance,
    lipschitz_bound,
    mean_distance,
    nearest_points,
)
from scaletime_jax.theory.piecewise_linear import (
    MOST_DIM,
    check_triangulated,
    interpolate,
    slopes,
    triangulate,
)
from scaletime_jax.theory.sine_teacher import (
    FREQUENCIES,
    draw_teacher,
    teach,
    teach_steps,
)
from scaletime_jax.track import Track, quiet
from scaletime_jax.words import count_of

# In one dimension the longest of the gaps decide the loss, and in two less so: so many
# times more draws, which cost little there, give intervals of about equal width.
MORE_DRAWS = {1: 20, 2: 6, 3: 2}
# Largest change of the teacher's phase over the mean distance, in radians: the rule by
# which the sizes of piecewise-linear students are chosen, without a look at a loss.
RESOLVED = 0.5


class LossOptions(NamedTuple):
    """Options of the measurement.

    Attributes:
        dims: d.
        sizes: D of distances and nearest-neighbour students, ascending.
        linear_sizes: D from which those of piecewise-linear students are taken,
            ascending: the first ones that resolve the teacher (`linear_range`).
        linear_count: how many are taken, from d = 4 on one less.
        draws: of training sets, test sets and teachers, for four dimensions;
            `MORE_DRAWS` times as many for fewer.
        test_points: fresh points of each draw.
        seed: of the draws.
    """

    dims: Sequence[int] = (1, 2, 3, 4)
    sizes: Sequence[int] = (1000, 2000, 4000, 8000, 16_000, 32_000)
    linear_sizes: Sequence[int] = (1000, 2000, 4000, 8000, 16_000, 32_000)
    linear_count: int = 5
    draws: int = 10
    test_points: int = 4000
    seed: int = 101


class Curve(NamedTuple):
    """Means over test points on one manifold.

    Attributes:
        manifold: its name.
        dim: d.
        quantity: what is measured, of `QUANTITIES`.
        sizes: [sizes] D.
        values: [sizes, draws].
    """

    manifold: str
    dim: int
    quantity: str
    sizes: np.ndarray
    values: np.ndarray


class Distances(NamedTuple):
    """The theory of the mean distance, on one manifold.

    Attributes:
        manifold: its name.
        dim: d.
        sizes: [sizes] D.
        exact: [sizes] `mean_distance`.
        large: [sizes] `large_sample_distance`.
    """

    manifold: str
    dim: int
    sizes: np.ndarray
    exact: np.ndarray
    large: np.ndarray


DISTANCE, NEAREST, LINEAR, BOUND, STEPS, TO_FACES, STEEPEST = (
    "distance",
    "nearest",
    "linear",
    "bound",
    "steps",
    "linear to the faces",
    "steepest slope",
)


def check_options(options: LossOptions) -> None:
    """Requires sizes from which an exponent can be fitted.

    Raises:
        InputError: a grid of sizes is too short or not ascending, or there are too few
            draws or test points.
    """
    require_least("dims", options.dims, 1)
    require_least("draws", options.draws, 2)
    require_least("test_points", options.test_points, 1)
    for name in ("sizes", "linear_sizes"):
        sizes = np.asarray(getattr(options, name))
        require(
            len(sizes) >= MIN_POINTS,
            f"{name} has {count_of(len(sizes), 'size')}, too few for the "
            f"straight range of an exponent; give {MIN_POINTS} or more.",
        )
        require((np.diff(sizes) > 0).all(), f"{name} must be ascending.")
        require_least(name, sizes, max(options.dims) + 2)
    for dim in options.dims:
        for name in MANIFOLDS:
            linear_range(name, dim, options)


def linear_range(name: str, dim: int, options: LossOptions) -> list[int]:
    """Returns the sizes of piecewise-linear students.

    The teacher's frequency times the mean distance (`mean_distance`) must be at most
    half a radian; of such sizes the first are taken.

    Raises:
        InputError: fewer than four sizes are left.
    """
    check_triangulated(name, dim)
    sizes = np.asarray(options.linear_sizes)
    phases = FREQUENCIES[name] * mean_distance(name, dim, sizes.astype(float))
    fine = [int(size) for size in sizes[phases <= RESOLVED]]
    count = options.linear_count - (dim >= MOST_DIM)
    require(
        count >= MIN_POINTS,
        f"linear_count must be {MIN_POINTS + (dim >= MOST_DIM)} or more for an "
        f"exponent at d = {dim}, got {options.linear_count}.",
    )
    require(
        len(fine) >= MIN_POINTS,
        f"linear_sizes has {count_of(len(fine), 'size')} with a mean distance of at "
        f"most {RESOLVED / FREQUENCIES[name]:.2g} on the {dim}-dimensional {name}; an "
        f"exponent needs {MIN_POINTS} or more, so give larger sizes.",
    )
    return fine[:count]


def measure_losses(
    name: str, dim: int, options: LossOptions, track: Track = quiet
) -> list[Curve]:
    """Measures a nearest-neighbour and a piecewise-linear student of a sine teacher.

    A draw has one teacher, one test set and one training set, of whose points the first
    D are used. Losses are (f - F)^2 / 2. On cube and torus piecewise-linear students
    are tested in the inner half [1/4, 3/4]^d: on a torus all places are alike, and in a
    cube some simplices near the faces are as long as the faces, whatever D is. The loss
    up to the faces, without test points outside the hull, is the curve `TO_FACES`.

    Args:
        name: of the manifold.
        dim: d.
        options: of the measurement.
        track: shows the progress.

    Raises:
        InputError: the manifold is unknown, or its dimension cannot be triangulated.
    """
    check_manifold(name, dim)
    stream = np.random.SeedSequence([options.seed, dim, len(name), ord(name[0])])
    draws = options.draws * MORE_DRAWS.get(dim, 1)
    seeds = stream.spawn(draws)
    words = f"{dim}-dimensional {name}, draws"
    linear_sizes = linear_range(name, dim, options)
    found = [
        _measure_draw(name, dim, options, linear_sizes, seed)
        for seed in track(seeds, words)
    ]
    curves = []
    for quantity in found[0]:
        of_linear = quantity not in (DISTANCE, NEAREST, STEPS)
        sizes = np.array(linear_sizes if of_linear else options.sizes)
        values = np.stack([each[quantity] for each in found], axis=1)
        curves.append(Curve(name, dim, quantity, sizes, values))
    return curves


def distance_theory(name: str, dim: int, sizes: Sequence[int]) -> Distances:
    """Returns the mean distance that theory predicts at sizes [sizes]."""
    at = np.asarray(sizes, float)
    exact, large = mean_distance(name, dim, at), large_sample_distance(name, dim, at)
    return Distances(name, dim, at, exact, large)


def _measure_draw(
    name: str,
    dim: int,
    options: LossOptions,
    linear_sizes: Sequence[int],
    seed: np.random.SeedSequence,
) -> dict[str, np.ndarray]:
    """Returns the means over test points at all sizes, by quantity."""
    rng = np.random.default_rng(seed)
    teacher = draw_teacher(name, dim, rng)
    most = max(options.sizes[-1], linear_sizes[-1])
    train = sample_manifold(name, most, dim, rng)
    test = sample_manifold(name, options.test_points, dim, rng)
    targets = teach(teacher, train), teach(teacher, test)
    steps = teach_steps(teacher, train), teach_steps(teacher, test)
    found: dict[str, list[float]] = {}

    def keep(quantity, value):
        found.setdefault(quantity, []).append(float(value))

    for size in options.sizes:
        near = nearest_points(name, train[:size], test)
        keep(DISTANCE, near.distance.mean())
        keep(NEAREST, half_square(targets[0][near.rows], targets[1]))
        keep(STEPS, half_square(steps[0][near.rows], steps[1]))
    half = len(test) // 2 if name == "cube" else 0  # as far as the faces
    places = (
        test if name == "sphere" else np.concatenate([test[:half], test / 2 + 0.25])
    )
    truth = teach(teacher, places)
    for size in linear_sizes:
        found_in = triangulate(name, train[:size], places)
        student = interpolate(found_in, targets[0])
        steepest = slopes(found_in, targets[0]).max()
        distance = nearest_points(name, train[:size], places[half:]).distance.mean()
        keep(LINEAR, half_square(student[half:], truth[half:]))
        keep(BOUND, lipschitz_bound(1.0, steepest, teacher.lipschitz, distance))
        keep(STEEPEST, steepest)
        if name == "cube":
            keep(TO_FACES, half_square(student[:half], truth[:half]))
    return {quantity: np.array(values) for quantity, values in found.items()}


def half_square(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Returns the mean of (f - F)^2 / 2 over the test points that have an output."""
    return float(np.nanmean((outputs - targets) ** 2) / 2)
