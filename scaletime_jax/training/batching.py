"""The examples of a step: shuffled epochs, the whole set, or fresh samples."""

from collections.abc import Callable
from typing import Any, NamedTuple, overload

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key, Num

from scaletime_jax.data.transforms import permute

Size = int | Int[Array, ""]
AUGMENT = 2**32 - 1  # stream of a run's key, which no epoch reaches


class TrainData(NamedTuple):
    """A training set as indices into inputs that many runs share.

    Attributes:
        inputs: [population, ...] as stored.
        subset: [capacity] indices of the training examples in the inputs.
        targets: [capacity, ...] targets of the subset, noise included.
        test_inputs: [test, ...].
        test_targets: [test, ...].
        train_size: number of training examples, the first of the subset; None for all.
            It may be traced, so that one program serves many sizes.
    """

    inputs: Num[Array, "population *shape"]
    subset: Int[Array, "capacity"]
    targets: Num[Array, "capacity *target"]
    test_inputs: Num[Array, "test *shape"]
    test_targets: Num[Array, "test *target"]
    train_size: Size | None = None

    @property
    def size(self) -> Size:
        """The number of training examples."""
        return self.subset.shape[0] if self.train_size is None else self.train_size


class Batch(NamedTuple):
    """The examples of one step and their weights, which sum to one.

    A short batch is padded with examples of weight zero, so that all batches have one
    shape and the mean is over the batch's own examples. Padding affects a network that
    mixes the examples of a batch (BatchNorm): train such a network on whole batches.
    """

    inputs: Num[Array, "batch *shape"]
    targets: Num[Array, "batch *target"]
    weight: Float[Array, "batch"]


class Sampler(NamedTuple):
    """A rule for the batch of each step, as pure functions.

    Attributes:
        init: data -> the value carried from step to step. Any step may follow: what is
            carried spares work, and no batch depends on it.
        next: (carried, step, key, data) -> (carried, Batch). The key is the key of the
            run, the same at every step.
    """

    init: Callable[[TrainData], Any]
    next: Callable[[Any, Int[Array, ""], Key[Array, ""], TrainData], tuple[Any, Batch]]


class Order(NamedTuple):
    """The order of the training set in an epoch; of epoch -1 none is drawn yet."""

    places: Int[Array, "padded"]
    epoch: Int[Array, ""]


