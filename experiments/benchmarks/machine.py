"""The roofs of the machine: matrix products and memory bandwidth."""

import contextlib
import pathlib
import platform
import statistics
import time
from collections.abc import Callable

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

SIZES = {"cpu": (256, 512, 1024), "other": (2048, 4096, 8192)}  # sides of matrices
UPDATED = {"cpu": 2**26, "other": 2**28}  # float32 numbers, beyond any cache
UPDATES = 10
ROUNDS = 5


def processor() -> str:
    """Returns the processor's name on Linux."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.machine()


def on_all_devices(function: Callable, *shape: int) -> Callable[[], float]:
    """Returns run() -> seconds of function(random array) on all devices together."""
    devices = jax.local_devices()
    mesh = Mesh(np.array(devices), ("devices",))
    split = PartitionSpec("devices")
    x = np.random.default_rng(0).random((len(devices), *shape), np.float32)
    x = jax.device_put(x, NamedSharding(mesh, split))
    program = jax.jit(
        jax.shard_map(
            lambda x: function(x[0])[None],
            mesh=mesh,
            in_specs=split,
            out_specs=split,
            check_vma=False,
        )
    )
    jax.block_until_ready(program(x))

    def run():
        start = time.perf_counter()
        jax.block_until_ready(program(x))
        return time.perf_counter() - start

    return run


def _kind(table: dict):
    return table.get(jax.default_backend(), table["other"])


def matmul_rate() -> float:
    """Returns the best measured flops a second of float32 matrix products, in total.

    All devices multiply their own square matrices at the same time.
    """
    rates = []
    with jax.default_matmul_precision("float32"):
        for size in _kind(SIZES):
            flops = 2 * size**3
            repeats = max(2, int(_kind({"cpu": 1e10, "other": 2e12}) / flops))

            def products(x, repeats=repeats):
                return jax.lax.fori_loop(0, repeats, lambda _, y: x @ y * 1e-3, x)

            run = on_all_devices(products, size, size)
            seconds = statistics.median(run() for _ in range(ROUNDS))
            rates.append(repeats * flops * jax.local_device_count() / seconds)
    return max(rates)


def bandwidth() -> float:
    """Returns the bytes a second, read and written, of in-place updates, in total."""
    size = _kind(UPDATED)

    def updates(x):
        return jax.lax.fori_loop(0, UPDATES, lambda _, x: x + 1, x)

    run = on_all_devices(updates, size)
    seconds = statistics.median(run() for _ in range(ROUNDS))
    return UPDATES * 8 * size * jax.local_device_count() / seconds
