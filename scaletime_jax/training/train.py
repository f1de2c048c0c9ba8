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
from scaletime_jax.training.batching import batches_per_epoch, draw_order, take_batch
from scaletime_jax.training.losses import accuracy
from scaletime_jax.training.optimizers import MakeOptimizer

EVALUATION_BATCH = 250  # examples; larger ones leave a CPU's cache

Loss = Callable[[Array, Array], Array]


class Hyper(NamedTuple):
    """What may differ between lanes of one program."""

    learning_rate: Float[Array, ""]


class TrainData(NamedTuple):
    """A training set as a list of indices into images that many runs share.

    Attributes:
        images: [population, ...] uint8 or float32, as stored.
        subset: [train] which of them are trained on.
        labels: [train] their labels, noise included.
        test_images: [test, ...].
        test_labels: [test].
    """

    images: Num[Array, "population *shape"]
    subset: Int[Array, "train"]
    labels: Int[Array, "train"]
    test_images: Num[Array, "test *shape"]
    test_labels: Int[Array, "test"]


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


def make_evaluate(model: nn.Module, loss: Loss):
    """Returns evaluate(params, images, index, labels) -> mean loss and accuracy."""

    def evaluate(params, images, index, labels):
        size = labels.shape[0]
        chunk = min(EVALUATION_BATCH, size)
        chunks = batches_per_epoch(size, chunk)

        def add_chunk(number, sums):
            batch = take_batch(order, number, size, chunk)
            outputs = model.apply(
                {"params": params}, normalise(images[index[batch.position]])
            )
            truth = labels[batch.position]
            values = jnp.stack([loss(outputs, truth), accuracy(outputs, truth)])
            return sums + values @ (batch.weight > 0).astype(values.dtype)

        order = jnp.arange(chunks * chunk) % size
        return lax.fori_loop(0, chunks, add_chunk, jnp.zeros(2)) / size

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
        train_size = data.subset.shape[0]
        per_epoch = batches_per_epoch(train_size, batch_size)
        epoch, batch_number = number // per_epoch, number % per_epoch

        def new_order():
            key = jax.random.fold_in(order_key, epoch)
            return draw_order(key, train_size, batch_size)

        order = lax.cond(batch_number == 0, new_order, lambda: state.order)
        batch = take_batch(order, batch_number, train_size, batch_size)
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


def make_train(
    model: nn.Module,
    loss: Loss,
    schedule: Sequence[int],
    make_optimizer: MakeOptimizer = optax.sgd,
    batch_size: int = 32,
) -> Callable[[Key[Array, ""], Hyper, TrainData], Curves]:
    """Returns train(key, hyper, data) -> Curves: initialise, step, evaluate.

    `train` is pure and knows nothing of jit, vmap or devices. Each epoch passes
    through the training set once in a fresh order (`fold_in` of the epoch), in
    batches of `batch_size` of which the last may be short.

    Args:
        model: Flax module, images -> [batch, classes].
        loss: (outputs, labels) -> [batch].
        schedule: increasing steps >= 0 after which to evaluate; the last ends it.
        make_optimizer: learning_rate -> optax optimizer.
        batch_size: examples a step.
    """
    step = make_step(model, loss, make_optimizer, batch_size)
    evaluate = make_evaluate(model, loss)
    stops = np.asarray(schedule)
    if stops.ndim != 1 or stops.size == 0 or (np.diff(stops, prepend=-1) <= 0).any():
        raise ValueError(f"schedule must increase from 0 or more, got {schedule}.")
    starts = np.concatenate([[0], stops[:-1]])

    def train(key: Key[Array, ""], hyper: Hyper, data: TrainData) -> Curves:
        init_key, order_key = split_key(key)
        params = model.init(init_key, normalise(data.images[:1]))["params"]
        everything = jnp.arange(data.test_labels.shape[0])

        def next_step(number, state):
            return step(number, state, order_key, hyper, data)

        def advance_and_record(state, span):
            state = lax.fori_loop(*span, next_step, state)
            images, labels = data.test_images, data.test_labels
            return state, (
                evaluate(state.params, data.images, data.subset, data.labels),
                evaluate(state.params, images, everything, labels),
            )

        padded = batches_per_epoch(data.subset.shape[0], batch_size) * batch_size
        optimizer = make_optimizer(hyper.learning_rate).init(params)
        state = State(params, optimizer, jnp.zeros(padded, jnp.int32))
        spans = (jnp.asarray(starts), jnp.asarray(stops))
        _, metrics = lax.scan(advance_and_record, state, spans)
        return make_curves(*metrics)

    return train
