"""The experiment as a user runs it: its files, its mistakes, its sudden ends.

A process is started where a process is the point: signals, and what outlives one.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from scripts import ROOT, call, refused

from scaletime_jax.runs import store

QUICK = (
    "--widths=1,2",
    "--train_sizes=64,128",
    "--seeds=101,102",
    "--epochs=2",
    "--optimizer=adam",
)
# One program for one of the two devices, each of which compiles its own.
ONE = (*QUICK, "--widths=1", "--train_sizes=64", "--seeds=101")


def command(*flags):
    return [sys.executable, "experiments/tradeoff.py", *map(str, flags)]


# The MLP of the smoke preset; `.ci/run` has the whole preset, CNN included.
SMOKE = (
    "--flagfile=experiments/flagfiles/tradeoff/smoke.flags",
    "--architecture=mlp",
)


def run(*flags):
    """Runs the script in this process."""
    return call("tradeoff", *flags)


def start(*flags):
    """Runs the script in a process of its own."""
    return subprocess.run(command(*flags), cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("smoke")
    done = run(*SMOKE, f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return workdir, done


@pytest.mark.slow
def test_compiled_programs_are_kept(tmp_path, monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one = (*QUICK, "--widths=1", "--train_sizes=64")
    done = start(*one, f"--workdir={tmp_path}/a")
    assert done.returncode == 0, done.stderr
    programs = tmp_path / "cache" / "scaletime_jax" / "programs"
    kept = {path.name for path in programs.glob("*-cache")}
    assert kept
    start(*one, "--seeds=103,104", f"--workdir={tmp_path}/b")
    assert {path.name for path in programs.glob("*-cache")} == kept


def test_smoke_writes_what_it_promises(smoke):
    workdir, done = smoke
    summary = json.loads((workdir / "tradeoff/summary.json").read_text())
    assert summary["experiment"] == "tradeoff"
    assert summary["flags"]["widths"] == ["1", "2", "4"]
    assert summary["flags"]["share"][:2] == ["0.01", "0.05"]
    assert {curve["architecture"] for curve in summary["curves"]} == {"mlp"}
    for curve in summary["curves"]:
        assert curve["threshold"] == pytest.approx(0.09 * (1 - (curve["share"] or 0)))
        assert curve["reached"] + curve["censored"] == 6
        assert len(curve["points"]) == 3
        for pair in curve["local_exponents"]:
            assert pair["low"] <= pair["exponent"] <= pair["high"]
    names = {path.name for path in (workdir / "tradeoff").iterdir()}
    assert {"tradeoff.png", "tradeoff.svg", "summary.json"} <= names
    panels = sorted(name for name in names if name.endswith(".csv"))
    assert len(panels) == 2
    assert len(pd.read_csv(workdir / "tradeoff" / panels[1])) == 3 * 7
    lines = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert len(lines) == 3 and "left" in lines[0]  # plain lines, no terminal


def test_smoke_trains_nothing_twice(smoke):
    workdir, _ = smoke
    before = {p.name: p.stat().st_mtime_ns for p in (workdir / "runs").iterdir()}
    done = run(*SMOKE, f"--workdir={workdir}")
    assert done.returncode == 0 and "runs]" not in done.stderr
    after = {p.name: p.stat().st_mtime_ns for p in (workdir / "runs").iterdir()}
    assert before == after


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Four units, trained without a break; read only."""
    workdir = tmp_path_factory.mktemp("whole")
    assert run(*QUICK, f"--workdir={workdir}").returncode == 0
    return workdir


def table_of(workdir):
    return store.read(pathlib.Path(workdir) / "runs")


@pytest.mark.slow
def test_killed_it_ends_with_the_same_table(whole, tmp_path):
    """Of four files; two more may land beside the one that is waited for."""
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        command(*QUICK, f"--workdir={killed}"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list(killed.glob("runs/*.parquet")):
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(killed.glob("runs/*.parquet"))) < 4
    assert run(*QUICK, f"--workdir={killed}").returncode == 0
    pd.testing.assert_frame_equal(table_of(whole), table_of(killed))
    first = json.loads((whole / "tradeoff/summary.json").read_text())
    second = json.loads((killed / "tradeoff/summary.json").read_text())
    assert first["curves"] == second["curves"]


