"""Tasks: the inputs of a network, its loss, and the recorded metrics."""

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
    """Metrics of single examples.

    Attributes:
        loss: [batch].
        accuracy: [batch] share of correct outputs; NaN for tasks without classes.
    """

    loss: Float[Array, "batch"]
    accuracy: Float[Array, "batch"]


class Task(NamedTuple):
    """A task as pure functions.

    Attributes:
        prepare: stored inputs -> the network's inputs.
        loss: (outputs, targets) -> [batch], the minimised loss.
        metrics: (outputs, targets) -> Metrics, the recorded numbers.
    """

    prepare: Callable[[Array], Array]
    loss: Loss
    metrics: Callable[[Array, Array], Metrics]


def classification(loss: Loss) -> Task:
    """Returns the task of predicting an image's class.

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
    """Returns the task of predicting real targets, by squared error.

    The targets have the shape of the outputs. The inputs are numbers, which the network
    takes unchanged.
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
    """Returns the task of predicting the next token at every position.

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
