"""The same images with fewer classes or with noise, as in [B21, Fig. 5]."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from scaletime_jax.data.sources import Dataset, require_classes
from scaletime_jax.data.transforms import normalise
from scaletime_jax.errors import InputError


def group_classes(dataset: Dataset, groups: int) -> Dataset:
    """Returns the dataset with neighbouring classes as one class.

    Class c of C becomes class floor(c groups / C), so that each new class has
    C / groups old classes. The name gets the suffix '-classes' and the number, unless
    all classes stay.

    Args:
        dataset: of classes.
        groups: number of new classes, a divisor of the number of classes above 1.

    Raises:
        InputError: the groups would differ in size, or the targets are not classes.
    """
    require_classes(dataset, f"superclasses {groups}")
    number = dataset.num_classes
    if not 1 < groups <= number or number % groups:
        fits = [str(each) for each in range(2, number + 1) if number % each == 0]
        raise InputError(
            f"{number} classes of {dataset.name!r} cannot be grouped into {groups} "
            f"superclasses of equal size; choose {' or '.join(fits)}.",
            superclasses=groups,
        )
    if groups == number:
        return dataset
    each = number // groups
    return dataset._replace(
        name=f"{dataset.name}-classes{groups}",
        train_labels=dataset.train_labels // each,
        test_labels=dataset.test_labels // each,
        num_classes=groups,
        fingerprint=f"{dataset.fingerprint}-classes{groups}",
    )


def add_noise(dataset: Dataset, strength: float) -> Dataset:
    """Returns the dataset with Gaussian noise added to each input, x + strength z.

    Pixels are scaled to [-1, 1] first. An example has one z, drawn once: noise of
    another strength has the same direction, and the test examples have noise too. The
    name gets the suffix '-noise' and the strength, unless the strength is 0.

    Args:
        dataset: of any inputs.
        strength: standard deviation of the noise, 0 or more, finite.

    Raises:
        InputError: the strength is negative or not finite.
    """
    if not 0 <= strength < np.inf:
        raise InputError(
            f"input_noise must be 0 or more and finite, got {strength:g}.",
            input_noise=strength,
        )
    if strength == 0:
        return dataset
    if dataset.is_text:
        raise InputError(
            f"dataset {dataset.name!r} is a text, to which no noise can be added; set "
            "input_noise to 0.",
            input_noise=strength,
        )
    train, test = (
        _with_noise(images, strength, seed)
        for seed, images in enumerate((dataset.train_images, dataset.test_images))
    )
    return dataset._replace(
        name=f"{dataset.name}-noise{strength:g}",
        train_images=train,
        test_images=test,
        fingerprint=f"{dataset.fingerprint}-noise{strength:g}",
    )


def _with_noise(
    images: np.ndarray, strength: float, seed: int
) -> Float[np.ndarray, "n *shape"]:
    drawn = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
    return np.asarray(normalise(jnp.asarray(images))) + np.float32(strength) * drawn
