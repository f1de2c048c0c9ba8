"""Datasets prepared by TensorFlow Datasets, read without TensorFlow, cached."""

import hashlib
import importlib.util
import io
import os
import pathlib
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from scaletime_jax.data import cache
from scaletime_jax.errors import InputError


def load_tfds(name: str, data_dir: str | None, choices: str) -> dict[str, np.ndarray]:
    """Returns the train and test arrays of a TFDS image classification dataset.

    Decoding takes about half a minute for 70,000 images. The arrays are cached under a
    key that changes when the prepared files change.

    Args:
        name: TFDS name.
        data_dir: TFDS's data directory, or None for its default.
        choices: the possible names, for the error message.
    """
    folder = pathlib.Path(
        data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    ).expanduser()
    if data_dir and not folder.is_dir():
        raise InputError(f"{data_dir} is not a folder.", data_dir=None)
    prepared = _newest_version(folder / name)
    if prepared is None:
        _prepare(name, folder, choices)
        prepared = _newest_version(folder / name)
        if prepared is None:
            raise InputError(f"TFDS did not prepare {name!r} in {folder}.")
    key = _cache_key(name, prepared)
    arrays = cache.read(key)
    if arrays is None:
        arrays = _decode(name, prepared)
        cache.write(key, arrays)
    return arrays


def _newest_version(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the folder of the newest prepared version `1.2.3`, or None."""
    versions = [
        path.parent
        for path in folder.glob("*/dataset_info.json")
        if re.fullmatch(r"\d+\.\d+\.\d+", path.parent.name)
    ]
    return max(
        versions, key=lambda p: [int(part) for part in p.name.split(".")], default=None
    )


def _cache_key(name: str, prepared: pathlib.Path) -> str:
    """Returns a key from names, sizes and times of the prepared files."""
    digest = hashlib.sha256(str(prepared.resolve()).encode())
    for path in sorted(prepared.iterdir()):
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns};".encode())
    return f"{name}-{prepared.name}-{digest.hexdigest()[:16]}"


def _prepare(name: str, folder: pathlib.Path, choices: str) -> None:
    """Downloads and prepares the dataset by TFDS, which needs TensorFlow."""
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(
            name, data_dir=str(folder), file_format="array_record", try_gcs=False
        )
    except tfds.core.DatasetNotFoundError:
        raise InputError(
            f"unknown dataset {name!r}; choose {choices}.", data_dir=None
        ) from None
    # TFDS reads the downloaded files through TensorFlow.
    if importlib.util.find_spec("tensorflow") is None:
        reason = "preparing it needs TensorFlow, which is not installed"
    else:
        try:
            return builder.download_and_prepare()
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    raise InputError(
        f"dataset {name!r} is not in {folder} and could not be prepared there "
        f"({reason}): name the folder of a copy prepared elsewhere by `tfds build "
        f"{name} --file_format=array_record`, or choose 'mnist12k', which needs "
        "no files, 'npz:PATH' or 'idx:DIR'.",
        data_dir=None,
    )


def _decode(name: str, prepared: pathlib.Path) -> dict[str, np.ndarray]:
    """Decodes the train and test splits of a prepared dataset."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(prepared)
    features = builder.info.features
    if features is None or not {"image", "label"} <= set(features):
        raise InputError(
            f"dataset {name!r} has the features {sorted(features or ())}; 'image' and "
            "'label' are needed."
        )
    missing = {"train", "test"} - set(builder.info.splits)
    if missing:
        raise InputError(f"dataset {name!r} has no {' and no '.join(missing)} split.")
    try:
        sources = builder.as_data_source(
            split=["train", "test"], decoders={"image": tfds.decode.SkipDecoding()}
        )
    except NotImplementedError:
        raise InputError(
            f"{prepared} is not in the array_record format; prepare it by `tfds build "
            f"{name} --file_format=array_record`."
        ) from None
    arrays = {}
    with ThreadPoolExecutor() as pool:
        for split, source in zip(("train", "test"), sources, strict=True):
            examples = list(source)
            images = list(pool.map(_decode_image, (e["image"] for e in examples)))
            if len({image.shape for image in images}) > 1:
                raise InputError(f"dataset {name!r} has images of different sizes.")
            arrays[f"{split}_images"] = np.stack(images)
            arrays[f"{split}_labels"] = np.array([e["label"] for e in examples])
    return arrays


def _decode_image(encoded: bytes) -> np.ndarray:
    """Decodes PNG or JPEG bytes to [height, width, channels] uint8."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    return pixels[..., None] if pixels.ndim == 2 else pixels
