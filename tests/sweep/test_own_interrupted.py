"""A user's own network in sweeps that end within a run, and in several processes."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from grids import GRID
from interrupted import cut, interrupt, saved, spy
from scripts import ROOT, loaded

from scaletime_jax.runs import store
from scaletime_jax.sweep import runner, slurm
from scaletime_jax.sweep.grid import make_grid
from scaletime_jax.sweep.own_network import read_own
from scaletime_jax.sweep.slurm import Task

NET = """
from flax import linen as nn

def linear(width, num_outputs):
    return nn.Sequential([lambda x: x.reshape(len(x), -1), nn.Dense(width),
                          nn.Dense(num_outputs)])
"""
AXES = {"train_size": [50], "label_noise": [0.0], "width": [1], "seed": [101]}


@pytest.fixture
def datasets(few_digits):
    return {few_digits.name: few_digits}


@pytest.fixture
def grid(tmp_path, few_digits):
    """Returns the configs of a file's network, as another process would read them."""

    def grid(text, **axes):
        (tmp_path / "net.py").write_text(text)
        for name in [each for each in sys.modules if each.startswith("net_")]:
            del sys.modules[name]
        own = read_own(f"mine={tmp_path}/net.py:linear", ())
        given = {**GRID, **AXES, "architecture": [own], **axes}
        return make_grid(few_digits, **given)

    return grid


def test_the_same_code_goes_on_and_changed_code_does_not(
    tmp_path, grid, datasets, monkeypatch, capsys
):
    """The curves are those of a sweep without an interruption, to the last bit."""
    cut(monkeypatch)
    folder, long = tmp_path / "a", {"epochs": [20]}
    whole = runner.run_sweep(grid(NET, **long), datasets, tmp_path / "whole")
    interrupt(monkeypatch, folder, grid(NET, **long), datasets, 3)
    begun = spy(monkeypatch)
    # the same network in other words
    other = runner.run_sweep(grid(NET + "# changed", **long), datasets, folder)
    assert begun[0] == 0 and not set(other.run_id) & set(whole.run_id)
    assert len(saved(folder)) == 1
    begun.clear()
    capsys.readouterr()
    table = runner.run_sweep(grid(NET, **long), datasets, folder)
    assert begun == [21, 28, 35]
    assert "goes on from a checkpoint, after " in capsys.readouterr().err
    pd.testing.assert_frame_equal(table, whole, check_exact=True)
    mine, theirs = (
        x.drop(columns=["run_id", "network_source"]) for x in (table, other)
    )
    pd.testing.assert_frame_equal(mine, theirs, check_exact=True)


def start(script, *words, folder):
    """Starts a process of Python in a folder."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, str(ROOT / script), *map(str, words)]
    return subprocess.Popen(command, cwd=folder, env=given, **pipes)


@pytest.mark.slow
def test_two_processes_that_name_its_file_otherwise_share_its_runs(
    tmp_path, grid, datasets
):
    """From the file's folder and from another, and nobody trains a run twice."""
    axes = {"width": [1, 2], "seed": [101, 102]}
    configs = grid(NET, **axes)
    alone = runner.run_sweep(configs, datasets, tmp_path / "alone")
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    elsewhere.mkdir()
    processes = []
    for folder, place in ((tmp_path, "net.py"), (elsewhere, tmp_path / "net.py")):
        given = {**AXES, **axes, "architecture": [f"mine={place}:linear"]}
        words = shared, json.dumps(given)
        processes.append(start("tests/sharer.py", *words, folder=folder))
    trained = []
    for process in processes:
        said, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        trained += said.split()
    assert sorted(trained) == sorted({config.run_id for config in configs})
    pd.testing.assert_frame_equal(store.read(shared), alone, check_exact=True)


@pytest.mark.slow
def test_a_task_of_slurm_trains_it_from_the_folder_of_the_command(
    tmp_path, monkeypatch
):
    """The command that Slurm is given is run here, as a task runs it."""
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "probe").touch()
    left = []

    def run_task(missing, arrivals, programs, command, asked, stream=None):
        task = Task(command, str(tmp_path), str(tmp_path / "probe"))
        task()
        found = set(store.read(arrivals.folder).run_id)
        left.append({config.run_id for config in missing} - found)
        return len(left[0])

    few = "--widths=1", "--train_sizes=64", "--seeds=1", "--epochs=1"
    own = f"--workdir={tmp_path}/work", "--architecture=mine=net.py:linear"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(slurm.shutil, "which", lambda name: name)
    with loaded("tradeoff") as module:
        script = str(ROOT / "experiments/tradeoff.py")
        monkeypatch.setattr(sys, "argv", [script, *few, *own, "--launcher=slurm"])
        monkeypatch.setattr(sys.modules["shell.slurm"], "train_on_slurm", run_task)
        module.cli.execute(module.main, module.cli.parse(sys.argv))
    assert left == [set()]
