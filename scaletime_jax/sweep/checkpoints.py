"""Checkpoints of parts in training, from which a later process goes on.

They lie in a folder beside the run table, whose name begins with a dot, each in a
folder of its own. Only the process that holds the claims on the runs of a checkpoint
uses or deletes it.
"""

import contextlib
import errno
import json
import os
import pathlib
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Set
from typing import Any, NamedTuple

import jax

import scaletime_jax
from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.sweep import provenance, saved
from scaletime_jax.sweep.plan import Part
from scaletime_jax.sweep.segments import BEGIN, Reached

FOLDER = ".checkpoints"
ABOUT = "about.json"
# Seconds of training that are sooner done again than saved.
SHORT = 1.0
# Errors of a disk, which the library tells among other words.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
Owner = dict[str, Any]


class Stopped(Exception):
    """The sweep was told to stop, and its checkpoints are written."""


class Open(NamedTuple):
    """A part whose unit is not in the table yet.

    Attributes:
        part: the runs.
        owner: what a checkpoint of the part belongs to.
        reached: how far it is trained; None before the first segment.
        saved: when it began or was last saved, in seconds of `time.monotonic`.
        is_saved: whether `reached` is in a checkpoint.
    """

    part: Part
    owner: Owner
    reached: Reached | None
    saved: float
    is_saved: bool = False


class Checkpoints:
    """Saves the parts in training every few minutes, and finds what was saved.

    All methods may be called by several threads.

    Attributes:
        folder: of the checkpoints.
        minutes: between two checkpoints of a part; 0 for none.
        precision: of matrix products.
        stop: set where the sweep is to stop.
        open: the parts whose units are not in the table yet, by their name.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        minutes: float,
        precision: str = "float32",
        stop: threading.Event | None = None,
    ):
        """Begins with what is on disk.

        Args:
            folder: of the run table.
            minutes: between two checkpoints of a part; 0 for none.
            precision: of matrix products.
            stop: set where the sweep is to stop.
        """
        self.folder = folder / FOLDER
        self.minutes, self.precision = minutes, precision
        self.stop = stop or threading.Event()
        self.open: dict[str, Open] = {}
        self._lock = threading.Lock()

    def find(self, part: Part, lanes: int, device: str) -> Reached:
        """Returns how far a part is trained by its checkpoint, if it has one.

        A checkpoint of another version, device or grouping of the runs is left aside,
        and so is a damaged one, with a sentence.

        Args:
            part: the runs, which this process has claimed.
            lanes: number of runs trained together.
            device: kind of the device.

        Raises:
            Stopped: the sweep is to stop.
        """
        if self.stop.is_set():
            raise Stopped
        owner = {
            "runs": [config.run_id for config in part.configs],
            "version": scaletime_jax.__version__,
            "jax": jax.__version__,
            "device": device,
            "precision": self.precision,
            "lanes": lanes,
        }
        found = self._find(part, owner) if self.minutes else BEGIN
        with self._lock:
            state = Open(part, owner, None, time.monotonic(), False)
            if found is not BEGIN:
                state = state._replace(reached=found, is_saved=True)
            self.open[_name(part)] = state
        return found

    def note(self, part: Part, reached: Reached) -> None:
        """Takes note of a segment, and saves what was last saved long ago.

        Raises:
            Stopped: the sweep is to stop, and all is saved.
        """
        with self._lock:
            name = _name(part)
            mine = self.open[name]._replace(reached=reached, is_saved=False)
            self.open[name] = mine
            for each in [mine, *self._finished()]:
                late = time.monotonic() > each.saved + 60 * self.minutes
                if self.minutes and (late or self.stop.is_set()) and not each.is_saved:
                    self._save(each)
        if self.stop.is_set():
            raise Stopped

    def drop(self, parts: Iterable[Part]) -> None:
        """Deletes the checkpoints of parts whose unit is in the table now."""
        parts = list(parts)
        with self._lock:
            for part in parts:
                self.open.pop(_name(part), None)
        names = {_name(part) for part in parts}
        runs = {config.run_id for part in parts for config in part.configs}
        self.tidy(runs, names)

    def tidy(self, runs: Set[str], names: Set[str] = frozenset()) -> None:
        """Deletes checkpoints all of whose runs are in the table.

        Args:
            runs: ids of runs in the table.
            names: of parts in the table, whose checkpoints may be unreadable.
        """
        for path in self._paths():
            owner = _read_owner(path)
            is_done = owner is not None and set(owner["runs"]) <= runs
            if is_done or path.name.partition(".")[0] in names:
                _delete(path)
            elif owner is None:
                with contextlib.suppress(OSError):  # not empty
                    path.rmdir()
        if self.folder.exists() and not self._paths():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _finished(self) -> Iterator[Open]:
        """Yields the parts that wait for the others of their unit."""
        for each in list(self.open.values()):
            if each.reached is not None and each.reached.is_end(each.part):
                yield each

    def _paths(self) -> list[pathlib.Path]:
        return sorted(self.folder.iterdir()) if self.folder.exists() else []

    def _find(self, part: Part, owner: Owner) -> Reached:
        runs, label = set(owner["runs"]), part.unit.label
        for path in self._paths():
            other = _read_owner(path)
            if other is None:
                if path.name == _name(part):
                    if (path / ABOUT).exists():
                        path = _leave(path, label, "is damaged")
                    _own(path, owner)
            elif other == owner and path.name == _name(part):
                try:
                    reached = saved.restore(path, owner["lanes"])
                except Exception as error:  # of whatever the library says
                    _leave(path, label, f"is damaged ({_reason(error)})")
                    continue
                if reached is BEGIN:
                    continue
                _say(f"{label}: goes on from a checkpoint, {_place(part, reached)}.")
                return reached
            elif runs & set(other["runs"]) and not _is_aside(path):
                _leave(path, label, _difference(other, owner))
        return BEGIN

    def _save(self, each: Open) -> None:
        """Writes a checkpoint; where that fails, training goes on without."""
        reached, name = each.reached, _name(each.part)
        if reached is None or reached.seconds < SHORT:
            return
        path = self.folder / name
        try:
            path.mkdir(parents=True, exist_ok=True)
            store.write_whole(path / ABOUT, json.dumps(each.owner).encode())
            saved.write(path, reached)
            now = time.monotonic()
            self.open[name] = each._replace(saved=now, is_saved=True)
        except (OSError, ValueError, InputError) as error:
            self.open[name] = each._replace(saved=time.monotonic())
            _say(
                f"warning: {each.part.unit.label}: no checkpoint could be written to "
                f"{path} ({_reason(error)}); training goes on without."
            )


def _reason(error: Exception) -> str:
    """Returns why the system or the library failed, in a few words."""
    known = error.__context__ if isinstance(error, InputError) else error
    if isinstance(known, OSError) and known.strerror:
        return known.strerror
    lines = str(error).strip().splitlines() or [type(error).__name__]
    for number in FULL:  # the library's sentence begins with the names of files
        if os.strerror(number) in str(error):
            return os.strerror(number)
    return lines[0][:100].rstrip(".")


def _name(part: Part) -> str:
    """Returns the name of the folder of a part's checkpoint."""
    return provenance.file_name(part.configs)


