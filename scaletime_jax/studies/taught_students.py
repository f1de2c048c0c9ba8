"""Students of random teachers: networks, nearest examples, linear interpolation."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.exponents import MIN_POINTS, select_range
from scaletime_jax.stats.intrinsic_dimension import (
    RATIOS,
    estimate_dimension,
    neighbour_distances,
    ratio_dimension,
)
from scaletime_jax.stats.log_means import mean_bend, seed_exponents
from scaletime_jax.theory.nearest_neighbour import nearest_points
from scaletime_jax.theory.piecewise_linear import interpolate, triangulate
from scaletime_jax.track import Track, quiet


@runtime_checkable
class Student(Protocol):
    """A trained student, such as `sweep.students.Student`."""

    @property
    def train_size(self) -> int:
        """Number of training examples."""

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Returns [n] outputs at inputs [n, d]."""

    def hidden_layer(self, inputs: np.ndarray) -> np.ndarray:
        """Returns [n, units] values of the last hidden layer at inputs [n, d]."""


@runtime_checkable
class Students(Protocol):
    """Teachers, their examples and students, such as `sweep.students.Students`."""

    def test_inputs(self, dim: int) -> np.ndarray:
        """Returns [test, d] inputs that no student is trained on."""

    def train_inputs(self, dim: int, seed: int, size: int) -> np.ndarray:
        """Returns [size, d] training inputs of the runs of a seed, in their order."""

    def teach(self, dim: int, seed: int, inputs: np.ndarray) -> np.ndarray:
        """Returns [n] outputs of the teacher of a seed at inputs [n, d]."""

    def fit(
        self, dim: int, sizes: Sequence[int], seeds: Sequence[int], track: Track
    ) -> Iterator[Student]:
        """Yields trained students of several sizes and seeds."""


class Kind(NamedTuple):
    """A student without training: its name in words, and k of its exponent k / d."""

    words: str
    power: int


KINDS = {
    "nearest": Kind("the nearest example's value", 2),
    "linear": Kind("linear interpolation", 4),
}
PLACES = 201  # of a segment


class Options(NamedTuple):
    """Options of the measurement.

    Attributes:
        dims: numbers of inputs d.
        segment_dim: d of the segment.
        segment_sizes: D of the students along the segment.
        hidden_size: D of the students whose hidden layer is measured.
        other_sizes: D of nearest examples and linear interpolation, ascending.
        seeds: each draws a teacher, a student and its examples.
    """

    dims: Sequence[int] = (2, 3, 4, 6, 8)
    segment_dim: int = 4
    segment_sizes: Sequence[int] = (30, 300, 3000, 30_000)
    hidden_size: int = 10_000
    other_sizes: Sequence[int] = (30, 100, 300, 1000, 3000, 10_000, 30_000)
    seeds: Sequence[int] = (101, 102, 103)


class Segment(NamedTuple):
    """Outputs along the straight line between two training inputs.

    Attributes:
        dimension: d.
        positions: [places] from 0, at the first training input, to 1.
        teacher: [places].
        sizes: [sizes] D.
        students: [sizes, places].
        errors: [sizes] root mean square of student less teacher along the segment.
    """

    dimension: int
    positions: np.ndarray
    teacher: np.ndarray
    sizes: np.ndarray
    students: np.ndarray
    errors: np.ndarray


class Hidden(NamedTuple):
    """Measured dimensions of one number of inputs.

    Attributes:
        dimension: d.
        inputs: estimate on the test inputs, with its interval over subsamples.
        hidden: estimate on the last hidden layer, with its interval over seeds.
    """

    dimension: int
    inputs: Estimate
    hidden: Estimate


class Other(NamedTuple):
    """The loss of a student without training over the number of examples.

    Attributes:
        kind: of `KINDS`.
        dimension: d.
        sizes: [sizes] D.
        losses: [sizes, seeds] mean squared error.
        used: [sizes] whether the size is in the straight range that is fitted.
        ratio: k / alpha, with k of the kind.
        note: reason for a missing exponent.
    """

    kind: str
    dimension: int
    sizes: np.ndarray
    losses: np.ndarray
    used: np.ndarray
    ratio: Estimate
    note: str


