"""Students of random teachers: networks, nearest examples, linear interpolation."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from scaletime_jax.data.sources import Dataset, load_dataset
from scaletime_jax.data.teachers import respond
from scaletime_jax.data.transforms import draw_subset
from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import from_flax
from scaletime_jax.models.tangent import layers_of
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.stats.exponents import MIN_POINTS, select_range
from scaletime_jax.stats.intrinsic_dimension import (
    RATIOS,
    estimate_dimension,
    neighbour_distances,
    ratio_dimension,
)
from scaletime_jax.stats.log_means import mean_bend, seed_exponents
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.examples import run_keys, teacher_weights
from scaletime_jax.sweep.fits import FittedRun, fit_runs
from scaletime_jax.sweep.grid import paper_grid
from scaletime_jax.theory.nearest_neighbour import nearest_points
from scaletime_jax.theory.piecewise_linear import interpolate, triangulate
from scaletime_jax.track import Track, quiet


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
        steps: of training, with the optimizer of [B21, A.1].
        width: units of a student's hidden layer.
        teacher_width: units of a teacher's hidden layer.
        pool: number of inputs from which training sets are drawn.
        test: number of test inputs.
    """

    dims: Sequence[int] = (2, 3, 4, 6, 8)
    segment_dim: int = 4
    segment_sizes: Sequence[int] = (30, 300, 3000, 30_000)
    hidden_size: int = 10_000
    other_sizes: Sequence[int] = (30, 100, 300, 1000, 3000, 10_000, 30_000)
    seeds: Sequence[int] = (101, 102, 103)
    steps: int = 40_000
    width: int = 192
    teacher_width: int = 96
    pool: int = 100_000
    test: int = 10_000


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


def load_teacher(dim: int, options: Options) -> Dataset:
    """Returns the inputs and the teachers of one dimension."""
    counts = f"pool={options.pool},test={options.test}"
    return load_dataset(f"teacher:d={dim},width={options.teacher_width},{counts}")


def make_students(
    data: Dataset, sizes: Sequence[int], seeds: Sequence[int], options: Options
) -> list[RunConfig]:
    """Returns students in the setting of [B21, A.1]."""
    return paper_grid(
        data,
        architecture="mlp2",
        widths=options.width,
        train_sizes=sizes,
        seeds=seeds,
        optimizer="adam",
        learning_rates=0.003,
        batch_size=64,
        schedule="cosine",
        steps=options.steps,
        record="end",
    )


def measure_segment(options: Options, track: Track = quiet) -> Segment:
    """Trains students of several D, and evaluates them between two examples.

    All students have the first seed, so one initialisation, one teacher and nested
    training sets; the segment joins the first two examples, which all have.
    """
    dim, seed = options.segment_dim, options.seeds[0]
    data = load_teacher(dim, options)
    configs = make_students(data, options.segment_sizes, [seed], options)
    runs = list(fit_runs(configs, data, track))
    ends = runs[0].inputs[:2]
    positions = np.linspace(0, 1, PLACES)
    places = ends[0] + positions[:, None] * (ends[1] - ends[0])
    teacher = teach(data, seed, places)
    students = np.stack([outputs_of(run, places) for run in runs])
    errors = np.sqrt(((students - teacher) ** 2).mean(axis=1))
    sizes = np.array([run.config.train_size for run in runs])
    return Segment(dim, positions, teacher, sizes, students, errors)


def measure_hidden(dim: int, options: Options, track: Track = quiet) -> Hidden:
    """Estimates the dimension of test inputs and of their last hidden layer.

    The hidden layer is of students of the largest D, one for each seed.
    """
    data = load_teacher(dim, options)
    configs = make_students(data, [options.hidden_size], options.seeds, options)
    found = [
        mean_ratio_dimension(hidden_layer(run, data.test_images))
        for run in fit_runs(configs, data, track)
    ]
    inputs = estimate_dimension(data.test_images).ratio
    return Hidden(dim, inputs, jackknife(np.mean, np.array(found)[None]))


def measure_other(kind: str, dim: int, options: Options, track: Track = quiet) -> Other:
    """Measures a student without training on the teachers and training sets of seeds.

    Linear interpolation is tested on the inner half of the cube, [-1/4, 1/4]^d: some
    simplices at the faces are as long as the faces, whatever D is.
    """
    data = load_teacher(dim, options)
    tests = data.test_images / (2 if kind == "linear" else 1)
    losses = []
    words = f"{KINDS[kind].words}, d = {dim}, seeds"
    for seed in track(options.seeds, words):
        order = training_order(seed, data, max(options.other_sizes))
        inputs = data.train_images[order]
        targets, truth = teach(data, seed, inputs), teach(data, seed, tests)
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


def training_order(seed: int, data: Dataset, size: int) -> np.ndarray:
    """Returns the rows of the training inputs that the run of a seed has, in order."""
    keys = run_keys(jnp.uint32(seed))
    order = draw_subset(keys.data.subset, len(data.train_images), size)
    return np.asarray(order)


def teach(data: Dataset, seed: int, inputs: np.ndarray) -> np.ndarray:
    """Returns [n] outputs of the teacher of a seed at inputs [n, d]."""
    assert data.teacher is not None  # of `load_teacher`
    weights = teacher_weights(data.teacher, run_keys(jnp.uint32(seed)).data)
    outputs = respond(data.teacher, weights, jnp.asarray(inputs, jnp.float32))
    return np.asarray(outputs, float)[:, 0]


def outputs_of(run: FittedRun, inputs: np.ndarray) -> np.ndarray:
    """Returns [n] outputs of a student at inputs [n, d]."""
    network = from_flax(run.module)
    outputs, _ = network.apply(run.variables, jnp.asarray(inputs, jnp.float32), False)
    return np.asarray(outputs, float)[:, 0]


def hidden_layer(run: FittedRun, inputs: np.ndarray) -> np.ndarray:
    """Returns [n, units] values of the last hidden layer of a student."""
    assert isinstance(run.module, MLP)
    layers = layers_of(run.module, run.variables, jnp.asarray(inputs))
    return np.asarray(layers[-1].inputs, float).T


def mean_ratio_dimension(points: np.ndarray) -> float:
    """Returns the dimension by ratios of distances, the mean over three ratios.

    Points at distance 0 from another point are left out.
    """
    points = np.unique(points, axis=0)
    distances = neighbour_distances(points, max(RATIOS) + 1)
    return float(np.mean([ratio_dimension(distances, k) for k in RATIOS]))
