"""The content of a checkpoint on disk, by Orbax, with a digest of all arrays."""

import errno
import hashlib
import os
import pathlib
import shutil
from typing import Any

import jax
import numpy as np

from scaletime_jax.sweep.segments import BEGIN, Reached
from scaletime_jax.training.curves import from_metrics

FOLDER = "saved"
# Space that is free before a checkpoint is written, as a multiple of its arrays, and
# bytes for all else.
MARGIN, SPARE = 2, 2**20
STATE = "state"  # names of the leaves of a state, with their number


def _manager(path: pathlib.Path) -> Any:
    """Returns Orbax's manager of a folder, which keeps the newest checkpoint."""
    import orbax.checkpoint as ocp  # half a second, which most sweeps do not need

    options = ocp.CheckpointManagerOptions(
        max_to_keep=1, enable_async_checkpointing=False
    )
    return ocp.CheckpointManager(path.absolute() / FOLDER, options=options)


def write(path: pathlib.Path, reached: Reached) -> None:
    """Writes how far a part is trained to a folder, beside the one before.

    Raises:
        OSError: the disk has no space for it; the library may raise others.
    """
    import orbax.checkpoint as ocp

    leaves = jax.device_get(list(reached.state))
    content = {f"{STATE}{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
    metrics = [np.stack(turn.metrics) for turn in reached.curves]
    content["curves"] = np.concatenate(metrics, axis=1)
    content["place"] = np.array([reached.first, reached.step])
    content["seconds"] = np.array(reached.seconds)
    content["digest"] = digest(content)
    _check_space(path, sum(values.nbytes for values in content.values()))
    with _manager(path) as manager:
        latest = manager.latest_step()
        step = 0 if latest is None else latest + 1
        manager.save(step, args=ocp.args.StandardSave(content))


def _check_space(path: pathlib.Path, needed: int) -> None:
    """Raises OSError on a disk that is full, or will be.

    The library would print pages from its threads.
    """
    if shutil.disk_usage(path).free < MARGIN * needed + SPARE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def digest(content: dict[str, np.ndarray]) -> np.ndarray:
    """Returns a digest of all arrays, by which damage shows."""
    sha = hashlib.sha256()
    for name in sorted(content):
        values = content[name]
        sha.update(f"{name} {values.dtype} {values.shape}".encode())
        sha.update(np.ascontiguousarray(values).tobytes())
    return np.frombuffer(sha.digest(), np.uint8)


def restore(path: pathlib.Path, lanes: int) -> Reached:
    """Reads a checkpoint; one whose first save was interrupted is the beginning.

    Raises:
        ValueError: it is not whole; the library may raise others.
    """
    import orbax.checkpoint as ocp

    with _manager(path) as manager:
        latest = manager.latest_step()
        if latest is None:
            return BEGIN
        content = manager.restore(latest, args=ocp.args.StandardRestore())
    if not np.array_equal(content.pop("digest"), digest(content)):
        raise ValueError("its digest is another")
    first, step = map(int, content["place"])
    rows = np.asarray(content["curves"])
    turns = [
        from_metrics([*rows[:, start : start + lanes]])
        for start in range(0, rows.shape[1], lanes)
    ]
    count = sum(name.startswith(STATE) for name in content)
    state = [content[f"{STATE}{i}"] for i in range(count)]
    return Reached(first, step, state, turns, float(content["seconds"]))
