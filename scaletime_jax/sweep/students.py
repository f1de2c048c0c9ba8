"""Students of random teachers in the setting of [B21, A.1], with their networks."""

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from scaletime_jax.data.sources import Dataset, load_dataset
from scaletime_jax.data.teachers import respond
from scaletime_jax.data.transforms import draw_subset
from scaletime_jax.errors import InputError
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.examples import run_keys, teacher_weights
from scaletime_jax.sweep.fits import FittedRun, fit_runs
from scaletime_jax.sweep.grid import paper_grid
from scaletime_jax.track import Track, quiet


class Student(NamedTuple):
    """A trained student.

    Attributes:
        run: the run with its network.
    """

    run: FittedRun

    @property
    def train_size(self) -> int:
        """Number of training examples."""
        return self.run.config.train_size

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Returns [n] outputs at inputs [n, d]."""
        given = jnp.asarray(inputs, jnp.float32)
        outputs, _ = self.run.network.apply(self.run.variables, given, False)
        return np.asarray(outputs, float)[:, 0]

    def hidden_layer(self, inputs: np.ndarray) -> np.ndarray:
        """Returns [n, units] values of the last hidden layer at inputs [n, d]."""
        return self.run.hidden_layer(inputs)


class Students(NamedTuple):
    """Teachers, their examples and students, for `studies.taught_students`.

    Attributes:
        steps: of training.
        width: units of a student's hidden layer.
        teacher_width: units of a teacher's hidden layer.
        pool: number of inputs from which training sets are drawn.
        test: number of test inputs.
    """

    steps: int = 40_000
    width: int = 192
    teacher_width: int = 96
    pool: int = 100_000
    test: int = 10_000

    def check(self, largest: int) -> None:
        """Requires a pool with the largest training set.

        Raises:
            InputError: the pool is too small.
        """
        if largest > self.pool:
            raise InputError(
                f"training sets of {largest:,} are larger than the pool of "
                f"{self.pool:,} inputs; choose smaller ones, or a larger pool."
            )

    def load(self, dim: int) -> Dataset:
        """Returns the inputs and the teachers of one dimension."""
        counts = f"pool={self.pool},test={self.test}"
        return _load(f"teacher:d={dim},width={self.teacher_width},{counts}")

    def test_inputs(self, dim: int) -> np.ndarray:
        """Returns [test, d] inputs that no student is trained on."""
        return self.load(dim).test_images

    def train_inputs(self, dim: int, seed: int, size: int) -> np.ndarray:
        """Returns [size, d] training inputs of the runs of a seed, in their order."""
        data = self.load(dim)
        keys = run_keys(jnp.uint32(seed))
        order = draw_subset(keys.data.subset, len(data.train_images), size)
        inputs: np.ndarray = data.train_images[np.asarray(order)]
        return inputs

    def teach(self, dim: int, seed: int, inputs: np.ndarray) -> np.ndarray:
        """Returns [n] outputs of the teacher of a seed at inputs [n, d]."""
        teacher = self.load(dim).teacher
        assert teacher is not None
        weights = teacher_weights(teacher, run_keys(jnp.uint32(seed)).data)
        outputs = respond(teacher, weights, jnp.asarray(inputs, jnp.float32))
        return np.asarray(outputs, float)[:, 0]

    def configs(
        self, dim: int, sizes: Sequence[int], seeds: Sequence[int]
    ) -> list[RunConfig]:
        """Returns the runs of students of several sizes and seeds."""
        return paper_grid(
            self.load(dim),
            architecture="mlp2",
            widths=self.width,
            train_sizes=sizes,
            seeds=seeds,
            optimizer="adam",
            learning_rates=0.003,
            batch_size=64,
            schedule="cosine",
            steps=self.steps,
            record="end",
        )

    def fit(
        self,
        dim: int,
        sizes: Sequence[int],
        seeds: Sequence[int],
        track: Track = quiet,
    ) -> Iterator[Student]:
        """Yields trained students of several sizes and seeds."""
        configs = self.configs(dim, sizes, seeds)
        for run in fit_runs(configs, self.load(dim), track):
            yield Student(run)


_load = functools.cache(load_dataset)
