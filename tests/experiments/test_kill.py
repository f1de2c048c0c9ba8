"""Processes that are killed, or told to end, amid a run; the next one goes on."""

import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from scripts import ROOT, call

# Seconds of training on one core: 60,000 steps.
LONG = ("--widths=1", "--train_sizes=320", "--epochs=6000", "--record=log_steps")
LONG = (*LONG, "--seeds=101", "--checkpoint_minutes=0.001")
# The script, compiled with the least effort, as in this process.
CODE = """
import runpy, sys
from scaletime_jax.sweep import tuning
tuning.CPU = tuning.CPU._replace(compiler_options={})
sys.path.insert(0, "experiments")
runpy.run_path("experiments/tradeoff.py", run_name="__main__")
"""
SAVED = "runs/.checkpoints/*/saved/*"  # by number


def start(workdir):
    """Starts the script as a process."""
    command = [sys.executable, "-c", CODE, *LONG, f"--workdir={workdir}"]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **pipes)


def newest(workdir):
    """Returns the number of the newest checkpoint, which may not be whole yet."""
    numbers = [int(p.name) for p in workdir.glob(SAVED) if p.name.isdigit()]
    return max(numbers, default=-1)


def end_after_checkpoint(process, workdir, number):
    """Sends a signal after the next checkpoint, and returns what was said."""
    before, deadline = newest(workdir), time.monotonic() + 120
    while newest(workdir) < before + 2:  # which begins after the one before is whole
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    return process.communicate(timeout=60)[1]


@pytest.mark.slow
def test_killed_and_told_to_end_amid_a_run(tmp_path):
    process = start(tmp_path / "a")
    end_after_checkpoint(process, tmp_path / "a", signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not list(tmp_path.glob("a/runs/*.parquet"))
    process = start(tmp_path / "a")
    told = time.monotonic()
    said = end_after_checkpoint(process, tmp_path / "a", signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM, said
    assert "goes on from a checkpoint, after " in said and "Traceback" not in said
    assert "interrupted; checkpoints are written" in said
    # no claim is left, as after a process that was killed
    names = {path.name for path in (tmp_path / "a/runs").iterdir()}
    assert names == {".checkpoints"} and time.monotonic() > told
    done = call("tradeoff", *LONG, f"--workdir={tmp_path / 'a'}")
    assert "goes on from a checkpoint, after " in done.stderr
    call("tradeoff", *LONG, f"--workdir={tmp_path / 'b'}")
    found, whole = (pd.read_parquet(tmp_path / each / "runs") for each in "ab")
    pd.testing.assert_frame_equal(found, whole, check_exact=True)
