"""Processes that train into one folder share what their grids have in common."""

import errno
import fcntl
import json
import os
import pathlib
import platform
import subprocess
import sys
import threading
import time

import jax
import pandas as pd
import pytest
from grids import GRID
from scripts import ROOT, call, refused

from scaletime_jax.runs import store
from scaletime_jax.sweep import runner
from scaletime_jax.sweep.arrivals import Arrivals
from scaletime_jax.sweep.claims import Claims, holders
from scaletime_jax.sweep.grid import make_grid, paper_grid
from scaletime_jax.sweep.plan import plan_units
from scaletime_jax.sweep.queues import SharedQueue

TINY = {**GRID, "train_size": [50], "width": [1], "label_noise": [0.0]}

# Seconds for a process: on a machine with much else to do its imports alone take 30.
PATIENCE = 600


@pytest.fixture
def datasets(few_digits):
    return {few_digits.name: few_digits}


HOLD = """
import pathlib, sys, time
from scaletime_jax.sweep.claims import Claims
with Claims(pathlib.Path(sys.argv[1])) as claims:
    with claims.choosing():
        claims.mine.update(dict.fromkeys(sys.argv[2:], "program"))
    print("held", flush=True)
    time.sleep(1000)
"""


def start(*words):
    """Starts a process of Python."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    given = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen([sys.executable, *words], env=given, **pipes)


def wait_for(stream, words):
    """Reads lines until one has the words, and returns that line."""
    read = []
    for line in stream:
        read.append(line)
        if words in line:
            return line
    raise AssertionError(f"ended without {words!r}: {read}")


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.slow
def test_three_processes_share_two_grids_and_outlive_one_of_them(
    tmp_path, few_digits, datasets
):
    """One is killed while the others wait for it; nobody trains a run twice."""
    axes = {"train_size": [50], "width": [1, 2], "label_noise": [0.0]}
    one, two = {**axes, "seed": [101, 102, 103]}, {**axes, "seed": [103, 104]}
    shared = tmp_path / "shared"
    shared.mkdir()
    configs = [c for each in (one, two) for c in make_grid(few_digits, **GRID | each)]
    alone = runner.run_sweep(list(dict.fromkeys(configs)), datasets, tmp_path / "alone")
    hung = {c.run_id for c in configs if c.width == 2 and c.seed < 104}
    killed = start("-c", HOLD, shared, *hung)
    wait_for(killed.stdout, "held")
    sharer = ROOT / "tests/sharer.py"
    others = [start(sharer, shared, json.dumps(each)) for each in (one, two)]
    try:
        wait_for(others[0].stderr, f"waiting for 3 runs by process {killed.pid} on")
        [holder] = [h for h in holders(shared, hung) if h.process == killed.pid]
        assert holder.host == platform.node() and hung == holder.runs.keys()
    finally:
        killed.kill()
        killed.communicate()
    trained = []
    for process in others:
        said, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        trained += said.split()
    assert sorted(trained) == sorted({config.run_id for config in configs})
    assert all(name.endswith(".parquet") for name in names(shared))
    pd.testing.assert_frame_equal(store.read(shared), alone, check_exact=True)


def test_what_another_process_finished_after_the_plan_is_not_trained(
    tmp_path, few_digits, datasets, monkeypatch
):
    configs = make_grid(few_digits, **TINY)
    arrived, check = [], runner.check_memory

    def finish_first(*plan):
        """Stands between the plan and the claims."""
        monkeypatch.setattr(runner, "check_memory", check)
        runner.run_sweep(configs, datasets, tmp_path)
        monkeypatch.setattr(runner.Programs, "train", lambda *_: pytest.fail("twice"))

    monkeypatch.setattr(runner, "check_memory", finish_first)
    table = runner.run_sweep(configs, datasets, tmp_path, arrived=arrived.append)
    assert set(table.run_id) == {config.run_id for config in configs}
    assert arrived == [3]


def test_runs_that_are_left_are_taken_over(
    tmp_path, few_digits, datasets, monkeypatch, capsys
):
    """Runs that another process gave up; others of their unit are trained before."""
    configs, tick = make_grid(few_digits, **TINY), runner.Progress.tick
    with Claims(tmp_path) as other:
        with other.choosing():
            other.mine[configs[0].run_id] = "program"

        def give_up(progress, holders):
            tick(progress, holders)
            if holders:
                with other.choosing():
                    other.mine.clear()

        monkeypatch.setattr(runner.Progress, "tick", give_up)
        table = runner.run_sweep(configs, datasets, tmp_path)
    assert set(table.run_id) == {config.run_id for config in configs}
    said = capsys.readouterr().err
    assert said.index("2 runs; ") < said.index("waiting for 1 run by process")
    assert said.index("waiting") < said.index("1 run; ")
    assert all(name.endswith(".parquet") for name in names(tmp_path))


# Holds a claim as a process that trains does, without imports that take seconds.
HOLD_ALONE = """
import fcntl, json, os, sys, time
with open(sys.argv[1] + ".lock", "w") as lock, open(sys.argv[1] + ".runs", "w") as runs:
    fcntl.flock(lock, fcntl.LOCK_EX)
    about = {"host": "here", "process": os.getpid()}
    json.dump({**about, "runs": dict.fromkeys(sys.argv[2:], "program")}, runs)
    runs.flush()
    print("held", flush=True)
    time.sleep(1000)
