"""Sweeps in the tasks of a real Slurm on this machine."""

import pickle
import re
import signal
import subprocess
import sys
import time

import pytest
from one_slurm import ask, one_slurm, why_not
from scripts import ROOT

from scaletime_jax.data.sources import load_dataset
from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.sweep import slurm
from scaletime_jax.sweep.arrivals import Arrivals
from scaletime_jax.sweep.grid import paper_grid
from scaletime_jax.sweep.slurm import Slurm, Task, name_of, train_on_slurm

GRID = [
    "--widths=1,2,5,10",
    "--train_sizes=64,128",
    "--seeds=1,2",
    "--epochs=2",
    "--test_size=200",
]
real = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "Slurm is there"),
]


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    try:
        with one_slurm(tmp_path_factory.mktemp("slurm") / "one") as env:
            yield env
    except RuntimeError as error:
        pytest.skip(str(error))


def start(env, folder, *more):
    words = [sys.executable, "experiments/tradeoff.py", *GRID, f"--workdir={folder}"]
    return subprocess.Popen(
        [*words, *more],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class TestReal:
    pytestmark = real

    def test_killed_and_requeued_tasks_leave_the_table_of_one_process(
        self, env, tmp_path
    ):
        """The names of files too, and no claim, probe or task."""
        here, there = tmp_path / "here", tmp_path / "there"
        parent = start(env, there, "--launcher=slurm", "--max_jobs=2")
        name, states = name_of(there / "runs"), {}
        while sum(state == "RUNNING" for state in states.values()) < 2:
            assert parent.poll() is None, parent.stdout.read()
            lines = ask(env, "squeue", "-h", "-r", "--format=%i %T", f"--name={name}")
            states = dict(line.split() for line in lines.splitlines())
            time.sleep(0.2)
        first, second = states
        while not list((there / "runs").glob(".claim-*.runs")):
            time.sleep(0.1)  # before any claim nothing can be left behind
        ask(env, "scancel", "--signal=KILL", first)
        ask(env, "scontrol", "requeue", second)
        for _ in range(100):
            if "PENDING" in ask(env, "squeue", "-h", "-r", "--format=%i %T"):
                break
            time.sleep(0.1)
        ask(env, "scontrol", "update", f"JobId={second}", "StartTime=now")
        said, _ = parent.communicate(timeout=240)
        assert parent.returncode == 0, said
        assert re.search(r"Slurm trains 16 runs in 2 tasks \(\d+_0, \d+_1\)", said)
        assert f"task {first} failed: see " in said
        alone = start(env, here)
        assert alone.wait(240) == 0, alone.stdout.read()
        files = [sorted(p.name for p in (d / "runs").iterdir()) for d in (here, there)]
        assert files[0] == files[1] and len(files[0]) == 8
        one, other = (store.read(folder / "runs") for folder in (here, there))
        assert one.equals(other)
        assert not ask(env, "squeue", "-h", f"--name={name}")

    def test_after_ctrl_c_tasks_that_wait_go_on_too(self, env, tmp_path):
        """The machine has two places, and the third task begins after the signal."""
        parent = start(env, tmp_path, "--launcher=slurm", "--max_jobs=3")
        name, states = name_of(tmp_path / "runs"), ["none"]
        while sorted(states) != ["PENDING", "RUNNING", "RUNNING"]:
            assert parent.poll() is None, parent.stdout.read()
            lines = ask(env, "squeue", "-h", "-r", "--format=%T", f"--name={name}")
            states = lines.split()
            time.sleep(0.2)
        parent.send_signal(signal.SIGINT)
        said, _ = parent.communicate(timeout=60)
        assert (
            parent.returncode == 130
            and f"The tasks go on; scancel -n {name} ends them." in said
        )
        while ask(env, "squeue", "-h", f"--name={name}"):
            time.sleep(0.5)
        results = list((tmp_path / "slurm").glob("*_result.pkl"))
        outcomes = [pickle.loads(path.read_bytes())[0] for path in results]
        assert outcomes == ["success"] * 3
        again = start(env, tmp_path, "--launcher=slurm")
        said, _ = again.communicate(timeout=120)
        assert again.returncode == 0 and "Nothing was left to train: 16 runs" in said

    def test_failed_tasks_are_named_with_their_last_words(
        self, env, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("SLURM_CONF", env["SLURM_CONF"])
        folder = tmp_path / "runs"
        store.prepare(folder)
        command = [sys.executable, "-c", "raise SystemExit('no luck today')"]
        with open(tmp_path / "said", "w") as said:
            asked = Arrivals(folder), 2, command, Slurm(2), said
            left = train_on_slurm(one_run(), *asked)
        said = (tmp_path / "said").read_text()
        assert left == 1 and said.count("failed: see ") == 2
        assert said.count("no luck today") == 2 and "0 tasks running" in said
        assert not list(folder.glob(".probe-*"))

    def test_a_partition_that_does_not_exist_is_one_sentence(self, env, tmp_path):
        parent = start(env, tmp_path, "--launcher=slurm", "--slurm_partition=nope")
        said, _ = parent.communicate(timeout=120)
        assert parent.returncode == 2
        assert "error: Slurm does not take the tasks (sbatch: error: inv" in said
        assert said.rstrip().endswith("(--slurm_partition=nope).")


def one_run():
    grid = {"widths": 1, "train_sizes": 64, "seeds": 1, "epochs": 1}
    return paper_grid(load_dataset("mnist12k"), **grid)


def test_a_folder_that_is_not_shared_is_told(tmp_path):
    task = Task(["true"], str(tmp_path), str(tmp_path / "slurm" / ".probe-1"))
    with pytest.raises(RuntimeError, match="slurm is not shared with this node"):
        task()
    (tmp_path / "probe").touch()
    Task(["true"], str(tmp_path), str(tmp_path / "probe"))()
    with pytest.raises(RuntimeError, match="exit code 1"):
        Task(["false"], str(tmp_path), str(tmp_path / "probe"))()


def test_a_task_whose_time_is_over_ends_its_training_and_is_queued_again(tmp_path):
    (tmp_path / "probe").touch()
    task = Task(["sleep", "60"], str(tmp_path), str(tmp_path / "probe"))
    task.child = subprocess.Popen(task.command)
    again = task.checkpoint()
    assert task.child.returncode is not None
    assert again.function.command == task.command


def test_without_slurm_it_is_one_sentence(monkeypatch):
    monkeypatch.setattr(slurm.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="there is no sbatch") as refused:
        slurm.check_slurm()
    assert refused.value.quantities == {"launcher": "local"}


def test_options_are_those_of_sbatch():
    asked = Slurm(4, 30, "gpu", 1, {"account": "me", "mem": "8G"})
    expected = "time=30, partition=gpu, gpus-per-node=1, account=me, mem=8G"
    assert str(asked) == expected
    assert str(Slurm()) == "time=60"


def test_folders_have_names_of_their_own(tmp_path):
    one, other = name_of(tmp_path / "a"), name_of(tmp_path / "b")
    assert one != other and one.startswith("scaletime-")
