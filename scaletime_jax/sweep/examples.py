"""The examples of a run, drawn by the seed from the data that all lanes share."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, Num, Shaped

from scaletime_jax.data.sources import Dataset
from scaletime_jax.data.teachers import (
    Teacher,
    Weights,
    draw_examples,
    draw_weights,
    respond,
)
from scaletime_jax.data.transforms import (
    add_label_noise,
    draw_subset,
    flip_and_crop,
    permute,
    shuffle_labels,
)
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.training.batching import (
    Sampler,
    Size,
    TrainData,
    augmented,
    epochs,
    fresh,
    full_batch,
    one_pass,
)
from scaletime_jax.training.task import Task, make_task, next_tokens, regression


class SharedData(NamedTuple):
    """A dataset on the device; the targets are empty with a teacher."""

    train_inputs: Num[Array, "train *shape"]
    train_targets: Int[Array, "classes *length"]
    test_inputs: Num[Array, "test *shape"]
    test_targets: Int[Array, "test_classes *length"]


class Targets(NamedTuple):
    """The kind of a dataset's targets.

    Attributes:
        num_classes: number of classes, or of tokens; 1 with a teacher.
        teacher: network that gives the targets; None for classes and text.
        is_text: whether the targets are the next tokens of a text.
    """

    num_classes: int
    teacher: Teacher | None
    is_text: bool = False


def targets_of(dataset: Dataset) -> Targets:
    """Returns the kind of a dataset's targets."""
    return Targets(dataset.num_classes, dataset.teacher, dataset.is_text)


def task_of(loss: str, targets: Targets) -> Task:
    """Returns the task of a dataset; `loss` is of classes."""
    if targets.is_text:
        return next_tokens()
    return make_task(loss) if targets.teacher is None else regression()


class DataKeys(NamedTuple):
    """Keys of a run's subset, and of its noise and teacher."""

    subset: Key[Array, ""]
    noise: Key[Array, ""]


class RunKeys(NamedTuple):
    """Keys of a run's data, and of its initialisation and batches."""

    data: DataKeys
    train: Key[Array, ""]


class Drawn(NamedTuple):
    """The data of a run, and the rule for the batch of each step."""

    data: TrainData
    sampler: Sampler


# Numbers of a lane, by field name; label_noise and part are used here.
Numbers = Mapping[str, Shaped[Array, ""]]
Draw = Callable[[DataKeys, Numbers, Size, SharedData], Drawn]
# Streams of the noise key besides the label noise itself.
SHUFFLE, TEACHER = 0, 1


def make_shared_data(dataset: Dataset) -> SharedData:
    """Returns the dataset's arrays."""
    return SharedData(
        jnp.asarray(dataset.train_images),
        jnp.asarray(dataset.train_labels),
        jnp.asarray(dataset.test_images),
        jnp.asarray(dataset.test_labels),
    )


