"""The metadata of a unit: device, time and versions of the training."""

import dataclasses
import datetime
import hashlib
import pathlib
import subprocess
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

import scaletime_jax
from scaletime_jax.sweep.config import RunConfig


class Times(NamedTuple):
    """Start and duration of the training of a part on one device, in seconds.

    Attributes:
        start: start by `time.time`.
        compiling: duration of compilation, zero for a compiled program.
        running: duration of training.
    """

    start: float
    compiling: float
    running: float


def file_name(configs: Sequence[RunConfig]) -> str:
    """Returns a readable name, made unique by a digest of the runs' ids."""
    ids = "".join(sorted(config.run_id for config in configs))
    digest = hashlib.sha256(ids.encode()).hexdigest()[:12]
    config = configs[0]
    return (
        f"{config.architecture}-w{config.width}-{config.optimizer}-"
        f"n{config.train_size}-{digest}"
    )


def metadata(
    configs: Sequence[RunConfig], times: Sequence[Times], **how: Any
) -> dict[str, Any]:
    """Returns configs, versions, device, times and `how`.

    `compile_seconds` and `device_seconds` are sums over the parts; `wall_seconds` is
    the time from the first start to the last end of a part.
    """
    wall = max(map(sum, times)) - min(part.start for part in times)
    return {
        "configs": [dataclasses.asdict(config) for config in configs],
        **versions(),
        **how,
        "compile_seconds": round(sum(part.compiling for part in times), 3),
        "device_seconds": round(sum(part.running for part in times), 3),
        "wall_seconds": round(wall, 3),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def versions() -> dict[str, Any]:
    """Returns the versions and the device of the computation."""
    device = jax.local_devices()[0]
    return {
        "scaletime_jax": scaletime_jax.__version__,
        "git_commit": git_commit(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": f"{jax.local_device_count()} x {device.device_kind}",
    }


def git_commit() -> str | None:
    """Returns the commit of the package's checkout; None without a checkout."""
    root = pathlib.Path(scaletime_jax.__file__).parents[1]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode().strip() or None
