"""Moments of a sweep at which its process fails, and how."""

import errno
import os
import pathlib
import signal
import threading
import time

import jax
import orbax.checkpoint  # noqa: F401  imported once, for all processes
from jax._src.lru_cache import LRUCache

from scaletime_jax.data import cache
from scaletime_jax.runs import store
from scaletime_jax.sweep import (
    calibration,
    checkpoints,
    claims,
    programs,
    saved,
    timing,
    tuning,
)

STEPS = 8  # of a segment


def shorten():
    """Makes programs, segments and timing short, as nothing else of a sweep is."""
    tuning.CPU = tuning.CPU._replace(compiler_options={})
    checkpoints.SHORT = 0.0

    def end(unit, begin, pace, lanes=1):
        return min(begin + STEPS, unit.configs[0].records[-1])

    programs.segment_end = end
    known = calibration.Calibration(1e-11, 1e-11, compile_seconds=3.0)
    timing.time_training = lambda architecture: known
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def arrange(fault):
    """Makes the process fail.

    Args:
        fault: may have `log`, where runs are written as they begin; `moment` and
            `count`, the call of the moment at which the fault comes; `error`, the
            number of an error of the system that is raised there, where the process
            is not to be killed; `signal`, another one than SIGKILL; `jumps`, whether
            the clock does; `late`, seconds from the moment to the end.
    """
    if "log" in fault:
        _keep_log(fault["log"])
    if fault.get("jumps"):
        _jump()
    if "moment" in fault:
        owner, name, fits, is_after = MOMENTS[fault["moment"]]
        _wrap(owner, name, fits, is_after, _strike(fault))


def _strike(fault):
    left = [fault.get("count", 1)]

    def strike():
        left[0] -= 1
        if "error" in fault:
            if left[0] <= 0:  # a disk that is full stays full
                number = getattr(errno, fault["error"])
                raise OSError(number, os.strerror(number))
        elif left[0] == 0 and "late" in fault:
            threading.Timer(fault["late"], _kill, [fault]).start()
        elif left[0] == 0:
            _kill(fault)

    return strike


def _wrap(owner, name, fits, is_after, strike):
    call = getattr(owner, name)

    def wrapped(*args, **kwargs):
        here = fits(*args)
        if here and not is_after:
            strike()
        found = call(*args, **kwargs)
        if here and is_after:
            strike()
        return found

    setattr(owner, name, wrapped)


def _keep_log(path):
    """Appends each run that begins: whether it is in the table, or begun elsewhere."""
    train = programs.Programs.train

    def train_and_say(self, part, dataset):
        folder = self.checkpoints.folder.parent
        rows = store.read(folder, mend=False)
        ends = rows.groupby("run_id").step.max()
        lines = []
        for config in part.configs:
            there = ends.get(config.run_id, -1) == config.records[-1]
            lines.append(f"{config.run_id} {os.getpid()} {int(there)}\n")
        with open(path, "a") as file:
            file.write("".join(lines))
        return train(self, part, dataset)

    programs.Programs.train = train_and_say


def _jump():
    """The clock of the day jumps by a day to and fro; that of durations cannot."""
    now, now_ns, turns = time.time, time.time_ns, iter(range(10**9))
    time.time = lambda: now() + 86400 * (-1) ** next(turns)
    time.time_ns = lambda: now_ns() + 86400 * 10**9 * (-1) ** next(turns)


def _kill(fault):
    os.kill(os.getpid(), fault.get("signal", signal.SIGKILL))


def _name(file):
    """Returns the path of an open file, or of the file that a number stands for."""
    return os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else str(file)


def _of(*words):
    return lambda *args: all(word in _name(args[0]) for word in words)


def _to(*words):
    return lambda part, path, *_: all(word in str(path) for word in words)


def _any(*_):
    return True


def _half_kept(kept, name, content):
    """Writes half of a compiled program, as JAX would."""
    kept.path.joinpath(f"{name}-cache").write_bytes(content[: len(content) // 2])
    return True


MOMENTS = {
    # owner and name of a function, which of its calls, and whether after the call
    "gate": (claims, "_others", _any, False),
    "list of a claim": (pathlib.Path, "write_text", _of(".claim-"), False),
    "claim": (pathlib.Path, "write_text", _of(".claim-"), True),
    "training": (programs.Programs, "advance", _any, False),
    "owner of a checkpoint": (os, "fsync", _of("about.json"), False),
    "checkpoint": (saved, "write", _any, False),
    "amid a checkpoint": (saved, "digest", _any, True),
    "after a checkpoint": (saved, "write", _any, True),
    "metadata": (store, "_factor", _any, False),
    "reading a table": (pathlib.Path, "read_bytes", _of(".parquet"), False),
    "table part": (os, "fsync", _of(".parquet"), False),
    "rename of a table": (os, "replace", _to(".parquet"), False),
    "table": (os, "replace", _to(".parquet"), True),
    "end of a checkpoint": (checkpoints.Checkpoints, "drop", _any, True),
    "end of a claim": (claims.Claims, "free", _any, True),
    "figure": (os, "fsync", _of(".png"), False),
    "panel": (os, "fsync", _of(".csv"), False),
    "summary": (os, "fsync", _of("summary.json"), False),
    "rename of a summary": (os, "replace", _to("summary.json"), False),
    "calibration": (cache, "_write_whole", _any, False),
    "rename of a calibration": (os, "replace", _to("calibration"), False),
    "kept program": (LRUCache, "put", _half_kept, False),
}
