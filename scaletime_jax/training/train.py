"""One training run as one pure function of (key, hyper, data)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Num

from scaletime_jax.models.network import Network, Variables
from scaletime_jax.training.batching import (
    Batch,
    Sampler,
    Size,
    TrainData,
    batches_per_epoch,
)
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import Optimizer
from scaletime_jax.training.schedules import Count
from scaletime_jax.training.task import Task

Means = Float[Array, "2"]  # loss and accuracy
Recorded = tuple[Means, Means]  # on the training set, on the test set
Train = Callable[[Key[Array, ""], Hyper, TrainData], "Curves"]
Fit = Callable[[Key[Array, ""], Hyper, TrainData], "Fitted"]
Update = Callable[[Variables, Any, Batch, Hyper, Count, Count], tuple[Variables, Any]]
Evaluate = Callable[[Variables, Array, Array, Array, Size], Means]


class State(NamedTuple):
    """The state of network, optimizer and sampler, carried from step to step."""

    variables: Variables
    optimizer: Any
    sampler: Any


class Curves(NamedTuple):
    """The recorded metrics, one value per recorded step.

    `diverged` is true from the first evaluation with a non-finite loss.
    """

    train_loss: Float[Array, "records"]
    test_loss: Float[Array, "records"]
    train_accuracy: Float[Array, "records"]
    test_accuracy: Float[Array, "records"]
    diverged: Bool[Array, "records"]


class Fitted(NamedTuple):
    """A trained network: its variables after the last step, and the metrics."""

    variables: Variables
    curves: Curves


def make_update(network: Network, task: Task, optimizer: Optimizer) -> Update:
    """Returns update(variables, state, batch, hyper, step, total).

    `update` takes one step on sum_i weight_i loss(network(inputs_i), targets_i), the
    `step`-th of `total` counted from 0, and returns the new (variables, state of the
    optimizer). Inputs are as stored; `update` prepares them.
    """

    def objective(
        params: Any, state: Any, batch: Batch
    ) -> tuple[Float[Array, ""], Any]:
        inputs = task.prepare(batch.inputs)
        outputs, after = network.apply(Variables(params, state), inputs, True)
        return batch.weight @ task.loss(outputs, batch.targets), after.state

    def update(
        variables: Variables,
        state: Any,
        batch: Batch,
        hyper: Hyper,
        step: Count,
        total: Count,
    ) -> tuple[Variables, Any]:
        slope = jax.grad(objective, has_aux=True)
        gradient, after = slope(variables.params, variables.state, batch)
        params, state = optimizer.update(
            gradient, state, variables.params, hyper, step, total
        )
        return Variables(params, after), state

    return update


def make_evaluate(network: Network, task: Task, batch_size: int) -> Evaluate:
    """Returns evaluate(variables, inputs, index, targets, size) -> mean metrics.

    The means [2] of loss and accuracy are over the first `size` entries of index and
    targets. Batches have the same shape for every size, so that the numbers of a run do
    not depend on the other runs of its program.
    """

    def evaluate(
        variables: Variables,
        inputs: Num[Array, "population *shape"],
        index: Int[Array, "capacity"],
        targets: Num[Array, "capacity *target"],
        size: Size,
    ) -> Means:
        def add_batch(number: Int[Array, ""], sums: Means) -> Means:
            place = number * batch_size + jnp.arange(batch_size)
            position = jnp.where(place < size, place, 0)
            prepared = task.prepare(inputs[index[position]])
            outputs, _ = network.apply(variables, prepared, False)
            values = jnp.stack([*task.metrics(outputs, targets[position])])
            return sums + values @ (place < size).astype(values.dtype)

        batches = batches_per_epoch(size, batch_size)
        sums: Means = lax.fori_loop(0, batches, add_batch, jnp.zeros(2))
        return sums / size

    return evaluate


def split_key(key: Key[Array, ""]) -> tuple[Key[Array, ""], Key[Array, ""]]:
    """Returns the keys of a run's initialisation and of its batches."""
    init_key, batch_key = jax.random.split(key)
    return init_key, batch_key


def make_curves(
    train: Float[Array, "records 2"], test: Float[Array, "records 2"]
) -> Curves:
    """Returns the recorded (loss, accuracy) pairs as Curves, with divergence marked."""
    finite = jnp.isfinite(train[:, 0]) & jnp.isfinite(test[:, 0])
    diverged = lax.cummax((~finite).astype(jnp.int32)) > 0
    return Curves(train[:, 0], test[:, 0], train[:, 1], test[:, 1], diverged)


def check_records(records: Sequence[int] | Array) -> None:
    """Raises ValueError unless the steps increase from 0 or more."""
    steps = np.asarray(records)
    if steps.ndim != 1 or steps.size == 0 or (np.diff(steps, prepend=-1) <= 0).any():
        raise ValueError(f"records must increase from 0 or more, got {records}.")