def test_ctrl_c_ends_at_once_and_keeps_what_is_done(tmp_path):
    """Amid a program that would run for minutes."""
    assert run(*ONE, f"--workdir={tmp_path}").returncode == 0
    before = table_of(tmp_path)
    long = ("--epochs=10000000", "--record=log_steps", "--widths=2")
    programs = tmp_path / "programs"
    kept = {
        "JAX_COMPILATION_CACHE_DIR": str(programs),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    process = subprocess.Popen(
        command(*QUICK, *long, f"--workdir={tmp_path}"),
        cwd=ROOT,
        env={**os.environ, **kept},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120  # twenty times what a program takes
        while not list(programs.glob("jit_program-*-cache")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)  # from the compiled program to its first step
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()  # nothing to a process that has ended
    assert process.returncode == 130
    assert "the same command continues" in stderr and "Traceback" not in stderr
    pd.testing.assert_frame_equal(before, table_of(tmp_path))


def test_a_truncated_run_file_is_named_and_trained_again(whole, tmp_path):
    shutil.copytree(whole / "runs", tmp_path / "runs")
    quick = (*QUICK, f"--workdir={tmp_path}")
    before = table_of(tmp_path)
    path = sorted((tmp_path / "runs").glob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:300])
    planned = run(*quick, "--dry_run")
    assert f"{path.name} is damaged" in planned.stderr and path.exists()
    assert "its runs count as missing" in planned.stderr
    done = run(*quick)
    assert done.returncode == 0
    assert "warning: " in done.stderr and f"{path.name} is damaged" in done.stderr
    assert len([line for line in done.stderr.splitlines() if "runs] " in line]) == 1
    pd.testing.assert_frame_equal(before, table_of(tmp_path))


def test_a_control_stands_beside_its_runs(tmp_path):
    """Trained later, by the same command with one flag more; never without others."""
    one = (*ONE, f"--workdir={tmp_path}")
    alone = run(*one, "--shuffled_labels=true")
    assert alone.returncode == 0 and "All are controls" in alone.stdout
    assert not (tmp_path / "tradeoff").exists()
    done = run(*one, "--shuffled_labels=false,true")
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "tradeoff/summary.json").read_text())
    assert summary["runs"]["count"] == summary["runs"]["controls"] == 1
    [control] = summary["controls"]
    assert control["runs"] == 1 and control["loss"] > 0
    assert {curve["share"] for curve in summary["curves"]} == {
        None,
        *(0.01, 0.05, 0.1, 0.2, 0.3, 0.4),
    }
    assert all("shuffled_labels" not in curve for curve in summary["curves"])


def test_runs_that_never_reach_their_end_are_told(tmp_path):
    done = run(*ONE, f"--workdir={tmp_path}", "--until_test_loss=1e-6")
    assert done.returncode == 0
    assert "1 of 1 run never reached their until_test_loss" in done.stderr
    summary = json.loads((tmp_path / "tradeoff/summary.json").read_text())
    assert summary["runs"]["never_at_until_test_loss"] == 1


def test_no_curve_reaches_an_impossible_threshold(smoke):
    workdir, _ = smoke
    first = (workdir / "tradeoff/summary.json").read_bytes()
    done = run(*SMOKE, f"--workdir={workdir}", "--threshold=1e-9")
    assert done.returncode == 0, done.stderr
    assert (workdir / "tradeoff/summary.json").read_bytes() == first
    folder = workdir / "tradeoff/threshold=1e-09"
    assert f"Wrote {folder}/summary.json" in done.stdout
    summary = json.loads((folder / "summary.json").read_text())
    for curve in summary["curves"]:
        assert curve["slope"] is None and curve["slope_ci"] is None
        assert (curve["reached"], curve["censored"]) == (0, 6)
        assert all(point["epochs_mean"] is None for point in curve["points"])