def _place(part: Part, reached: Reached) -> str:
    """Says how far a part is trained."""
    if reached.is_end(part):
        return "after all steps"
    before = f"of run {reached.first + 1} of {len(part.configs)} " * bool(reached.first)
    return f"after {reached.step:,} {before}of {part.configs[0].records[-1]:,} steps"


def _difference(other: Owner, owner: Owner) -> str:
    """Says why a checkpoint is of no use here."""
    for name in ("version", "jax"):
        if other[name] != owner[name]:
            of = "JAX" if name == "jax" else "this package"
            return f"is of version {other[name]} of {of}, not {owner[name]}"
    if other["device"] != owner["device"]:
        return f"is of a {other['device']}, not a {owner['device']}"
    if other["precision"] != owner["precision"]:
        return f"has matrix products in {other['precision']}, not {owner['precision']}"
    return "has other runs together"


def _is_aside(path: pathlib.Path) -> bool:
    return path.suffix == ".aside" or ".aside-" in path.name


def _leave(path: pathlib.Path, label: str, reason: str) -> pathlib.Path:
    """Renames a checkpoint that is of no use here, says why, and returns its path."""
    aside = path.with_name(f"{path.name}.aside-{time.time_ns()}")
    try:
        path.rename(aside)
    except OSError:
        aside = path
    _say(
        f"{label}: its checkpoint {reason}; it is left aside as {aside.name}, and "
        "training starts anew."
    )
    return aside


def _delete(path: pathlib.Path) -> None:
    """Deletes a checkpoint, and last of all whose it is.

    What a process leaves that is killed meanwhile is deleted by the next one.
    """
    shutil.rmtree(path / saved.FOLDER, ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)


def _own(path: pathlib.Path, owner: Owner) -> None:
    """Says whose a folder is, which is deleted once its runs are in the table.

    The process that made the folder may have been killed before it said so.
    """
    with contextlib.suppress(InputError):  # training goes on without checkpoints
        store.write_whole(path / ABOUT, json.dumps(owner).encode())


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _read_owner(path: pathlib.Path) -> Owner | None:
    """Returns what a checkpoint belongs to; None if that cannot be read."""
    try:
        owner = json.loads((path / ABOUT).read_text())
        is_whole = {"runs", "version", "jax", "device", "precision"} <= set(owner)
        return owner if is_whole else None
    except (OSError, ValueError, TypeError):
        return None
