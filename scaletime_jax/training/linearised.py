"""Training of a network's linearisation in the space of its outputs."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key

from scaletime_jax.models.network import Network, Variables
from scaletime_jax.training.batching import TrainData
from scaletime_jax.training.curves import Curves, make_curves
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.task import Task
from scaletime_jax.training.train import check_records, split_key

# (variables, inputs, inputs) -> kernel between the outputs of two batches
Kernel = Callable[[Variables, Array, Array], Float[Array, "n outputs m outputs"]]


def make_linear_train(
    network: Network,
    kernel: Kernel,
    task: Task,
    records: Sequence[int] | Int[Array, "records"],
) -> Callable[[Key[Array, ""], Hyper, TrainData], Curves]:
    """Returns train(key, hyper, data) -> Curves of the linearised network.

    Full-batch gradient descent on the parameters of `models.network.linearise` moves
    the outputs f of the n training examples and f_test of the test examples by

        f(t+1) = f(t) - rate Theta g(t),   g(t) = d mean loss / d f,
        f_test(t) = f_test(0) - rate Theta_test,train sum_{s < t} g(s)

    [Lee et al. 2019], with the tangent kernel Theta at the start. A step is a product
    with an [n outputs, n outputs] matrix, whatever the number of parameters, and test
    outputs are needed at the records alone. The start is the one of `make_train` for
    the same key. The learning rate is constant.

    Args:
        network: the network.
        kernel: tangent kernel of the network.
        task: the task.
        records: increasing steps >= 0 after which to evaluate, as in `make_train`.
    """
    if not isinstance(records, jax.core.Tracer):
        check_records(records)

    def train(key: Key[Array, ""], hyper: Hyper, data: TrainData) -> Curves:
        init_key, _ = split_key(key)
        variables = network.init(init_key, task.prepare(data.inputs[:1]))
        inputs = task.prepare(data.inputs[data.subset])
        test_inputs = task.prepare(data.test_inputs)
        start = network.apply(variables, inputs, False)[0]
        test_start = network.apply(variables, test_inputs, False)[0]
        within = kernel(variables, inputs, inputs)
        across = kernel(variables, test_inputs, inputs)
        place = jnp.arange(inputs.shape[0])
        weight = (place < data.size) / data.size
        stops = jnp.asarray(records)
        starts = jnp.concatenate([jnp.zeros(1, stops.dtype), stops[:-1]])

        def objective(outputs: Array) -> Float[Array, ""]:
            return weight @ task.loss(outputs, data.targets)

        def move(kernel: Array, change: Array) -> Array:
            moved: Array = hyper.learning_rate * jnp.tensordot(kernel, change, 2)
            return moved

        def next_step(_: Any, summed: Array) -> Array:
            slope: Array = jax.grad(objective)(start - move(within, summed))
            return summed + slope

        def advance_and_record(
            summed: Array, span: tuple[Int[Array, ""], Int[Array, ""]]
        ) -> tuple[Array, tuple[Array, Array]]:
            begin, end = span
            summed = lax.fori_loop(begin, end, next_step, summed)
            outputs = start - move(within, summed)
            test = task.metrics(test_start - move(across, summed), data.test_targets)
            mine = task.metrics(outputs, data.targets)
            return summed, (
                jnp.stack([weight @ each for each in mine]),
                jnp.stack([jnp.mean(each) for each in test]),
            )

        nothing = jnp.zeros_like(start)
        _, metrics = lax.scan(advance_and_record, nothing, (starts, stops))
        return make_curves(*metrics)

    return train
