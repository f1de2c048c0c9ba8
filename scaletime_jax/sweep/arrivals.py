"""The runs that other processes add to a folder while this one trains."""

import os
import pathlib
from collections.abc import Mapping

from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.plan import find_complete

File = tuple[str, int]  # name and inode: a damaged file is replaced under its name


class Arrivals:
    """Reads each file of a folder of runs once, when it comes.

    Attributes:
        folder: folder of the run table.
        seen: the files that need not be read (again).
    """

    def __init__(self, folder: pathlib.Path):
        """Begins with the files that are there now."""
        self.folder = folder
        self.seen = set(_files(folder))

    def know(self, path: pathlib.Path) -> None:
        """Leaves out a file that this process has written."""
        self.seen.add((path.name, path.stat().st_ino))

    def look(self, wanted: Mapping[str, RunConfig]) -> set[str]:
        """Returns the ids of the wanted runs that are complete in new files.

        Args:
            wanted: runs by id.
        """
        new = [file for file in _files(self.folder) if file not in self.seen]
        self.seen.update(new)
        tables = []
        for name, _ in new:
            try:
                tables.append(store.read_table(self.folder / name).to_pandas())
            except (store.DamagedTable, InputError):
                continue  # `store.read` names it at the end, if it is still there
        if not tables:
            return set()
        return set().union(*(find_complete(rows, wanted) for rows in tables))


def _files(folder: pathlib.Path) -> list[File]:
    with os.scandir(folder) as entries:
        return [(e.name, e.inode()) for e in entries if e.name.endswith(".parquet")]