def make_train(
    network: Network,
    task: Task,
    optimizer: Optimizer,
    records: Sequence[int] | Int[Array, "records"],
    sampler: Sampler,
    evaluation_batch: int = 64,
    until_test_loss: float = 0.0,
) -> Train:
    """Returns train(key, hyper, data) -> Curves: initialise, step, evaluate.

    `train` is a pure function, independent of jit, vmap, devices and Flax.

        >>> import jax, jax.numpy as jnp
        >>> from scaletime_jax import load_dataset, make_train
        >>> from scaletime_jax.models.mlp import MLP
        >>> from scaletime_jax.models.network import from_flax
        >>> from scaletime_jax.training.batching import TrainData, epochs
        >>> from scaletime_jax.training.hyper import Hyper
        >>> from scaletime_jax.training.optimizers import make_optimizer
        >>> from scaletime_jax.training.task import make_task
        >>> digits = load_dataset("mnist12k")
        >>> images = jnp.asarray(digits.train_images)
        >>> labels = jnp.asarray(digits.train_labels)
        >>> data = TrainData(images, jnp.arange(64), labels[:64], images[64:99],
        ...                  labels[64:99])
        >>> network, task = from_flax(MLP(width=1)), make_task("mse")
        >>> optimizer = make_optimizer("sgd")
        >>> train = make_train(network, task, optimizer, (0, 2, 4), epochs(32))
        >>> seeds = jax.random.split(jax.random.key(0), 3)
        >>> together = jax.jit(jax.vmap(train, (0, None, None)))
        >>> together(seeds, Hyper(jnp.float32(0.1)), data).test_loss.shape
        (3, 3)

    Args:
        network: the network.
        task: the task.
        optimizer: the optimizer.
        records: increasing steps >= 0 after which to evaluate; the run ends after the
            last. A traced array may repeat its last step, which is evaluated once; the
            records of the repetitions are NaN.
        sampler: rule for the batch of each step.
        evaluation_batch: number of examples evaluated together; affects only the speed.
        until_test_loss: the run ends at the first evaluation with a test loss at or
            below this number, and later records are NaN; 0 ends no run.
    """
    how = records, sampler, evaluation_batch, until_test_loss
    fit = make_fit(network, task, optimizer, *how)

    def train(key: Key[Array, ""], hyper: Hyper, data: TrainData) -> Curves:
        return fit(key, hyper, data).curves

    return train


def make_fit(
    network: Network,
    task: Task,
    optimizer: Optimizer,
    records: Sequence[int] | Int[Array, "records"],
    sampler: Sampler,
    evaluation_batch: int = 64,
    until_test_loss: float = 0.0,
) -> Fit:
    """Returns fit(key, hyper, data) -> Fitted, `make_train` with the trained network.

    The arguments are those of `make_train`.
    """
    update = make_update(network, task, optimizer)
    evaluate = make_evaluate(network, task, evaluation_batch)
    if not isinstance(records, jax.core.Tracer):
        check_records(records)

    def fit(key: Key[Array, ""], hyper: Hyper, data: TrainData) -> Fitted:
        init_key, batch_key = split_key(key)
        variables = network.init(init_key, task.prepare(data.inputs[:1]))
        test_size = data.test_targets.shape[0]
        everything = jnp.arange(test_size)
        stops = jnp.asarray(records)
        starts = jnp.concatenate([jnp.zeros(1, stops.dtype), stops[:-1]])
        total = stops[-1]

        def next_step(number: Int[Array, ""], state: State) -> State:
            carried, batch = sampler.next(state.sampler, number, batch_key, data)
            after, optimizer_state = update(
                state.variables, state.optimizer, batch, hyper, number, total
            )
            return State(after, optimizer_state, carried)

        def record(variables: Variables) -> Recorded:
            test = data.test_inputs, everything, data.test_targets, test_size
            return (
                evaluate(variables, data.inputs, data.subset, data.targets, data.size),
                evaluate(variables, *test),
            )

        def advance_and_record(
            state: State, span: tuple[Int[Array, ""], Int[Array, ""]]
        ) -> tuple[State, Recorded]:
            start, stop = span
            state = lax.fori_loop(start, stop, next_step, state)
            is_new = (start < stop) | (stop == 0)
            nothing = (jnp.full(2, jnp.nan), jnp.full(2, jnp.nan))
            return state, lax.cond(is_new, record, lambda _: nothing, state.variables)

        def until_reached(
            carried: tuple[State, Bool[Array, ""]],
            span: tuple[Int[Array, ""], Int[Array, ""]],
        ) -> tuple[tuple[State, Bool[Array, ""]], Recorded]:
            state, reached = carried
            start, stop = span
            stop = jnp.where(reached, start, stop)
            state, metrics = advance_and_record(state, (start, stop))
            return (state, reached | (metrics[1][0] <= until_test_loss)), metrics

        optimizer_state = optimizer.init(variables.params, hyper)
        state = State(variables, optimizer_state, sampler.init(data))
        if until_test_loss > 0:
            first = state, jnp.array(False)
            (state, _), metrics = lax.scan(until_reached, first, (starts, stops))
        else:
            state, metrics = lax.scan(advance_and_record, state, (starts, stops))
        return Fitted(state.variables, make_curves(*metrics))

    return fit
