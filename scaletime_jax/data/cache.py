"""A cache of decoded datasets in the user's cache directory."""

import hashlib
import os
import pathlib
import tempfile
import warnings
import zipfile
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def cache_dir() -> pathlib.Path:
    """Returns `$XDG_CACHE_HOME/scaletime_jax`, by default under `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "scaletime_jax"


def fingerprint(arrays: Arrays) -> str:
    """Returns 16 hex digits from the arrays' names, shapes, types and bytes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.shape} {array.dtype.str};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def read(key: str) -> Arrays | None:
    """Returns the arrays stored under `key`, or None if they are absent or damaged."""
    path = _path(key)
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        stored = str(arrays.pop("fingerprint"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        warnings.warn(f"ignoring the damaged cache file {path}: {error}", stacklevel=2)
        return None
    if stored != fingerprint(arrays):
        warnings.warn(
            f"ignoring the cache file {path}: its checksum does not match", stacklevel=2
        )
        return None
    return arrays


def write(key: str, arrays: Arrays) -> None:
    """Stores the arrays under `key` atomically; warns if the cache is not writable."""
    path = _path(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    except OSError as error:
        warnings.warn(f"decoded images are not cached: {error}", stacklevel=2)
        return
    content: dict[str, Any] = {**arrays, "fingerprint": np.array(fingerprint(arrays))}
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **content)
        os.replace(part, path)
    except OSError as error:
        warnings.warn(f"decoded images are not cached: {error}", stacklevel=2)
        pathlib.Path(part).unlink(missing_ok=True)
    except BaseException:
        pathlib.Path(part).unlink(missing_ok=True)
        raise


def _path(key: str) -> pathlib.Path:
    return cache_dir() / "datasets" / f"{key}.npz"