def epochs(batch_size: int) -> Sampler:
    """Returns passes through the training set, each in a fresh order.

    The first step of an epoch draws the order from `fold_in(key, epoch)`, and so does
    the first step after `init`, wherever in the epoch. The last batch of an epoch may
    be short.
    """

    def init(data: TrainData) -> Order:
        capacity = data.subset.shape[0]
        padded = batches_per_epoch(capacity, batch_size) * batch_size
        return Order(jnp.zeros(padded, jnp.int32), jnp.int32(-1))

    def following(
        carried: Order, step: Int[Array, ""], key: Key[Array, ""], data: TrainData
    ) -> tuple[Order, Batch]:
        per_epoch = batches_per_epoch(data.size, batch_size)
        epoch, number = jnp.int32(step // per_epoch), step % per_epoch
        padded = carried.places.shape[0]

        def new_order() -> Int[Array, "padded"]:
            return draw_order(jax.random.fold_in(key, epoch), data.size, padded)

        order = lax.cond(epoch == carried.epoch, lambda: carried.places, new_order)
        batch = _gather(data, take_batch(order, number, data.size, batch_size))
        return Order(order, epoch), batch

    return Sampler(init, following)


def full_batch() -> Sampler:
    """Returns the whole training set at every step, in its own order."""

    def init(data: TrainData) -> tuple[()]:
        return ()

    def following(
        carried: tuple[()], step: Int[Array, ""], key: Key[Array, ""], data: TrainData
    ) -> tuple[tuple[()], Batch]:
        capacity = data.subset.shape[0]
        place = jnp.arange(capacity)
        order = jnp.where(place < data.size, place, 0)
        return carried, _gather(data, take_batch(order, 0, data.size, capacity))

    return Sampler(init, following)


def fresh(
    draw: Callable[[Key[Array, ""], int], tuple[Array, Array]], batch_size: int
) -> Sampler:
    """Returns new examples at every step, so that no example is seen twice.

    The training set is then only evaluated, never trained on.

    Args:
        draw: (key, batch_size) -> (inputs as stored, targets), for example from a
            teacher. The key of a step is `fold_in(key, step)`.
        batch_size: number of examples in a step.
    """

    def init(data: TrainData) -> tuple[()]:
        return ()

    def following(
        carried: tuple[()], step: Int[Array, ""], key: Key[Array, ""], data: TrainData
    ) -> tuple[tuple[()], Batch]:
        inputs, targets = draw(jax.random.fold_in(key, step), batch_size)
        return carried, Batch(inputs, targets, jnp.full(batch_size, 1 / batch_size))

    return Sampler(init, following)


def one_pass(
    inputs: Num[Array, "population *shape"],
    targets: Num[Array, "population *target"],
    order: Int[Array, "population"],
    batch_size: int,
) -> Sampler:
    """Returns the examples of a population in order, each at most once.

    The training set is then only evaluated, never trained on. A run must end before the
    population does: a batch beyond the last whole one repeats examples.

    Args:
        inputs: as stored.
        targets: of the inputs.
        order: indices of the population, for example at random.
        batch_size: number of examples in a step.
    """

    def init(data: TrainData) -> tuple[()]:
        return ()

    def following(
        carried: tuple[()], step: Int[Array, ""], key: Key[Array, ""], data: TrainData
    ) -> tuple[tuple[()], Batch]:
        index = lax.dynamic_slice_in_dim(order, step * batch_size, batch_size)
        weight = jnp.full(batch_size, 1 / batch_size)
        return carried, Batch(inputs[index], targets[index], weight)

    return Sampler(init, following)


def augmented(
    sampler: Sampler, change: Callable[[Key[Array, ""], Array], Array]
) -> Sampler:
    """Returns the batches of a sampler with inputs changed at random.

    Args:
        sampler: of the batches.
        change: (key, inputs [batch, ...]) -> inputs. The key of a step is folded from
            the key of the run with `AUGMENT` and with the step.
    """

    def following(
        carried: Any, step: Int[Array, ""], key: Key[Array, ""], data: TrainData
    ) -> tuple[Any, Batch]:
        carried, batch = sampler.next(carried, step, key, data)
        own = jax.random.fold_in(jax.random.fold_in(key, AUGMENT), step)
        return carried, batch._replace(inputs=change(own, batch.inputs))

    return Sampler(sampler.init, following)


@overload
def batches_per_epoch(train_size: int, batch_size: int) -> int: ...
@overload
def batches_per_epoch(train_size: Size, batch_size: int) -> Size: ...
def batches_per_epoch(train_size: Size, batch_size: int) -> Size:
    """Returns ceil(train_size / batch_size), which includes a last short batch."""
    return -(-train_size // batch_size)


class Places(NamedTuple):
    """Positions in the training set and their weights, which sum to one."""

    position: Int[Array, "batch"]
    weight: Float[Array, "batch"]


def draw_order(
    key: Key[Array, ""], train_size: Size, padded: int
) -> Int[Array, "padded"]:
    """Draws the order of an epoch, padded with zeros to whole batches."""
    order = permute(key, train_size, padded)
    return jnp.where(jnp.arange(padded) < train_size, order, 0)


def take_batch(
    order: Int[Array, "padded"],
    index: Int[Array, ""] | int,
    train_size: Size,
    batch_size: int,
) -> Places:
    """Returns batch number `index` of the epoch with this order."""
    start = index * batch_size
    position = lax.dynamic_slice_in_dim(order, start, batch_size)
    real = start + jnp.arange(batch_size) < train_size
    return Places(position, real / jnp.sum(real))


def _gather(data: TrainData, places: Places) -> Batch:
    inputs = data.inputs[data.subset[places.position]]
    return Batch(inputs, data.targets[places.position], places.weight)
