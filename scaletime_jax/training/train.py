"""One training run as one pure function of (key, hyper, data)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Num

from scaletime_jax.data.transforms import normalise
from scaletime_jax.training.batching import (
    Size,
    batches_per_epoch,
    draw_order,
    take_batch,
)
from scaletime_jax.training.losses import accuracy
from scaletime_jax.training.optimizers import MakeOptimizer

Loss = Callable[[Array, Array], Array]


class Hyper(NamedTuple):
    """What may differ between lanes of one program."""

    learning_rate: Float[Array, ""]


class TrainData(NamedTuple):
    """A training set as a list of indices into images that many runs share.

    Attributes:
        images: [population, ...] uint8 or float32, as stored.
        subset: [capacity] which of them are trained on.
        labels: [capacity] their labels, noise included.
        test_images: [test, ...].
        test_labels: [test].
        train_size: how many of the subset count, from its beginning; all if None.
            It may be traced, so that one program serves many sizes.
    """

    images: Num[Array, "population *shape"]
    subset: Int[Array, "capacity"]
    labels: Int[Array, "capacity"]
    test_images: Num[Array, "test *shape"]
    test_labels: Int[Array, "test"]
    train_size: Size | None = None

    @property
    def size(self) -> Size:
        """The number of training examples."""
        return self.subset.shape[0] if self.train_size is None else self.train_size


class State(NamedTuple):
    """Carried from step to step."""

    params: Any
    optimizer: Any
    order: Int[Array, "padded"]


class Curves(NamedTuple):
    """Recorded: one value per step of the schedule.

    `diverged` is true from the first evaluation with a non-finite loss on.
    """

    train_loss: Float[Array, "records"]
    test_loss: Float[Array, "records"]
    train_accuracy: Float[Array, "records"]
    test_accuracy: Float[Array, "records"]
    diverged: Bool[Array, "records"]


def make_update(model: nn.Module, loss: Loss, make_optimizer: MakeOptimizer):
    """Returns update(params, state, learning_rate, images, labels, weight).

    One step on sum_i weight_i loss(model(images_i), labels_i), giving the new
    (params, state); images are as stored and are normalised here.
    """

    def objective(params, images, labels, weight):
        outputs = model.apply({"params": params}, normalise(images))
        return weight @ loss(outputs, labels)

    def update(params, state, learning_rate, images, labels, weight):
        gradient = jax.grad(objective)(params, images, labels, weight)
        change, state = make_optimizer(learning_rate).update(gradient, state, params)
        return optax.apply_updates(params, change), state

    return update


def make_evaluate(model: nn.Module, loss: Loss, batch_size: int):
    """Returns evaluate(params, images, index, labels, size) -> mean loss, accuracy.

    The means are over the first `size` of index and labels. Batches have one shape
    whatever the size, so that a run's numbers do not depend on what it shares a
    program with.
    """

    def evaluate(params, images, index, labels, size: Size):
        def add_batch(number, sums):
            place = number * batch_size + jnp.arange(batch_size)
            position = jnp.where(place < size, place, 0)
            outputs = model.apply(
                {"params": params}, normalise(images[index[position]])
            )
            truth = labels[position]
            values = jnp.stack([loss(outputs, truth), accuracy(outputs, truth)])
            return sums + values @ (place < size).astype(values.dtype)

        batches = batches_per_epoch(size, batch_size)
        return lax.fori_loop(0, batches, add_batch, jnp.zeros(2)) / size

    return evaluate


def split_key(key: Key[Array, ""]) -> tuple[Key[Array, ""], Key[Array, ""]]:
    """Returns the keys of a run's initialisation and of its batches' order."""
    init_key, order_key = jax.random.split(key)
    return init_key, order_key


def make_step(
    model: nn.Module, loss: Loss, make_optimizer: MakeOptimizer, batch_size: int
):
    """Returns step(number, state, order_key, hyper, data) -> the state after it.

    Step `number` takes the next batch of its epoch; the first of an epoch draws the
    epoch's order from `fold_in(order_key, epoch)`.
    """
    update = make_update(model, loss, make_optimizer)

    def step(number, state: State, order_key, hyper: Hyper, data: TrainData) -> State:
        per_epoch = batches_per_epoch(data.size, batch_size)
        epoch, batch_number = number // per_epoch, number % per_epoch

        def new_order():
            key = jax.random.fold_in(order_key, epoch)
            return draw_order(key, data.size, state.order.shape[0])

        order = lax.cond(batch_number == 0, new_order, lambda: state.order)
        batch = take_batch(order, batch_number, data.size, batch_size)
        params, optimizer = update(
            state.params,
            state.optimizer,
            hyper.learning_rate,
            data.images[data.subset[batch.position]],
            data.labels[batch.position],
            batch.weight,
        )
        return State(params, optimizer, order)

    return step


def make_curves(
    train: Float[Array, "records 2"], test: Float[Array, "records 2"]
) -> Curves:
    """Names the recorded (loss, accuracy) pairs and marks divergence."""
    finite = jnp.isfinite(train[:, 0]) & jnp.isfinite(test[:, 0])
    diverged = lax.cummax((~finite).astype(jnp.int32)) > 0
    return Curves(train[:, 0], test[:, 0], train[:, 1], test[:, 1], diverged)


def _check_schedule(schedule: Sequence[int] | Array) -> None:
    steps = np.asarray(schedule)
    if steps.ndim != 1 or steps.size == 0 or (np.diff(steps, prepend=-1) <= 0).any():
        raise ValueError(f"schedule must increase from 0 or more, got {schedule}.")


def make_train(
    model: nn.Module,
    loss: Loss,
    schedule: Sequence[int] | Int[Array, "records"],
    make_optimizer: MakeOptimizer = optax.sgd,
    batch_size: int = 32,
    evaluation_batch: int = 64,
) -> Callable[[Key[Array, ""], Hyper, TrainData], Curves]:
    """Returns train(key, hyper, data) -> Curves: initialise, step, evaluate.

    `train` is pure and knows nothing of jit, vmap or devices. Each epoch passes
    through the training set once in a fresh order (`fold_in` of the epoch), in
    batches of `batch_size` of which the last may be short.

    Args:
        model: Flax module, images -> [batch, classes].
        loss: (outputs, labels) -> [batch].
        schedule: increasing steps >= 0 after which to evaluate; the last ends it.
            A traced array may repeat its last step, which is evaluated once: what is
            recorded for the others is NaN.
        make_optimizer: learning_rate -> optax optimizer.
        batch_size: examples a step.
        evaluation_batch: examples evaluated at once; of no consequence but speed.
    """
    step = make_step(model, loss, make_optimizer, batch_size)
    evaluate = make_evaluate(model, loss, evaluation_batch)
    if not isinstance(schedule, jax.core.Tracer):
        _check_schedule(schedule)

    def train(key: Key[Array, ""], hyper: Hyper, data: TrainData) -> Curves:
        init_key, order_key = split_key(key)
        params = model.init(init_key, normalise(data.images[:1]))["params"]
        test_size = data.test_labels.shape[0]
        everything = jnp.arange(test_size)

        def next_step(number, state):
            return step(number, state, order_key, hyper, data)

        def record(params):
            test = data.test_images, everything, data.test_labels, test_size
            return (
                evaluate(params, data.images, data.subset, data.labels, data.size),
                evaluate(params, *test),
            )

        def advance_and_record(state, span):
            start, stop = span
            state = lax.fori_loop(start, stop, next_step, state)
            is_new = (start < stop) | (stop == 0)
            nothing = (jnp.full(2, jnp.nan), jnp.full(2, jnp.nan))
            return state, lax.cond(is_new, record, lambda _: nothing, state.params)

        padded = batches_per_epoch(data.subset.shape[0], batch_size) * batch_size
        optimizer = make_optimizer(hyper.learning_rate).init(params)
        state = State(params, optimizer, jnp.zeros(padded, jnp.int32))
        stops = jnp.asarray(schedule)
        starts = jnp.concatenate([jnp.zeros(1, stops.dtype), stops[:-1]])
        _, metrics = lax.scan(advance_and_record, state, (starts, stops))
        return make_curves(*metrics)

    return train
