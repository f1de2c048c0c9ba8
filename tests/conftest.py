"""Checked annotations, two CPU devices to test sharding, a cache of the tests' own."""

import os
import pathlib
import subprocess
import sys

# Read when NumPy and SciPy are imported. Each process of pytest has a core: threads of
# one product would wait for each other, and most of a QR decomposition was waiting.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import jaxtyping
import numpy as np
import pytest
from beartype import BeartypeConf
from beartype.claw import beartype_package
from precision import double_precision

ROOT = pathlib.Path(__file__).parents[1]


def with_shapes():
    """Returns the modules whose annotations name shapes."""
    for path in (ROOT / "scaletime_jax").rglob("*.py"):
        if "jaxtyping" in path.read_text():
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


# A check of shapes costs more than many a function: where there are none to check,
# annotations of types are checked alone. This checks constructors of named tuples too,
# but not those that take what a file says, right or wrong.
TYPES = BeartypeConf(claw_is_pep526=False, is_pep484_tower=True)  # ints are floats
FROM_FILES = "scaletime_jax.stats.claims", "scaletime_jax.sweep.calibration"
beartype_package("scaletime_jax", conf=TYPES)
jaxtyping.install_import_hook([*with_shapes(), *FROM_FILES], "beartype.beartype")

from grids import few  # noqa: E402

from scaletime_jax.data.sources import load_dataset  # noqa: E402

os.environ.pop("TFDS_DATA_DIR", None)
# Tests compile more than they run: programs are compiled with the least effort.
LEAST_EFFORT = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    " --xla_cpu_use_fusion_emitters=false"
)


def is_known(xla_flags):
    """Asks a process of its own, which an unknown flag ends."""
    start = [sys.executable, "-c", "import jax; jax.devices()"]
    given = {**os.environ, "XLA_FLAGS": xla_flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.run(start, env=given, capture_output=True).returncode == 0


if is_known(LEAST_EFFORT):
    os.environ["XLA_FLAGS"] = f"{LEAST_EFFORT} {os.environ.get('XLA_FLAGS', '')}"
if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
    jax.config.update("jax_num_cpu_devices", 2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def untimed(monkeypatch):
    """No dry run times this machine: it takes a second for each 1e11 flops."""
    from scaletime_jax.sweep import calibration, timing

    known = calibration.Calibration(1e-11, 1e-11, compile_seconds=3.0)
    monkeypatch.setattr(timing, "time_training", lambda architecture: known)
    monkeypatch.setattr(timing, "time_own", lambda units, datasets: known)


@pytest.fixture(autouse=True, scope="session")
def least_effort():
    """Sweeps compile with no more effort than all else: numbers are the same."""
    from scaletime_jax.sweep import tuning

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "CPU", tuning.CPU._replace(compiler_options={}))
        yield


@pytest.fixture(autouse=True, scope="session")
def shared_programs(tmp_path_factory):
    """Tests, and experiments that they start, compile a program once."""
    base = tmp_path_factory.getbasetemp()
    # the processes of one pytest share what any of them has compiled
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = str(shared / "programs")
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", folder)
        yield


@pytest.fixture
def float64():
    with double_precision():
        yield


@pytest.fixture
def unchecked():
    """Lets wrong shapes through the annotations, which are checked in tests alone."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def digits():
    """The packaged digits."""
    return load_dataset("mnist12k")


@pytest.fixture(scope="session")
def few_digits(digits):
    """What a test can afford."""
    return few(digits)


@pytest.fixture
def arrays():
    """Twelve training and six test images of random pixels in three classes."""
    rng = np.random.default_rng(0)
    return {
        "train_images": rng.integers(0, 256, (12, 28, 28, 1), dtype=np.uint8),
        "train_labels": np.arange(12) % 3,
        "test_images": rng.integers(0, 256, (6, 28, 28, 1), dtype=np.uint8),
        "test_labels": np.arange(6) % 3,
    }
