"""Parts of long work on disk, so that an interrupted run does not begin again."""

import contextlib
import hashlib
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

import jax
import numpy as np

from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.studies import drawn
from scaletime_jax.sweep.provenance import versions
from shell import flags as common

T = TypeVar("T")


class Parts:
    """Keeps parts in a folder until the work ends; satisfies `scaletime_jax.keep.Keep`.

    Attributes:
        folder: folder of the parts, one file each.
        key: names what the parts are made from.
    """

    def __init__(self, folder: pathlib.Path, *made_from: object):
        """Names the parts.

        Args:
            folder: is made, with its parents.
            *made_from: options and arrays that determine the parts. Parts that were
                made from others, or by another version of the code, are not read.
        """
        self.folder, self.key = folder, _digest((*made_from, versions()))
        store.prepare(folder)

    def __call__(self, name: str, make: Callable[[], T]) -> T:
        """Returns the kept part, or makes and keeps the part."""
        path = self.folder / f"{name}-{self.key}.npz"
        if path.exists():
            try:
                part = drawn.unpack(path.read_bytes())["part"]
            except InputError:
                pass  # damaged: made again
            else:
                print(f"{name}: kept by an interrupted run.", file=sys.stderr)
                return part
        part = make()
        store.write_whole(path, drawn.pack({"part": part}))
        return part

    def clear(self) -> None:
        """Deletes the parts, once the work has ended."""
        for path in self.folder.glob(f"*-{self.key}.npz"):
            path.unlink()
        with contextlib.suppress(OSError):  # parts of another run
            self.folder.rmdir()


@contextlib.contextmanager
def kept(name: str, *made_from: object) -> Iterator[Parts]:
    """Yields the parts of a study, which are deleted if no error ends it.

    Args:
        name: name of the study.
        *made_from: as in `Parts`.

    Raises:
        InputError: the folder cannot be written to.
    """
    parts = Parts(common.workdir() / name / "parts", *made_from)
    yield parts
    parts.clear()


def _digest(made_from: object) -> str:
    """Returns a short name of values and of the contents of arrays."""
    leaves, structure = jax.tree.flatten(made_from)
    digest = hashlib.sha256(repr(structure).encode())
    for leaf in leaves:
        if isinstance(leaf, np.ndarray):
            digest.update(leaf.tobytes())
            leaf = leaf.shape, leaf.dtype
        digest.update(repr(leaf).encode())
    return digest.hexdigest()[:12]
