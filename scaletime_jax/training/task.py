"""What a network is asked for: its inputs, its loss, and what is recorded."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Integer, Num

from scaletime_jax.data.transforms import normalise
from scaletime_jax.training.losses import (
    accuracy,
    cross_entropy,
    make_loss,
    squared_error,
)

Loss = Callable[[Array, Array], Array]


class Metrics(NamedTuple):
    """Of single examples.

    Attributes:
        loss: [batch].
        accuracy: [batch] the share that is right; NaN where nothing is right or wrong.
    """

    loss: Float[Array, "batch"]
    accuracy: Float[Array, "batch"]


class Task(NamedTuple):
    """A task as pure functions.

    Attributes:
        prepare: stored inputs -> the network's inputs.
        loss: (outputs, targets) -> [batch], what is minimised.
        metrics: (outputs, targets) -> Metrics, what is recorded.
    """

    prepare: Callable[[Array], Array]
    loss: Loss
    metrics: Callable[[Array, Array], Metrics]


def classification(loss: Loss) -> Task:
    """Returns the task of naming an image's class.

    Args:
        loss: (outputs [batch, classes], labels [batch]) -> [batch].
    """

    def metrics(
        outputs: Float[Array, "batch classes"], labels: Int[Array, "batch"]
    ) -> Metrics:
        return Metrics(loss(outputs, labels), accuracy(outputs, labels))

    return Task(normalise, loss, metrics)


def make_task(name: str) -> Task:
    """Returns classification by the loss called 'mse' or 'cross_entropy'."""
    return classification(make_loss(name))


def regression() -> Task:
    """Returns the task of real targets, of the outputs' shape, by squared error.

    The inputs are numbers that the network takes as they are.
    """

    def prepare(inputs: Num[Array, "batch *shape"]) -> Num[Array, "batch *shape"]:
        return inputs

    def metrics(
        outputs: Float[Array, "batch *shape"], targets: Float[Array, "batch *shape"]
    ) -> Metrics:
        loss = squared_error(outputs, targets)
        return Metrics(loss, jnp.full_like(loss, jnp.nan))

    return Task(prepare, squared_error, metrics)


def next_tokens() -> Task:
    """Returns the task of naming the token that follows, at every position.

    Outputs are [batch, length, vocabulary], targets [batch, length]; the loss is the
    mean over positions of the cross-entropy in nats. Tokens may be stored in any
    integer type.
    """

    def prepare(tokens: Integer[Array, "batch length"]) -> Int[Array, "batch length"]:
        return tokens.astype(jnp.int32)

    def loss(
        outputs: Float[Array, "batch length vocabulary"],
        targets: Int[Array, "batch length"],
    ) -> Float[Array, "batch"]:
        return jnp.mean(cross_entropy(outputs, targets), axis=-1)

    def metrics(
        outputs: Float[Array, "batch length vocabulary"],
        targets: Int[Array, "batch length"],
    ) -> Metrics:
        right = jnp.mean(accuracy(outputs, targets), axis=-1)
        return Metrics(loss(outputs, targets), right)

    return Task(prepare, loss, metrics)
