"""Whether the networks of a grid can be trained on a dataset."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from scaletime_jax.data.sources import Dataset
from scaletime_jax.errors import InputError
from scaletime_jax.sweep.architectures import check_images, mixes_examples, reads_tokens
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.examples import targets_of, task_of
from scaletime_jax.sweep.own_network import NO_SOURCE, OwnNetwork
from scaletime_jax.sweep.own_source import FORM


def check_fits(config: RunConfig, dataset: Dataset) -> None:
    """Raises InputError if the dataset cannot be used with the config."""
    if dataset.is_text:
        _check_text(config, len(dataset.train_images))
    elif reads_tokens(config.architecture):
        raise InputError(
            f"the {config.architecture} reads text, and {config.dataset!r} has none; "
            "choose a dataset 'text:PATH', or another architecture."
        )
    elif dataset.teacher is not None:
        _check_regression(config)
    elif config.batching == "fresh":
        raise InputError(
            f"batching 'fresh' draws new examples, and {dataset.name!r} has a fixed "
            "number of examples; choose a teacher or a text as the dataset, or other "
            "batching."
        )
    available = len(dataset.train_images)
    if config.batching != "fresh" and config.train_size > available:
        raise InputError(
            f"train_size {config.train_size} is above the {available} training "
            f"examples of {dataset.name!r}; choose {available} or fewer."
        )
    if config.part and (config.part + 1) * config.train_size > available:
        raise InputError(
            f"part {config.part} does not exist: the {available} training examples of "
            f"{dataset.name!r} have {available // config.train_size} disjoint parts of "
            f"{config.train_size}."
        )
    shape = dataset.train_images.shape[1:]
    mixes = _check_network(config, dataset)
    if config.augmentation != "none" and len(shape) != 3:
        raise InputError(
            f"augmentation {config.augmentation!r} needs images [height, width, "
            f"channels]; an example of {dataset.name!r} has shape {shape}.",
            augmentation="none",
        )
    short = config.train_size % config.step_size
    if short and mixes:
        raise InputError(
            f"the {config.architecture} has BatchNorm, or mixes the examples of a "
            "batch in another way, and is trained on whole batches: "
            f"train_size {config.train_size} leaves a batch of {short} at a batch_size "
            f"of {config.batch_size}; choose a batch_size that divides train_size."
        )


def check_growth(configs: Sequence[RunConfig], dataset: Dataset) -> None:
    """Raises InputError if a user's network is no larger at a larger width."""
    widths: dict[OwnNetwork, set[int]] = {}
    for config in configs:
        if isinstance(config.architecture, OwnNetwork):
            widths.setdefault(config.architecture, set()).add(config.width)
    for own, mine in widths.items():
        inputs = _two_examples(configs[0], dataset)
        sizes = [
            (width, own.count_params(width, dataset.num_classes, inputs))
            for width in sorted(mine)
        ]
        for (narrow, few), (wide, many) in itertools.pairwise(sizes):
            if many <= few:
                raise InputError(
                    f"the network {own!s} has {few:,} parameters at width {narrow} and "
                    f"{many:,} at width {wide}; the number must grow with the width.",
                    widths=None,
                )


def _check_network(config: RunConfig, dataset: Dataset) -> bool:
    """Returns whether the network mixes examples in training.

    Raises:
        InputError: the network cannot be used with the dataset.
    """
    own, shape = config.architecture, dataset.train_images.shape[1:]
    if isinstance(own, OwnNetwork):
        inputs = _two_examples(config, dataset)
        own.count_params(config.width, dataset.num_classes, inputs)
        return own.mixes_examples(config.width, dataset.num_classes, inputs)
    if config.network_source != NO_SOURCE:
        raise InputError(
            f"the code of the network {own!r} is not given; give it as {FORM}.",
            architecture=own,
        )
    check_images(own, shape, dataset.name)
    return mixes_examples(own)


def _two_examples(config: RunConfig, dataset: Dataset) -> Num[Array, "two *shape"]:
    """Returns two examples that differ, where there are any, as a network sees them."""
    images = dataset.train_images
    few = images[:1000]
    apart = (few != few[0]).reshape(len(few), -1).any(axis=1)
    two = np.stack([images[0], few[int(np.argmax(apart))]])
    return task_of(config.loss, targets_of(dataset)).prepare(jnp.asarray(two))


def _check_regression(config: RunConfig) -> None:
    """Raises InputError if the config needs classes."""
    if config.loss != "mse":
        raise InputError(
            f"loss {config.loss!r} needs classes, and the targets of "
            f"{config.dataset!r} are real numbers; choose 'mse'."
        )
    if config.label_noise:
        raise InputError(
            f"label_noise {config.label_noise} needs classes, and the targets of "
            f"{config.dataset!r} are real numbers; set label_noise to 0."
        )


def _check_text(config: RunConfig, windows: int) -> None:
    """Raises InputError if the config cannot be used with a text of many windows."""
    own = config.network_source != NO_SOURCE
    if not (own or reads_tokens(config.architecture)):
        raise InputError(
            f"the {config.architecture} predicts no text, and {config.dataset!r} is a "
            "text; choose the architecture 'transformer', a network of your own, or "
            "another dataset."
        )
    if config.loss != "cross_entropy":
        raise InputError(
            f"loss {config.loss!r} is not for text; choose 'cross_entropy' for "
            f"{config.dataset!r}, in nats a byte."
        )
    for name, none in (("label_noise", "0"), ("shuffled_labels", "false")):
        if getattr(config, name):
            raise InputError(
                f"{name} needs one label for each example, and {config.dataset!r} is a "
                f"text; set {name} to {none}."
            )
    taken = config.records[-1] * config.batch_size
    if config.batching == "fresh" and taken > windows:
        raise InputError(
            f"batching 'fresh' takes no window twice, and a run takes {taken:,} of the "
            f"{windows:,} windows of {config.dataset!r}; choose fewer steps, a smaller "
            "batch_size or context, or batching 'epochs'."
        )