"""


def test_runs_of_a_process_that_is_killed_are_taken_over(
    tmp_path, few_digits, datasets, monkeypatch, capsys
):
    """While this one waits for them."""
    configs, tick = make_grid(few_digits, **TINY), runner.Progress.tick
    ids = [config.run_id for config in configs]
    killed = start("-S", "-c", HOLD_ALONE, tmp_path / ".claim-other", *ids)
    wait_for(killed.stdout, "held")
    waited = []

    def kill(progress, holders):
        tick(progress, holders)
        waited.append([holder.process for holder in holders])
        if len(waited) == 3:
            killed.kill()
            killed.communicate()

    monkeypatch.setattr(runner.Progress, "tick", kill)
    table = runner.run_sweep(configs, datasets, tmp_path)
    assert waited[:3] == [[killed.pid]] * 3 and set(table.run_id) == set(ids)
    said = capsys.readouterr().err
    assert f"waiting for 3 runs by process {killed.pid} on here" in said
    assert all(name.endswith(".parquet") for name in names(tmp_path))


def test_claims_of_processes_that_are_gone_claim_nothing(
    tmp_path, few_digits, datasets
):
    configs = make_grid(few_digits, **TINY)
    lock, listed = tmp_path / ".claim-dead.lock", tmp_path / ".claim-dead.runs"
    (tmp_path / ".gate.lock").touch()

    def leave():
        lock.touch()
        runs = {config.run_id: "program" for config in configs}
        about = {"host": "gone", "process": 1, "runs": runs}
        listed.write_text(json.dumps(about))

    leave()
    assert holders(tmp_path, [configs[0].run_id]) == []
    assert names(tmp_path) == set()
    leave()
    table = runner.run_sweep(configs, datasets, tmp_path)
    assert table.run_id.nunique() == 3
    leave()  # a sweep without anything to train tidies too
    runner.run_sweep(configs, datasets, tmp_path)
    assert all(name.endswith(".parquet") for name in names(tmp_path))


def test_without_claims_no_run_is_looked_at(tmp_path):
    """The ids of a dry run's 50,000 runs would take seconds."""
    ids = (pytest.fail("looked") for _ in range(1))
    assert holders(tmp_path, ids) == []
    with Claims(tmp_path) as claims:
        with claims.choosing():
            claims.mine["one"] = "program"
        [holder] = holders(tmp_path, iter(["one", "two"]))
        assert holder.runs == {"one": "program"}


def test_claims_end_where_a_sweep_fails(tmp_path, few_digits, datasets, monkeypatch):
    def fail(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr(runner.Programs, "train", fail)
    with pytest.raises(RuntimeError, match="broken"):
        runner.run_sweep(make_grid(few_digits, **TINY), datasets, tmp_path)
    assert names(tmp_path) == set()


def test_nobody_holds_what_another_holds(tmp_path, monkeypatch):
    """Many claim at once, each what it sees free; the gate lets one in at a time."""
    runs, taken, unlink = [f"run{i}" for i in range(20)], [], pathlib.Path.unlink

    def unlink_late(path, **choices):
        time.sleep(0.002)  # let others in, were the gate open
        unlink(path, **choices)

    monkeypatch.setattr(pathlib.Path, "unlink", unlink_late)

    def work():
        with Claims(tmp_path) as claims:
            for _ in runs:
                with claims.choosing() as others:
                    held = {run for holder in others for run in holder.runs}
                    free = [r for r in runs if r not in held and r not in claims.mine]
                    time.sleep(0.0005)  # let others in, were there no gate
                    claims.mine |= dict.fromkeys(free[:1], "program")
            taken.append(dict(claims.mine))
            barrier.wait()

    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run for mine in taken for run in mine) == sorted(runs)
    assert names(tmp_path) == set()


def test_programs_that_other_processes_have_begun_come_last(
    tmp_path, few_digits, datasets
):
    grid = {**TINY, "width": [1, 2], "train_size": [50, 100], "seed": [101]}
    units = plan_units(make_grid(few_digits, **grid), datasets)
    one, two = (runner.Programs(device) for device in jax.devices()[:2])

    def take(queue, device):
        config = queue.take(device, [device]).unit.configs[0]
        return config.width, config.train_size

    with Claims(tmp_path) as theirs, Claims(tmp_path) as ours:
        first, second = (
            SharedQueue(units, 1, claims, Arrivals(tmp_path))
            for claims in (theirs, ours)
        )
        assert take(first, one) == (1, 50)
        assert [take(second, two) for _ in range(3)] == [(2, 50), (2, 100), (1, 100)]
        assert second.take(two, [two]) is None and second.waits
        [holder] = second.blocking()
        assert holder.label == f"1 run by process {os.getpid()} on {platform.node()}"


def test_a_dry_run_says_which_runs_are_in_training_and_where(tmp_path, digits):
    small = {"widths": 1, "train_sizes": 50, "epochs": 1, "seeds": [101, 102]}
    flags = [f"--{name}={value}" for name, value in small.items()]
    flags = [*flags[:-1], "--seeds=101,102", f"--workdir={tmp_path}", "--dry_run"]
    (tmp_path / "runs").mkdir()
    with Claims(tmp_path / "runs") as other:
        with other.choosing():
            other.mine["a run of another grid"] = "program"
        assert "training now" not in call("tradeoff", *flags).stdout
        with other.choosing():
            config = paper_grid(digits, architecture="mlp", label_noise=0, **small)[1]
            other.mine[config.run_id] = "program"
        said = call("tradeoff", *flags).stdout
        place = f"process {os.getpid()} on {platform.node()}"
        assert f"In training now: 1 run by {place}.\n" in said
        assert other.path.exists()
    assert names(tmp_path / "runs") == set()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    small = ["--widths=1", "--train_sizes=50", "--epochs=1", "--seeds=101"]
    line = refused("tradeoff", *small, f"--workdir={tmp_path}")
    assert "has no locks" in line and "--workdir" in line
