"""Datasets by name: packaged digits, TFDS, files, `teacher:...` and `text:PATH`.

Names and errors are an interface: a name that cannot be loaded raises an `InputError`
that lists the possible names; no other dataset is used instead.
"""

import pathlib
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from scaletime_jax.data import cache, teachers
from scaletime_jax.data.files import read_idx_dir, read_npz
from scaletime_jax.data.prepared import load_tfds
from scaletime_jax.data.text import FORM as TEXT_FORM
from scaletime_jax.data.text import read_text
from scaletime_jax.data.transforms import average_pool, normalise
from scaletime_jax.errors import InputError

CHOICES = (
    "'mnist12k' (inside the package, needs no files), a TFDS name such as 'mnist', "
    "'fashion_mnist', 'cifar10', 'cifar100' or 'svhn_cropped' (with its data_dir), "
    f"'npz:PATH', 'idx:DIR', '{teachers.FORM}' or '{TEXT_FORM}'; a prefix 'NAME=' "
    "names the dataset NAME"
)
# A larger label is no class: each class is an output of the network.
MAX_CLASSES = 100_000


class Dataset(NamedTuple):
    """Images and labels on the host, as stored, before transforms.

    Attributes:
        name: the requested name.
        train_images: [train, ...] uint8 pixels, or float32 values, used unchanged.
            Whole numbers of other types are pixels if they fill 0 to 255. Of a text
            [train, context] uint8, the tokens.
        train_labels: [train] int32 classes in 0..num_classes-1; [0] with a teacher; of
            a text [train, context], the token after each.
        test_images: [test, ...] of the type of `train_images`.
        test_labels: [test] int32; [0] with a teacher; [test, context] of a text.
        num_classes: one more than the largest label; 1, the number of outputs, with a
            teacher; the size of a text's vocabulary.
        fingerprint: digest of the content, so that runs on different content never
            share an id.
        teacher: network that gives the targets of inputs; None for classes.
        is_text: whether the examples are windows of a text.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    num_classes: int
    fingerprint: str
    teacher: teachers.Teacher | None = None
    is_text: bool = False


def load_dataset(name: str, data_dir: str | None = None) -> Dataset:
    """Loads a dataset by name.

        >>> from scaletime_jax import load_dataset
        >>> load_dataset("mnist12k").train_images.shape
        (10000, 28, 28, 1)

    Args:
        name: 'mnist12k', a TFDS name, 'npz:PATH', 'idx:DIR', 'teacher:d=D,width=W' or
            'text:PATH'; a prefix 'NAME=' names the dataset NAME. An npz file holds
            train_images, train_labels, test_images, test_labels (or Keras's x_train,
            y_train, x_test, y_test); a DIR holds MNIST's four IDX files, plain or
            gzipped.
        data_dir: folder of TFDS's datasets; TFDS's default folder if None.

    Raises:
        InputError: the name is unknown, or its data missing, damaged or unusable.
    """
    alias, equals, source = name.partition("=")
    if equals and alias.isidentifier():
        return load_dataset(source, data_dir)._replace(name=alias)
    kind, colon, where = name.partition(":")
    if kind == "teacher" and colon:
        return _of_teacher(name)
    if kind == "text" and colon:
        return _of_text(name)
    if name == "mnist12k":
        arrays = read_npz(pathlib.Path(__file__).with_name("mnist12k.npz"))
    elif colon and kind == "npz":
        arrays = read_npz(pathlib.Path(where))
    elif colon and kind == "idx":
        arrays = read_idx_dir(pathlib.Path(where))
    elif colon or not name.isidentifier():
        raise InputError(f"unknown dataset {name!r}; choose {CHOICES}.")
    else:
        arrays = load_tfds(name, data_dir, CHOICES)
    return _checked(name, arrays)


def _of_teacher(name: str) -> Dataset:
    source = teachers.read_source(name)
    content = {"train": source.train_inputs, "test": source.test_inputs}
    width, seed = source.teacher.width, source.teacher.seed
    labels = np.zeros(0, np.int32)
    return Dataset(
        name=name,
        train_images=source.train_inputs,
        train_labels=labels,
        test_images=source.test_inputs,
        test_labels=labels,
        num_classes=1,
        fingerprint=f"{cache.fingerprint(content)}-teacher{width}-{seed}",
        teacher=source.teacher,
    )


def _of_text(name: str) -> Dataset:
    windows = read_text(name)
    content = {
        key: values
        for key, values in windows._asdict().items()
        if isinstance(values, np.ndarray)
    }
    return Dataset(
        name=name,
        train_images=windows.train_inputs,
        train_labels=windows.train_targets,
        test_images=windows.test_inputs,
        test_labels=windows.test_targets,
        num_classes=windows.num_tokens,
        fingerprint=cache.fingerprint(content),
        is_text=True,
    )


def require_classes(dataset: Dataset, purpose: str) -> None:
    """Raises InputError if the targets of a dataset are not classes.

    Args:
        dataset: the dataset.
        purpose: what needs classes, in words.
    """
    if dataset.teacher is not None or dataset.is_text:
        what = "the bytes of a text" if dataset.is_text else "real numbers"
        raise InputError(
            f"{purpose} needs classes, and the targets of {dataset.name!r} are {what}; "
            "choose a dataset of images with labels."
        )


def pool_dataset(dataset: Dataset, size: int) -> Dataset:
    """Returns the dataset with images averaged over squares of size x size pixels.

    Pixels are scaled to [-1, 1] first. The name gets the suffix '-pool' and the size.

    Raises:
        InputError: the examples are not images, or the size does not divide them.
    """
    if size == 1:
        return dataset
    if dataset.is_text:
        raise InputError(f"dataset {dataset.name!r} is a text; pool needs images.")
    try:
        train, test = (
            np.asarray(average_pool(normalise(jnp.asarray(images)), size))
            for images in (dataset.train_images, dataset.test_images)
        )
    except InputError as error:
        raise InputError(f"dataset {dataset.name!r}: {error}", pool=None) from None
    return dataset._replace(
        name=f"{dataset.name}-pool{size}",
        train_images=train,
        test_images=test,
        fingerprint=f"{dataset.fingerprint}-pool{size}",
    )


def _checked(name: str, arrays: dict[str, np.ndarray]) -> Dataset:
    """Returns the arrays as a Dataset; raises InputError if they are unusable."""
    splits: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        images, labels = _checked_split(f"dataset {name!r}: {split}", images, labels)
        splits |= {f"{split}_images": images, f"{split}_labels": labels}
    train, test = splits["train_images"], splits["test_images"]
    if train.shape[1:] != test.shape[1:]:
        raise InputError(
            f"dataset {name!r}: an example is {train.shape[1:]} in train and "
            f"{test.shape[1:]} in test; the shapes must be equal."
        )
    if train.dtype != test.dtype:
        raise InputError(
            f"dataset {name!r}: train_images and test_images must have one type, "
            "uint8 or floats."
        )
    num_classes = 1 + max(splits["train_labels"].max(), splits["test_labels"].max())
    if num_classes < 2:
        raise InputError(f"dataset {name!r} has only one class; it needs two or more.")
    return Dataset(
        name=name,
        train_images=train,
        train_labels=splits["train_labels"],
        test_images=test,
        test_labels=splits["test_labels"],
        num_classes=int(num_classes),
        fingerprint=cache.fingerprint(splits),
        teacher=None,
    )


def _checked_split(
    where: str, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns one split as uint8 or float32 images and int32 labels."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if images.ndim < 2 or labels.ndim != 1 or len(images) != len(labels):
        raise InputError(
            f"{where}_images has shape {images.shape} and its labels {labels.shape}; "
            "[size, ...] and [size] are needed."
        )
    if images.size == 0:
        raise InputError(f"{where} is empty; {where}_images has shape {images.shape}.")
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
        raise InputError(f"{where}_labels must be whole numbers of 0 or more.")
    if labels.max() >= MAX_CLASSES:
        raise InputError(
            f"{where}_labels holds {labels.max()}; classes are numbered from 0 and "
            f"must be below {MAX_CLASSES}."
        )
    if images.dtype.kind in "iu" and images.dtype != np.uint8:
        # smaller numbers may be the features of a table, which scaling would destroy
        if images.min() < 0 or not 127 < images.max() < 256:
            raise InputError(
                f"{where}_images has {images.dtype} from {images.min()} to "
                f"{images.max()}, which may be pixels or values; give pixels from 0 to "
                "255 as uint8, and other values as floats."
            )
        images = images.astype(np.uint8)
    if images.dtype != np.uint8:
        if images.dtype.kind != "f":
            raise InputError(
                f"{where}_images has type {images.dtype}; uint8 or floats are needed."
            )
        with np.errstate(over="ignore"):  # float64 beyond float32 is infinite
            images = images.astype(np.float32)
        if not np.isfinite(images).all():
            raise InputError(f"{where}_images holds NaN or infinite values.")
    return images, labels.astype(np.int32)
