"""Teachers: random networks whose outputs are the targets of a regression."""

import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from scaletime_jax.errors import InputError

PREFIX = "teacher:"
FORM = "teacher:d=D,width=W[,seed=S][,pool=N][,test=N]"
MAX_COUNT = 10_000_000


class Teacher(NamedTuple):
    """A random network on inputs of d dimensions [B21, A.1].

    Attributes:
        dimension: d, the number of inputs, which are uniform in [-1/2, 1/2]^d.
        width: number of ReLU units in each of the two hidden layers.
        seed: seed of the weights; None if the seed of a run draws the weights.
        scale: factor of the output.
    """

    dimension: int
    width: int
    seed: int | None = None
    scale: float = 6.0


class Weights(NamedTuple):
    """The weights of a teacher, N(0, 1 / inputs of the layer); there are no biases."""

    first: Float[Array, "width d"]
    second: Float[Array, "width width"]
    last: Float[Array, "1 width"]


class Source(NamedTuple):
    """A teacher with the inputs that its runs share.

    Attributes:
        teacher: the teacher.
        train_inputs: [pool, d] float32, from which training sets are drawn.
        test_inputs: [test, d] float32.
    """

    teacher: Teacher
    train_inputs: np.ndarray
    test_inputs: np.ndarray


def read_teacher(name: str) -> Teacher:
    """Returns the teacher of a dataset's name, as in `read_source`."""
    return _read(name)[0]


def read_source(name: str) -> Source:
    """Returns the teacher of a name, and its inputs.

    The inputs depend on d, pool and test alone, so teachers of one dimension share
    them.

    Args:
        name: 'teacher:d=D,width=W', with the optional parts ',seed=S' (one teacher
            instead of a teacher for each seed of a run), ',pool=N' (100,000 inputs) and
            ',test=N' (10,000 inputs).

    Raises:
        InputError: the name has another form, or a number is out of range.
    """
    teacher, *counts = _read(name)
    rng = np.random.default_rng(teacher.dimension)
    train, test = (
        (rng.random((count, teacher.dimension)) - 0.5).astype(np.float32)
        for count in counts
    )
    return Source(teacher, train, test)


def _read(name: str) -> tuple[Teacher, int, int]:
    """Returns teacher, pool and test of a name."""
    values: dict[str, int | None] = dict.fromkeys(("d", "width", "seed"))
    values |= {"pool": 100_000, "test": 10_000}
    for part in name.removeprefix(PREFIX).split(","):
        match = re.fullmatch(r"(\w+)=(\d+)", part)
        if match is None or match[1] not in values:
            raise InputError(
                f"dataset {name!r}: {part!r} is not a part of {FORM}, whole numbers."
            )
        values[match[1]] = int(match[2])
    for key in ("d", "width", "pool", "test"):
        number = values[key]
        if number is None or not 1 <= number <= MAX_COUNT:
            raise InputError(
                f"dataset {name!r}: {key} must be from 1 to {MAX_COUNT:,}; the form "
                f"is {FORM}."
            )
    dimension, width = values["d"], values["width"]
    pool, test = values["pool"], values["test"]
    assert dimension and width and pool and test
    return Teacher(dimension, width, values["seed"]), pool, test


def draw_weights(teacher: Teacher, key: Key[Array, ""]) -> Weights:
    """Draws the weights of a teacher.

    Args:
        teacher: the teacher. If it has a seed, the seed determines the weights.
        key: a typed key, used once.
    """
    if teacher.seed is not None:
        key = jax.random.key(teacher.seed)
    sizes = (teacher.dimension, teacher.width, teacher.width, 1)
    keys = jax.random.split(key, 3)
    return Weights(
        *(
            jax.random.normal(key, (after, before)) / jnp.sqrt(before)
            for key, before, after in zip(keys, sizes[:-1], sizes[1:], strict=True)
        )
    )


def respond(
    teacher: Teacher, weights: Weights, inputs: Float[Array, "n d"]
) -> Float[Array, "n 1"]:
    """Returns the teacher's outputs: scale W3 relu(W2 relu(W1 x))."""
    hidden = jax.nn.relu(weights.second @ jax.nn.relu(weights.first @ inputs.T))
    return teacher.scale * (weights.last @ hidden).T


def draw_examples(
    teacher: Teacher, weights: Weights, key: Key[Array, ""], count: int
) -> tuple[Float[Array, "count d"], Float[Array, "count 1"]]:
    """Draws new inputs, uniform in [-1/2, 1/2]^d, and their targets."""
    shape = count, teacher.dimension
    inputs = jax.random.uniform(key, shape, minval=-0.5, maxval=0.5)
    return inputs, respond(teacher, weights, inputs)