def run_keys(seed: Shaped[Array, ""]) -> RunKeys:
    """Returns the keys of a run, which depend on its seed alone, by `fold_in`."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    subset_key, noise_key, train_key = jax.random.split(key, 3)
    return RunKeys(DataKeys(subset_key, noise_key), train_key)


def teacher_weights(teacher: Teacher, keys: DataKeys) -> Weights:
    """Returns the weights of the teacher of a run."""
    return draw_weights(teacher, jax.random.fold_in(keys.noise, TEACHER))


def make_draw(config: RunConfig, targets: Targets, capacity: int) -> Draw:
    """Returns draw(keys, numbers, train_size, shared) -> Drawn.

    The subsets of one key are nested: a larger train size contains a smaller one. The
    parts of one key and size are disjoint. With a teacher the keys also draw the
    teacher's weights, unless the teacher has a seed.

    Args:
        config: any config of the family.
        targets: targets of the dataset.
        capacity: size of the arrays of the training set, at least train_size.
    """
    if targets.is_text and config.batching == "fresh":
        return _draw_one_pass(config)
    if targets.is_text:
        return _draw_text(config, capacity)
    if targets.teacher is None:
        return _draw_classes(config, targets.num_classes, capacity)
    if config.batching == "fresh":
        return _draw_fresh(config, targets.teacher)
    return _draw_taught(config, targets.teacher, capacity)


def _sampler(config: RunConfig) -> Sampler:
    batches = full_batch() if config.batching == "full" else epochs(config.batch_size)
    if config.augmentation == "none":
        return batches
    return augmented(batches, flip_and_crop)


def _draw_part(
    key: Key[Array, ""],
    shared: SharedData,
    part: Shaped[Array, ""],
    size: Size,
    capacity: int,
) -> Int[Array, "capacity"]:
    """Returns the indices of one of the disjoint training sets of a size."""
    population = shared.train_inputs.shape[0]
    order = draw_subset(key, population, population)
    place = part.astype(jnp.int32) * size + jnp.arange(capacity)
    return order[place % population]


def _draw_classes(config: RunConfig, num_classes: int, capacity: int) -> Draw:
    """Labels of the dataset, shuffled or with noise as the config says."""

    def draw(keys: DataKeys, numbers: Numbers, size: Size, shared: SharedData) -> Drawn:
        index = _draw_part(keys.subset, shared, numbers["part"], size, capacity)
        clean = shared.train_targets[index]
        if config.shuffled_labels:
            clean = shuffle_labels(jax.random.fold_in(keys.noise, SHUFFLE), clean, size)
        noise = numbers["label_noise"]
        labels = add_label_noise(keys.noise, clean, noise, num_classes, size)
        test = shared.test_inputs, shared.test_targets
        data = TrainData(shared.train_inputs, index, labels, *test, size)
        return Drawn(data, _sampler(config))

    return draw


def _draw_text(config: RunConfig, capacity: int) -> Draw:
    """Windows of a text, and the token after each of theirs."""

    def draw(keys: DataKeys, numbers: Numbers, size: Size, shared: SharedData) -> Drawn:
        index = _draw_part(keys.subset, shared, numbers["part"], size, capacity)
        test = shared.test_inputs, shared.test_targets
        targets = shared.train_targets[index]
        data = TrainData(shared.train_inputs, index, targets, *test, size)
        return Drawn(data, _sampler(config))

    return draw


def _draw_one_pass(config: RunConfig) -> Draw:
    """Windows of the whole text in an order of the seed, each at most once.

    As of a teacher's new examples, the test set takes the place of the training set.
    """

    def draw(keys: DataKeys, numbers: Numbers, size: Size, shared: SharedData) -> Drawn:
        test = shared.test_inputs, shared.test_targets
        everything = jnp.arange(shared.test_inputs.shape[0])
        data = TrainData(shared.test_inputs, everything, shared.test_targets, *test)
        population = shared.train_inputs.shape[0]
        order = draw_subset(keys.subset, population, population)
        windows = shared.train_inputs, shared.train_targets
        return Drawn(data, one_pass(*windows, order, config.batch_size))

    return draw


def _draw_taught(config: RunConfig, teacher: Teacher, capacity: int) -> Draw:
    """Targets of the run's teacher on a subset of the dataset's inputs."""

    def draw(keys: DataKeys, numbers: Numbers, size: Size, shared: SharedData) -> Drawn:
        weights = teacher_weights(teacher, keys)
        index = _draw_part(keys.subset, shared, numbers["part"], size, capacity)
        targets = respond(teacher, weights, shared.train_inputs[index])
        if config.shuffled_labels:
            order_key = jax.random.fold_in(keys.noise, SHUFFLE)
            targets = targets[permute(order_key, size, capacity)]
        test = shared.test_inputs, respond(teacher, weights, shared.test_inputs)
        data = TrainData(shared.train_inputs, index, targets, *test, size)
        return Drawn(data, _sampler(config))

    return draw


def _draw_fresh(config: RunConfig, teacher: Teacher) -> Draw:
    """New examples at every step.

    There is no training set. The test set, which is as new as any batch, takes its
    place in the record, so the train loss is the test loss.
    """

    def draw(keys: DataKeys, numbers: Numbers, size: Size, shared: SharedData) -> Drawn:
        weights = teacher_weights(teacher, keys)
        test = shared.test_inputs, respond(teacher, weights, shared.test_inputs)
        everything = jnp.arange(shared.test_inputs.shape[0])
        data = TrainData(shared.test_inputs, everything, test[1], *test)

        def sample(
            key: Key[Array, ""], count: int
        ) -> tuple[Float[Array, "count d"], Float[Array, "count 1"]]:
            return draw_examples(teacher, weights, key, count)

        return Drawn(data, fresh(sample, config.batch_size))

    return draw
