"""Where, when and by what a unit was trained: what stands beside its curves."""

import dataclasses
import datetime
import hashlib
import pathlib
import subprocess
from collections.abc import Sequence

import jax
import numpy as np

import scaletime_jax
from scaletime_jax.sweep.config import RunConfig


def file_name(configs: Sequence[RunConfig]) -> str:
    """Readable first, unique by the ids of the runs."""
    ids = "".join(sorted(config.run_id for config in configs))
    digest = hashlib.sha256(ids.encode()).hexdigest()[:12]
    config = configs[0]
    return (
        f"{config.architecture}-w{config.width}-{config.optimizer}-"
        f"n{config.train_size}-{digest}"
    )


def metadata(configs: Sequence[RunConfig], times: tuple[float, float], **how) -> dict:
    """Returns configs, versions, device, seconds compiling and running, and `how`."""
    device = jax.local_devices()[0]
    return {
        "configs": [dataclasses.asdict(config) for config in configs],
        "scaletime_jax": scaletime_jax.__version__,
        "git_commit": git_commit(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": f"{jax.local_device_count()} x {device.device_kind}",
        **how,
        "compile_seconds": round(times[0], 3),
        "wall_seconds": round(times[1], 3),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def git_commit() -> str | None:
    """Returns the commit of the checkout the package is in, if it is in one."""
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
