"""Scripts that another script runs."""

import os
import signal
import subprocess
import sys
import time

import pytest
from scripts import ROOT

PARENT = """
import pathlib, sys
sys.path.insert(0, {experiments!r})
from shell import child
child.ROOT = pathlib.Path({root!r})
child.end_together()
child.call("sleeper")
"""
SLEEPER = """
import os, time
print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_scripts_end_with_the_process_that_runs_them(tmp_path, number):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/sleeper.py").write_text(SLEEPER)
    code = PARENT.format(experiments=str(ROOT / "experiments"), root=str(tmp_path))
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        process = int(parent.stdout.readline().rpartition(" ")[2])
        parent.send_signal(number)
        assert parent.wait(30) == 128 + number
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"process {process} goes on")
