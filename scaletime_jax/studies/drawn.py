"""The numbers of a figure in one file, from which the figure can be drawn again.

The file is a NumPy archive of the arrays and of the structure around them as JSON.
Reading the file runs no code: a NamedTuple is built only if this package defines the
class.
"""

import importlib
import io
import json
import zipfile
import zlib
from typing import Any

import numpy as np

from scaletime_jax.errors import InputError

STRUCTURE = "structure"
PACKAGE = "scaletime_jax."
# Errors of a damaged file, or of a file with NamedTuples that no longer exist.
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    zipfile.BadZipFile,
    zlib.error,
)


def pack(figure: dict[str, Any]) -> bytes:
    """Returns the numbers of a figure as the content of a file.

    Args:
        figure: values by argument of the plotting function: numbers, words, None,
            arrays, and lists, tuples, dicts and this package's NamedTuples of these.

    Raises:
        TypeError: the figure holds a value of another type.
    """
    arrays: dict[str, np.ndarray] = {}
    structure = json.dumps(_encode(figure, arrays))
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **{STRUCTURE: structure}, **arrays)
    return file.getvalue()


def unpack(content: bytes) -> dict[str, Any]:
    """Returns the figure that `pack` was given.

    Raises:
        InputError: the content is damaged, or was written by an incompatible version.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _decode(json.loads(str(arrays[STRUCTURE])), arrays)
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"the numbers of the figure cannot be read ({reason}); make the figure "
            "again with its experiment."
        ) from None


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    names = getattr(value, "_fields", None)
    if isinstance(value, tuple) and names:
        kind = type(value)
        fields = {
            name: _encode(each, arrays) for name, each in zip(names, value, strict=True)
        }
        return {"named": f"{kind.__module__}:{kind.__name__}", "fields": fields}
    if isinstance(value, list | tuple):
        members = [_encode(each, arrays) for each in value]
        return members if isinstance(value, list) else {"tuple": members}
    if isinstance(value, dict):
        return {
            "dict": [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]
        }
    raise TypeError(f"a figure cannot hold {type(value).__name__}")


def _decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decode(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "tuple" in value:
        return tuple(_decode(each, arrays) for each in value["tuple"])
    if "dict" in value:
        return {_decode(k, arrays): _decode(v, arrays) for k, v in value["dict"]}
    module, _, name = value["named"].partition(":")
    if not module.startswith(PACKAGE):
        raise ValueError(f"{module} is not of this package")
    kind = getattr(importlib.import_module(module), name)
    if not (isinstance(kind, type) and hasattr(kind, "_fields")):
        raise ValueError(f"{name} is no NamedTuple")
    fields = {k: _decode(v, arrays) for k, v in value["fields"].items()}
    return kind(**fields)
