"""What an accelerator does otherwise: lanes together, units divided over devices."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from grids import GRID
from scripts import ROOT

from scaletime_jax.runs import store
from scaletime_jax.sweep import runner
from scaletime_jax.sweep.grid import make_grid

DEVICES = 8
# Two seeds and two rates for each device, an MLP and a network of convolutions.
AXES = {**GRID, "train_size": [64], "label_noise": [0.0], "epochs": [2]}
AXES = {**AXES, "seed": [*range(101, 109)], "learning_rate": [0.01, 0.02]}
AXES = {**AXES, "width": [1], "architecture": ["mlp", "cnn"], "optimizer": ["adam"]}
CODE = """
import json, pathlib, sys
import jax
from grids import few
from scaletime_jax.data.sources import load_dataset
from scaletime_jax.sweep import programs, runner, tuning
from scaletime_jax.sweep.grid import make_grid

jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
tuning.CPU = tuning.ACCELERATOR
advance = programs.Programs.advance

def say_and_advance(self, part, program, data, at_once, reached):
    sys.stdout.write(f"{self.device.id} {at_once}\\n")  # whole, beside other threads
    return advance(self, part, program, data, at_once, reached)

programs.Programs.advance = say_and_advance
data = few(load_dataset("mnist12k"))
configs = make_grid(data, **json.loads(sys.argv[2]))
runner.run_sweep(configs, {data.name: data}, pathlib.Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_lanes_together_on_many_devices_are_the_runs_one_by_one(
    tmp_path, few_digits, monkeypatch
):
    """In a process of its own: XLA reads the number of devices once."""
    forced = f"--xla_force_host_platform_device_count={DEVICES}"
    env = {
        **os.environ,
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {forced}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-c", CODE, tmp_path / "many", json.dumps(AXES)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    trained = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert {device for device, _ in trained} == set(range(DEVICES))
    assert {lanes for _, lanes in trained} == {2}  # 16 runs of a unit
    configs = make_grid(few_digits, **AXES)
    alone = runner.run_sweep(configs, {few_digits.name: few_digits}, tmp_path / "one")
    many = store.read(tmp_path / "many")
    assert list(many.run_id) == list(alone.run_id) and len(set(many.run_id)) == 32
    for name in ("step", "epoch", "num_params", "seed", "learning_rate", "diverged"):
        assert (many[name] == alone[name]).all(), name
    # sums of a product of batches have another order; Adam carries it on for 4 steps
    for name in ("train_loss", "test_loss"):
        np.testing.assert_allclose(many[name], alone[name], rtol=2e-4, err_msg=name)
    assert many.test_accuracy.sub(alone.test_accuracy).abs().max() <= 0.02