def measure_segment(
    options: Options, students: Students, track: Track = quiet
) -> Segment:
    """Evaluates students of several D between two examples.

    All students have the first seed, so one initialisation, one teacher and nested
    training sets; the segment joins the first two examples, which all have.
    """
    dim, seed = options.segment_dim, options.seeds[0]
    fitted = list(students.fit(dim, options.segment_sizes, [seed], track))
    ends = students.train_inputs(dim, seed, 2)
    positions = np.linspace(0, 1, PLACES)
    places = ends[0] + positions[:, None] * (ends[1] - ends[0])
    teacher = students.teach(dim, seed, places)
    outputs = np.stack([student.outputs(places) for student in fitted])
    errors = np.sqrt(((outputs - teacher) ** 2).mean(axis=1))
    sizes = np.array([student.train_size for student in fitted])
    return Segment(dim, positions, teacher, sizes, outputs, errors)


def measure_hidden(
    dim: int, options: Options, students: Students, track: Track = quiet
) -> Hidden:
    """Estimates the dimension of test inputs and of their last hidden layer.

    The hidden layer is of students of the largest D, one for each seed.
    """
    tests = students.test_inputs(dim)
    found = [
        mean_ratio_dimension(student.hidden_layer(tests))
        for student in students.fit(dim, [options.hidden_size], options.seeds, track)
    ]
    inputs = estimate_dimension(tests).ratio
    return Hidden(dim, inputs, jackknife(np.mean, np.array(found)[None]))


def measure_other(
    kind: str, dim: int, options: Options, students: Students, track: Track = quiet
) -> Other:
    """Measures a student without training on the teachers and training sets of seeds.

    Linear interpolation is tested on the inner half of the cube, [-1/4, 1/4]^d: some
    simplices at the faces are as long as the faces, whatever D is.
    """
    tests = students.test_inputs(dim) / (2 if kind == "linear" else 1)
    losses = []
    words = f"{KINDS[kind].words}, d = {dim}, seeds"
    for seed in track(options.seeds, words):
        inputs = students.train_inputs(dim, seed, max(options.other_sizes))
        targets, truth = (students.teach(dim, seed, at) for at in (inputs, tests))
        losses.append(
            [
                other_loss(kind, inputs[:size], targets[:size], tests, truth)
                for size in options.other_sizes
            ]
        )
    sizes, values = np.array(options.other_sizes), np.array(losses).T
    used = select_range(sizes, values, mean_bend)
    ratio, note = Estimate(None, None), ""
    if used.any():
        slopes = -seed_exponents(sizes[used], values[used])[None]
        power = KINDS[kind].power
        ratio = jackknife(lambda alpha: float(power / np.mean(alpha)), slopes)
    else:
        note = f"no {MIN_POINTS} neighbouring sizes are on a straight line"
    return Other(kind, dim, sizes, values, used, ratio, note)


def other_loss(
    kind: str,
    inputs: Float[np.ndarray, "n d"],
    targets: Float[np.ndarray, "n"],
    tests: Float[np.ndarray, "m d"],
    truth: Float[np.ndarray, "m"],
) -> float:
    """Returns the mean squared error of a student without training.

    Args:
        kind: of `KINDS`.
        inputs: of the training set, in [-1/2, 1/2]^d.
        targets: of the training set.
        tests: test inputs; where they are outside the hull of the training inputs,
            linear interpolation has no output, and the mean leaves them out.
        truth: targets of the test inputs.
    """
    train, test = np.asarray(inputs, float) + 0.5, np.asarray(tests, float) + 0.5
    if kind == "nearest":
        outputs = targets[nearest_points("cube", train, test).rows]
    else:
        outputs = interpolate(triangulate("cube", train, test), targets)
    return float(np.nanmean((outputs - truth) ** 2))


def mean_ratio_dimension(points: np.ndarray) -> float:
    """Returns the dimension by ratios of distances, the mean over three ratios.

    Points at distance 0 from another point are left out.
    """
    points = np.unique(points, axis=0)
    distances = neighbour_distances(points, max(RATIOS) + 1)
    return float(np.mean([ratio_dimension(distances, k) for k in RATIOS]))
