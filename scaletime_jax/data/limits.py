"""Class-balanced parts of a dataset, the same for every run and machine."""

import numpy as np
from jaxtyping import Int

from scaletime_jax.data.sources import Dataset, require_classes
from scaletime_jax.errors import InputError
from scaletime_jax.words import count_of


def limit_test(dataset: Dataset, size: int) -> Dataset:
    """Returns the dataset with a class-balanced part of its test examples.

    Args:
        dataset: of classes, or a text.
        size: number of test examples, as in `balanced_part`.

    Raises:
        InputError: a class has too few examples, or size is not above 0.
    """
    kept = balanced_part(dataset, dataset.test_labels, size, "test_size", "test")
    if len(kept) == len(dataset.test_labels):
        return dataset
    return dataset._replace(
        test_images=dataset.test_images[kept],
        test_labels=dataset.test_labels[kept],
        fingerprint=f"{dataset.fingerprint}-balanced{size}",
    )


def limit_train(dataset: Dataset, size: int) -> Dataset:
    """Returns the dataset with a class-balanced part of its training examples.

    The name gets the suffix '-first' and the size: runs on a part have a population of
    their own, from which training sets are drawn.

    Args:
        dataset: of classes, or a text.
        size: number of training examples, as in `balanced_part`.

    Raises:
        InputError: a class has too few examples, or size is not above 0.
    """
    labels = dataset.train_labels
    kept = balanced_part(dataset, labels, size, "population", "training")
    if len(kept) == len(labels):
        return dataset
    return dataset._replace(
        name=f"{dataset.name}-first{size}",
        train_images=dataset.train_images[kept],
        train_labels=labels[kept],
        fingerprint=f"{dataset.fingerprint}-first{size}",
    )


def rest_of(dataset: Dataset, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns images and labels that `limit_train` leaves out, and the test examples.

    Args:
        dataset: of classes, or a text.
        size: number of training examples of the part, below all of them.

    Raises:
        InputError: as in `limit_train`.
    """
    labels = dataset.train_labels
    kept = balanced_part(dataset, labels, size, "population", "training")
    left = np.setdiff1d(np.arange(len(labels)), kept)
    return (
        np.concatenate([dataset.train_images[left], dataset.test_images]),
        np.concatenate([labels[left], dataset.test_labels]),
    )


def balanced_part(
    dataset: Dataset, labels: np.ndarray, size: int, name: str, kind: str
) -> Int[np.ndarray, "size"]:
    """Returns the indices of a part with equally many examples of each class.

    The windows of a text count as one class. A part is contained in every larger part.
    If size is not a multiple of the number of classes, classes differ by one example. A
    part of all examples is in their order.

    Args:
        dataset: of classes, or a text.
        labels: [n] of its training or test examples.
        size: number of examples of the part.
        name: name of the number, for messages.
        kind: 'test' or 'training', for messages.

    Raises:
        InputError: a class has too few examples, or size is not above 0.
    """
    if dataset.is_text:
        labels, num_classes = np.zeros(len(labels), np.int32), 1
    else:
        require_classes(dataset, f"{name} {size}")
        num_classes = dataset.num_classes
    available = len(labels)
    if not 0 < size <= available:
        raise InputError(
            f"{name} must be from 1 to {available}, the {kind} examples of "
            f"{dataset.name!r}; got {size}."
        )
    if size == available:
        return np.arange(available)
    each = np.bincount(labels, minlength=num_classes)
    if size > num_classes * each.min():
        raise InputError(
            f"{name} {size} needs equally many examples of all "
            f"{num_classes} classes, and class {each.argmin()} of "
            f"{dataset.name!r} has {count_of(int(each.min()), f'{kind} example')}; "
            f"choose {num_classes * each.min()} or fewer, or all {available}."
        )
    order = np.random.default_rng(0).permutation(available)
    shuffled = labels[order]
    place = np.empty(available, int)  # rank of an example in its class
    for number, count in enumerate(each):
        place[shuffled == number] = np.arange(count)
    return order[np.lexsort((shuffled, place))][:size]
