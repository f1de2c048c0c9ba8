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
from scaletime_jax.training.curves import Curves, make_curves
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
    """What a run carries from segment to segment: all that its next steps depend on.

    Attributes:
        variables: of the network.
        optimizer: of the optimizer.
        ended: whether the run has ended before its last step, at its test loss.
    """

    variables: Variables
    optimizer: Any
    ended: Bool[Array, ""]


class Carried(NamedTuple):
    """What is carried from step to step: of network, optimizer and sampler."""

    variables: Variables
    optimizer: Any
    sampler: Any


class Span(NamedTuple):
    """The steps before an evaluation, and whether it is due."""

    start: Int[Array, "*records"]
    stop: Int[Array, "*records"]
    is_due: Bool[Array, "*records"]


class Training(NamedTuple):
    """A run as two pure functions, by which it can be trained in segments.

    Segments that follow one another give the curves of the whole run.

    Attributes:
        init: (key, hyper, data) -> State before the first step.
        advance: (state, begin, end, key, hyper, data) -> (State, Curves), from the
            state after `begin` steps to that after `end` steps, either of which may be
            traced. The first segment begins at 0. The curves have the evaluations
            after `begin` and up to `end`, the first segment's also that at 0, and are
            NaN elsewhere. Key, hyper and data are those of `init`.
    """

    init: Callable[[Key[Array, ""], Hyper, TrainData], State]
    advance: Callable[
        [State, Count, Count, Key[Array, ""], Hyper, TrainData], tuple[State, Curves]
    ]


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
    how = records, sampler, evaluation_batch, until_test_loss
    training = make_training(network, task, optimizer, *how)

    def fit(key: Key[Array, ""], hyper: Hyper, data: TrainData) -> Fitted:
        state = training.init(key, hyper, data)
        total = jnp.asarray(records)[-1]
        state, curves = training.advance(state, 0, total, key, hyper, data)
        return Fitted(state.variables, curves)

    return fit


def make_training(
    network: Network,
    task: Task,
    optimizer: Optimizer,
    records: Sequence[int] | Int[Array, "records"],
    sampler: Sampler,
    evaluation_batch: int = 64,
    until_test_loss: float = 0.0,
) -> Training:
    """Returns a run that can be trained in segments.

    The arguments are those of `make_train`.
    """
    update = make_update(network, task, optimizer)
    evaluate = make_evaluate(network, task, evaluation_batch)
    if not isinstance(records, jax.core.Tracer):
        check_records(records)

    def init(key: Key[Array, ""], hyper: Hyper, data: TrainData) -> State:
        init_key, _ = split_key(key)
        variables = network.init(init_key, task.prepare(data.inputs[:1]))
        optimizer_state = optimizer.init(variables.params, hyper)
        return State(variables, optimizer_state, jnp.array(False))

    def advance(
        state: State,
        begin: Count,
        end: Count,
        key: Key[Array, ""],
        hyper: Hyper,
        data: TrainData,
    ) -> tuple[State, Curves]:
        _, batch_key = split_key(key)
        test_size = data.test_targets.shape[0]
        everything = jnp.arange(test_size)
        stops = jnp.asarray(records)
        starts = jnp.concatenate([jnp.zeros(1, stops.dtype), stops[:-1]])
        total = stops[-1]
        is_first = (stops == 0) & (jnp.asarray(begin) == 0)
        is_due = ((starts < stops) & (begin < stops) & (stops <= end)) | is_first
        starts, stops = (jnp.clip(each, begin, end) for each in (starts, stops))

        def next_step(number: Int[Array, ""], carried: Carried) -> Carried:
            drawn, batch = sampler.next(carried.sampler, number, batch_key, data)
            after, optimizer_state = update(
                carried.variables, carried.optimizer, batch, hyper, number, total
            )
            return Carried(after, optimizer_state, drawn)

        def record(variables: Variables) -> Recorded:
            test = data.test_inputs, everything, data.test_targets, test_size
            return (
                evaluate(variables, data.inputs, data.subset, data.targets, data.size),
                evaluate(variables, *test),
            )

        def nothing(_: Variables) -> Recorded:
            return jnp.full(2, jnp.nan), jnp.full(2, jnp.nan)

        def advance_and_record(
            carried: Carried, span: Span
        ) -> tuple[Carried, Recorded]:
            carried = lax.fori_loop(span.start, span.stop, next_step, carried)
            return carried, lax.cond(span.is_due, record, nothing, carried.variables)

        def until_reached(
            carried: tuple[Carried, Bool[Array, ""]], span: Span
        ) -> tuple[tuple[Carried, Bool[Array, ""]], Recorded]:
            run, ended = carried
            stop = jnp.where(ended, span.start, span.stop)
            run = lax.fori_loop(span.start, stop, next_step, run)

            def record_unless_ended(variables: Variables) -> Recorded:
                found: Recorded = lax.cond(ended, nothing, record, variables)
                return found

            # of lanes together, only the inner choice differs from lane to lane
            metrics = lax.cond(span.is_due, record_unless_ended, nothing, run.variables)
            return (run, ended | (metrics[1][0] <= until_test_loss)), metrics

        carried = Carried(state.variables, state.optimizer, sampler.init(data))
        spans, ended = Span(starts, stops, is_due), state.ended
        if until_test_loss > 0:
            first = carried, ended
            (carried, ended), metrics = lax.scan(until_reached, first, spans)
        else:
            carried, metrics = lax.scan(advance_and_record, carried, spans)
        after = State(carried.variables, carried.optimizer, ended)
        return after, make_curves(*metrics)

    return Training(init, advance)
