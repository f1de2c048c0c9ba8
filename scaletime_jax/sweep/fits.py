"""Runs of which the trained network is wanted, not the curves alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from scaletime_jax.data.sources import Dataset
from scaletime_jax.data.transforms import normalise
from scaletime_jax.errors import InputError
from scaletime_jax.models.network import Network, Variables, last_inputs
from scaletime_jax.sweep.architectures import Module
from scaletime_jax.sweep.checks import check_fits
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.examples import (
    SharedData,
    Targets,
    make_draw,
    make_shared_data,
    run_keys,
    targets_of,
)
from scaletime_jax.sweep.lanes import (
    Lanes,
    Parts,
    make_hyper,
    make_lanes,
    make_length,
    make_parts,
)
from scaletime_jax.sweep.tuning import make_tuning
from scaletime_jax.track import Track, quiet
from scaletime_jax.training.train import Fitted, make_fit

AT_ONCE = 1000  # examples whose hidden layers are computed together
Program = Callable[[Lanes, SharedData], tuple[Fitted, Array, Array]]


class FittedRun(NamedTuple):
    """A trained run.

    Attributes:
        config: of the run.
        module: the Flax module of the network; None for a user's own.
        network: the network.
        variables: of the network after the last step.
        inputs: [train_size, ...] of the training set.
        targets: [train_size, ...] of the training set.
    """

    config: RunConfig
    module: Module | None
    network: Network
    variables: Variables
    inputs: np.ndarray
    targets: np.ndarray

    def hidden_layer(self, inputs: np.ndarray) -> np.ndarray:
        """Returns [n, units] values of the last hidden layer at inputs [n, ...].

        The inputs are as the dataset stores them.

        Raises:
            InputError: the network is a user's own.
        """
        if self.module is None:
            raise InputError(
                f"the last hidden layer of {self.config.architecture!s}, a network of "
                "your own, is not known."
            )
        variables = jax.tree.map(jnp.asarray, self.variables)
        layers = [
            last_inputs(self.module, variables, normalise(jnp.asarray(part)))
            for part in np.array_split(inputs, -(-len(inputs) // AT_ONCE))
        ]
        return np.concatenate([np.asarray(each, float) for each in layers])


def fit_runs(
    configs: Sequence[RunConfig], dataset: Dataset, track: Track = quiet
) -> Iterator[FittedRun]:
    """Yields trained runs, which are those of a sweep with the same configs.

    Configs of one shape share a compiled program. Runs are trained one after the other,
    for the few networks that one looks at.

    Args:
        configs: of runs on the dataset, neither linearised nor on fresh examples.
        dataset: the dataset.
        track: shows the progress.

    Raises:
        InputError: a config does not fit the dataset.
    """
    for config in configs:
        check_fits(config, dataset)
    targets = targets_of(dataset)
    shared = make_shared_data(dataset)
    made: dict[tuple[Any, ...], tuple[Parts, Program]] = {}
    for config in track(configs, f"networks on {dataset.name}"):
        if config.shape not in made:
            made[config.shape] = _make_program(config, targets)
        parts, program = made[config.shape]
        lane = jax.tree.map(lambda x: x[0], make_lanes([config], 1))
        found, inputs, values = jax.device_get(program(lane, shared))
        whole = config, parts.module, parts.network, found.variables
        yield FittedRun(*whole, inputs, values)


def _make_program(config: RunConfig, targets: Targets) -> tuple[Parts, Program]:
    """Returns the parts, and program(lane, shared) -> fitted, inputs, targets."""
    tuning = make_tuning(jax.default_backend())
    parts = make_parts(config, targets, tuning)
    draw = make_draw(config, targets, config.train_size)
    length = make_length(config, len(config.records))

    def program(lane: Lanes, shared: SharedData) -> tuple[Fitted, Array, Array]:
        keys = run_keys(lane["seed"])
        data, sampler = draw(keys.data, lane, length.train_size, shared)
        how = config.records, sampler, tuning.evaluation_batch, config.until_test_loss
        fit = make_fit(parts.network, parts.task, parts.optimizer(data.inputs), *how)
        found = fit(keys.train, make_hyper(lane), data)
        return found, data.inputs[data.subset], data.targets

    return parts, jax.jit(program, compiler_options=tuning.compiler_options)