MISTAKES = (
    (["--dataset=mnits"], ["unknown dataset 'mnits'", "mnist12k", "--data_dir"]),
    (["--dataset="], ["--dataset is empty"]),
    (["--train_sizes=100,10001"], ["10001", "10000 training examples"]),
    (["--widths="], ["widths is empty"]),
    (["--seeds="], ["seeds is empty"]),
    (["--optimizer=sdg"], ["unknown optimizer 'sdg'", "sgd, momentum, adam"]),
    (["--optimizer="], ["optimizer is empty"]),
    (["--architecture=vit"], ["unknown architecture 'vit'", "mlp, mlp2, cnn"]),
    (["--widths=2,-1"], ["width must be 1 or more, got -1 (--widths=-1)."]),
    (["--optimizer=adamm"], ["unknown optimizer 'adamm'", "(--optimizer=adamm)"]),
    (["--runs="], ["--runs is empty"]),
    (["--workdir="], ["--workdir is empty"]),
    (["--widths=1,two"], ["--widths", "'two' is not a whole number"]),
    (["--learning_rates=nan"], ["learning_rate must be above 0"]),
    (["--label_noise=2"], ["label_noise is a share"]),
    (["--threshold=-1"], ["--threshold must be above 0"]),
    (["--threshold=nan"], ["--threshold must be above 0"]),
    (["--share=0.1,1"], ["above 0 and below 1, got 1", "(--share)"]),
    (["--share=0"], ["above 0 and below 1, got 0", "(--share)"]),
    (["--share="], ["share is empty", "(--share)"]),
    (["--shuffled_labels=maybe"], ["'maybe' is neither true nor false"]),
    (["--until_test_loss=-1"], ["until_test_loss must be 0 or more", "got -1"]),
    (["--test_size=2001"], ["test_size must be from 1 to 2000"]),
    (["--epochs=ten"], ["error: --epochs: 'ten' is not a whole number."]),
    (["--epochs=1e3"], ["error: --epochs: '1e3' is not a whole number."]),
    (["--threshold=0,1"], ["error: --threshold: '0,1' is not a number."]),
    (["--widhts=1"], ["'widhts'; did you mean widths?"]),
    (["--flagfile=no/such.flags"], ["no/such.flags"]),
    (["--flagfile="], ["error: --flagfile is empty; name a file, or leave"]),
    (["--launcher=cloud"], ["--launcher=cloud", "local"]),
    (["widths=1"], ["unexpected argument 'widths=1'", "--name=value"]),
)


@pytest.mark.parametrize(("flags", "words"), MISTAKES, ids=lambda each: each[0])
def test_mistakes_are_one_sentence_and_exit_code_2(tmp_path, flags, words):
    sentence = refused("tradeoff", f"--workdir={tmp_path}/new", *flags)
    for word in words:
        assert word in sentence
    assert not (tmp_path / "new").exists()  # refused before any training


def test_an_unwritable_workdir_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for how in ((), ("--dry_run",)):
        sentence = refused("tradeoff", *QUICK, *how, f"--workdir={tmp_path}/file/new")
        assert "cannot write to" in sentence and "(--workdir)" in sentence


def test_a_flagfile_of_another_script_is_named_with_the_own_ones():
    plan = "experiments/flagfiles/plan/smoke.flags"
    own = "experiments/flagfiles/tradeoff has "
    said = start(f"--flagfile={plan}").stderr
    assert f"'budget_flops' in {plan}; {own}" in said and " laptop.flags, " in said
    said = start("--flagfile=experiments/flagfiles/tradeof/smoke.flags").stderr
    assert said.count("\n") == 1 and f"; {own}" in said


def test_ctrl_c_is_expected_before_the_long_imports():
    code = (
        "import pathlib, signal, sys; sys.path.insert(0, 'experiments'); "
        "sys.modules['__main__'].__file__ = 'experiments/tradeoff.py'; import shell; "
        "print(signal.getsignal(signal.SIGINT).__name__, 'jax' in sys.modules)"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "interrupted False\n", done.stderr


def test_help_is_no_error():
    done = start("--help")
    assert done.returncode == 0
    for flag in ("workdir", "dataset", "widths", "dry_run", "threshold"):
        assert f"{flag}:" in done.stdout


def test_a_users_own_data(tmp_path, arrays):
    """Float features of any shape, three classes, threshold from their number."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        shape = (len(arrays[f"{split}_labels"]), 7)
        arrays[f"{split}_images"] = rng.normal(size=shape)
    np.savez(tmp_path / "mine.npz", **arrays)
    done = run(
        f"--dataset=npz:{tmp_path}/mine.npz",
        f"--workdir={tmp_path}/results",
        "--widths=1",
        "--train_sizes=12",
        "--seeds=1",
        "--epochs=1",
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "results/tradeoff/summary.json").read_text())
    assert summary["curves"][0]["threshold"] == pytest.approx(2 / 9)
