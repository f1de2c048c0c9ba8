"""A cache in the user's cache directory: decoded datasets, and small records."""

import contextlib
import hashlib
import json
import os
import pathlib
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from typing import IO, Any

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
    content: dict[str, Any] = {**arrays, "fingerprint": np.array(fingerprint(arrays))}
    try:
        _write_whole(_path(key), lambda file: np.savez(file, **content))
    except OSError as error:
        warnings.warn(f"decoded images are not cached: {error}", stacklevel=2)


def read_json(key: str) -> Any:
    """Returns the record stored under `key`, or None if it is absent or damaged."""
    try:
        return json.loads(_json_path(key).read_text())
    except (OSError, ValueError):
        return None


def write_json(key: str, record: Any) -> None:
    """Stores a record under `key`, whole or not at all; no matter where it cannot."""
    content = json.dumps(record, indent=1).encode()
    with contextlib.suppress(OSError):
        _write_whole(_json_path(key), lambda file: file.write(content))


def _write_whole(path: pathlib.Path, fill: Callable[[IO[bytes]], Any]) -> None:
    """Writes a file of which no reader ever sees a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
        os.replace(part, path)
    except BaseException:
        pathlib.Path(part).unlink(missing_ok=True)
        raise


def _path(key: str) -> pathlib.Path:
    return cache_dir() / "datasets" / f"{key}.npz"


def _json_path(key: str) -> pathlib.Path:
    return cache_dir() / f"{key}.json"
