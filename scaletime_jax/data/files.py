"""Arrays of a dataset from a user's files: npz, and the IDX files of MNIST."""

import gzip
import io
import math
import pathlib
import zipfile
import zlib

import numpy as np
from numpy.lib.npyio import NpzFile

from scaletime_jax.errors import InputError
from scaletime_jax.memory import host_bytes

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
# Keras ships MNIST and CIFAR-10 under these names.
KERAS_NAMES = dict(zip(ARRAYS, ("x_train", "y_train", "x_test", "y_test"), strict=True))
IDX_NAMES = dict(
    zip(
        ARRAYS,
        ("train-images", "train-labels", "t10k-images", "t10k-labels"),
        strict=True,
    )
)

RANKS = (1, 2, 3, 4)  # of IDX files


def read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads the four arrays of a dataset from an npz file, or Keras's names of them.

    Raises:
        InputError: as in `open_npz`.
    """
    plain = {name: name for name in ARRAYS}
    return open_npz(path, "an npz dataset holds", plain, KERAS_NAMES)


def open_npz(
    path: pathlib.Path, words: str, *choices: dict[str, str]
) -> dict[str, np.ndarray]:
    """Reads arrays from an npz file.

    Args:
        path: of the file.
        words: what holds the arrays, for messages.
        *choices: names in the file by names of the result. The last choice of which the
            file has an array is taken, and the first one else.

    Raises:
        InputError: there is no such file, it lacks an array, is damaged, or holds more
            than the memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > host_bytes():
            raise InputError(
                f"{path} unpacks to {size / 2**30:.0f} GiB, more than the memory."
            )
        with np.load(path) as file:
            there = [c for c in choices if set(c.values()) & set(file.files)]
            names = (there or choices[:1])[-1]
            missing = sorted(set(names.values()) - set(file.files))
            if missing:
                raise InputError(
                    f"{path} lacks {', '.join(missing)}; {words} {', '.join(names)}."
                )
            return {array: _member(file, name) for array, name in names.items()}
    except FileNotFoundError:
        raise InputError(f"there is no file {path}.") from None
    except InputError:
        raise
    except Exception as error:  # what a damaged file makes NumPy raise is not listed
        raise InputError(
            f"{path} is not a readable npz file of numbers: {_reason(error)}."
        ) from None


def _member(file: NpzFile, name: str) -> np.ndarray:
    array = file[name]
    if not isinstance(array, np.ndarray):  # NumPy gives the bytes of what is no array
        raise ValueError(f"{name} is no array")
    return array


def _reason(error: Exception) -> str:
    """Returns the first sentence of an error, without advice to read it unsafely."""
    text = (str(error) or type(error).__name__).splitlines()[0]
    if "pickle" in text:
        return "an array holds Python objects"
    return text.partition(". ")[0].rstrip(".")


def read_idx_dir(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads MNIST's four IDX files, plain or gzipped, from a folder.

    Raises:
        InputError: there is no such folder, or a file is missing or damaged.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; 'idx:DIR' needs one.")
    return {array: _read_idx(folder, stem) for array, stem in IDX_NAMES.items()}


def _read_idx(folder: pathlib.Path, stem: str) -> np.ndarray:
    """Reads one IDX file: two zero bytes, a type, the rank, the shape, the values."""
    paths = sorted(p for p in folder.iterdir() if p.name.startswith(stem))
    if not paths:
        raise InputError(
            f"{folder} has no {stem}* file; 'idx:DIR' needs "
            f"{', '.join(IDX_NAMES.values())} as IDX files, plain or gzipped."
        )
    path = paths[0]
    try:
        with open(path, "rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
        with (gzip.open if compressed else open)(path, "rb") as file:
            return _parse_idx(path, file)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None


def _parse_idx(path: pathlib.Path, file: io.BufferedIOBase) -> np.ndarray:
    """Reads what the file announces, and no more than the memory."""
    start = file.read(4)
    if len(start) < 4 or start[:3] != b"\x00\x00\x08":
        raise InputError(f"{path} is not an IDX file of unsigned bytes.")
    rank = start[3]
    if rank not in RANKS:
        raise InputError(
            f"{path} has {rank} axes; labels have one axis, and images three or four."
        )
    header = file.read(4 * rank)
    if len(header) < 4 * rank:
        raise InputError(f"{path} is truncated: it ends within its shape.")
    shape = [int(size) for size in np.frombuffer(header, ">u4")]
    size = math.prod(shape)
    if not 0 < size < host_bytes():
        much = "more than the memory" if size else "no values"
        raise InputError(f"{path} announces shape {tuple(shape)}, {much}.")
    values = file.read(size + 1)
    if len(values) != size:
        there = f"{len(values):,}" if len(values) < size else "more"
        raise InputError(
            f"{path} is damaged: it announces shape {tuple(shape)} and holds "
            f"{there} values."
        )
    array = np.frombuffer(values, np.uint8).reshape(shape)
    return array[..., None] if rank == 3 else array  # grey images get a channel
