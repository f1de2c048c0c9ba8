"""Figures 1 and 4 and the map of bounds, as a user runs them."""

import json
import pathlib
import subprocess
import sys

import pandas as pd
import pytest

ROOT = pathlib.Path(__file__).parents[2]
FILES = {
    "linear_tradeoff": ["large.csv", "paper.csv"],
    "subspace": ["logistic-with-ridge.csv", "quadratic.csv"],
    "linear_dynamics": ["data.csv", "size-time.csv", "trajectories.csv"],
}


def run(name, *flags):
    return subprocess.run(
        [sys.executable, f"experiments/{name}.py", *map(str, flags)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module", params=FILES)
def smoke(request, tmp_path_factory):
    name, workdir = request.param, tmp_path_factory.mktemp("theory")
    flagfile = ROOT / f"experiments/flagfiles/{name}/smoke.flags"
    done = run(name, f"--flagfile={flagfile}", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return name, workdir / name, done


def test_smoke_writes_summary_tables_and_figure(smoke):
    name, folder, done = smoke
    written = sorted(path.name for path in folder.iterdir())
    expected = [*FILES[name], f"{name}.png", f"{name}.svg", "summary.json"]
    assert written == sorted(expected)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["experiment"] == name and "workdir" in summary["flags"]
    for file in FILES[name]:
        assert len(pd.read_csv(folder / file)) > 3
    assert "warning" not in done.stderr.lower(), done.stderr


def test_smoke_claims_what_it_measured(smoke):
    name, folder, _ = smoke
    summary = json.loads((folder / "summary.json").read_text())
    if name == "linear_tradeoff":
        for curve in summary["panels"]["large"]:
            low, high = curve["slope_ci"]
            assert low <= curve["slope"] <= high and -1.3 < curve["slope"] < -0.8
    elif name == "subspace":
        known = [row for row in summary["bounds"] if row["bound"] == "G known"]
        assert len(known) == 2 and all(row["violations"] == 0 for row in known)
    else:
        turns = summary["error_over_time"]["noise first: double descent"]
        assert turns == ["falls", "rises", "falls"]


@pytest.mark.parametrize(
    ("name", "flag", "words"),
    [
        ("linear_tradeoff", "--sizes=10,0", "--sizes must be above 0"),
        ("linear_tradeoff", "--sizes=10,x", "'x' is not a whole number"),
        ("linear_tradeoff", "--thresholds=", "--thresholds is empty"),
        ("linear_tradeoff", "--learning_rate=-1", "--learning_rate must be above 0"),
        ("subspace", "--failure_probability=1", "--failure_probability must be"),
        ("subspace", "--sizs=3", "Unknown command line flag 'sizs'"),
        ("linear_dynamics", "--draws=1", "--draws must be 2 or more"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, name, flag, words):
    done = run(name, flag, f"--workdir={tmp_path}/new")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert words in line
    assert not (tmp_path / "new").exists()
