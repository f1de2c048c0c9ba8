"""Claims on runs, by which processes share the sweeps of one folder.

A process holds a lock in the folder for as long as it trains, beside a list of the
runs that it trains now. The system frees the lock when the process ends, however it
ends, and the list of a free lock claims nothing. Lists are read and written under one
more lock, the gate, so no run is claimed twice.
"""

import contextlib
import errno
import json
import os
import pathlib
import platform
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import TracebackType
from typing import NamedTuple

from filelock import FileLock, Timeout

from scaletime_jax.errors import InputError
from scaletime_jax.words import count_of

# Names that begin with a dot are passed over by readers of Parquet folders.
GATE = ".gate.lock"
CLAIM = ".claim-"
RARELY = 0.05  # seconds between looks at a gate that another process holds
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


class Holder(NamedTuple):
    """A process that trains runs of the folder.

    Attributes:
        host: name of its machine.
        process: its number there.
        runs: the name of the program of each run that it trains now, by the run's id.
    """

    host: str
    process: int
    runs: Mapping[str, str]

    def narrow(self, runs: Collection[str]) -> "Holder":
        """Returns the process with no runs but these."""
        mine = {run: program for run, program in self.runs.items() if run in runs}
        return self._replace(runs=mine)

    @property
    def label(self) -> str:
        """What the process trains, in words."""
        runs = count_of(len(self.runs), "run")
        return f"{runs} by process {self.process} on {self.host}"


class Claims:
    """The runs that this process trains, and those of other processes.

    Used in a `with` statement, which gives all claims back at its end.

    Attributes:
        folder: folder of the run table.
        path: the lock that is held while claims are.
        mine: the name of the program of each run that is trained here, by id.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.path = folder / f"{CLAIM}{uuid.uuid4().hex[:12]}.lock"
        self.mine: dict[str, str] = {}
        self._lock = _lock(self.path)

    def __enter__(self) -> "Claims":
        with _gate(self.folder), _explained(self.folder):
            self._lock.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with _gate(self.folder):
                self._lock.release()
                _others(self.folder)  # tidies, also after processes that were killed
        finally:
            self._lock.release()  # also where the folder is gone

    @contextlib.contextmanager
    def choosing(self) -> Iterator[list[Holder]]:
        """Yields the other processes that train, while no process may claim a run.

        What is added to `mine` meanwhile is claimed.

        Raises:
            InputError: the folder cannot be written to, or has no locks.
        """
        with _gate(self.folder):
            yield _others(self.folder, self.path)
            about = {"host": platform.node(), "process": os.getpid(), "runs": self.mine}
            with _explained(self.folder):
                _list_of(self.path).write_text(json.dumps(about))

    def free(self, runs: Iterable[str]) -> None:
        """Ends the claims on runs that are in the table now."""
        for run in runs:
            self.mine.pop(run, None)


def holders(folder: pathlib.Path, runs: Iterable[str]) -> list[Holder]:
    """Returns the processes that train some of these runs in the folder.

    The claims of processes that were killed are deleted. Without any claim no run is
    looked at: the ids of a large grid take seconds.

    Raises:
        InputError: the folder cannot be written to, or has no locks.
    """
    if not any(folder.glob(f"{CLAIM}*")):
        return []
    wanted = set(runs)
    with _gate(folder):
        found = [holder.narrow(wanted) for holder in _others(folder)]
    return [holder for holder in found if holder.runs]


def _others(folder: pathlib.Path, own: pathlib.Path | None = None) -> list[Holder]:
    """Returns whose claims stand, and deletes those of processes that are gone.

    The gate is held, so every claim's list is complete.
    """
    found = []
    for path in sorted(folder.glob(f"{CLAIM}*.lock")):
        if path == own:
            continue
        lock = _lock(path)
        try:
            with _explained(folder):
                lock.acquire(blocking=False)
        except Timeout:
            with contextlib.suppress(OSError, ValueError, TypeError):
                found.append(Holder(**json.loads(_list_of(path).read_text())))
        else:
            _remove(path)
            lock.release()
    return found


@contextlib.contextmanager
def _gate(folder: pathlib.Path) -> Iterator[None]:
    """Keeps all other processes from looking at claims.

    The file is deleted by its holder, and a process that waited for the deleted file
    begins again (`filelock` looks at the number of its names). The new file also makes
    a client of a network file system read the folder anew.
    """
    path = folder / GATE
    lock = _lock(path)
    with _explained(folder):
        lock.acquire(poll_interval=RARELY)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _lock(path: pathlib.Path) -> FileLock:
    return FileLock(path, thread_local=False, fallback_to_soft=False)


def _list_of(path: pathlib.Path) -> pathlib.Path:
    """Returns where the runs of a claim are listed."""
    return path.with_suffix(".runs")  # no ending that readers of logs know


def _remove(path: pathlib.Path) -> None:
    _list_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def _explained(folder: pathlib.Path) -> Iterator[None]:
    """Turns failures of the file system into sentences."""
    try:
        yield
    except Timeout:  # an OSError too
        raise
    except NotImplementedError as error:
        raise _without_locks(folder, str(error)) from None
    except OSError as error:
        if error.errno in NO_LOCKS:
            raise _without_locks(folder, str(error.strerror)) from None
        raise InputError(
            f"cannot claim runs in {folder} ({error.strerror}); free space, or choose "
            "a folder with write permission.",
            workdir=None,
        ) from None


def _without_locks(folder: pathlib.Path, reason: str) -> InputError:
    return InputError(
        f"the file system of {folder} has no locks ({reason}), by which processes "
        "share a sweep; choose a folder on another file system.",
        workdir=None,
    )
