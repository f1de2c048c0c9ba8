"""Experiments that train no network, as a user runs them."""

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
    "duality": ["duality.csv"],
    "random_features": [
        "kernel-modes.csv",
        "kernels.csv",
        "planted.csv",
        "resolution_data.csv",
        "resolution_features.csv",
        "spectra.csv",
        "variance_data.csv",
        "variance_features.csv",
    ],
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
        assert len(pd.read_csv(folder / file)) >= 3
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
    elif name == "duality":
        assert len(summary["curves"]) == 2
        for curve in summary["curves"]:
            # three draws of 300 features; exact where no theory is in it
            assert 0.8 < curve["data_over_features"]["value"] < 1.25
            assert curve["largest_error_of_exact_exchange"] < 1e-8
    elif name == "random_features":
        [pool] = summary["pools"]
        for panel in ("variance_data", "variance_features"):
            assert 0.8 < pool[panel]["exponent"]["value"] < 1.2
        for panel in ("resolution_data", "resolution_features"):
            low, high = pool[panel]["measured_over_theory"]
            assert 0.85 < low < high < 1.15
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
        ("random_features", "--pool_sizes=4,3", "--pool_sizes: 3 does not divide"),
        ("random_features", "--feature_sizes=64,20000", "20000 is more than there are"),
        ("random_features", "--data_sizes=64,12000", "12000 is more than there are"),
        ("random_features", "--fixed=40", "--data_sizes must be above 2 x --fixed"),
        ("random_features", "--kernel_inputs=12001", "there are only 12000 images"),
        ("random_features", "--activation=tanh", "activation 'tanh' is not one of"),
        ("duality", "--ridges=1", "--ridges: give a small one and more"),
        ("duality", "--dataset=npz:none.npz", "none.npz"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, name, flag, words):
    done = run(name, flag, f"--workdir={tmp_path}/new")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert words in line
    assert not (tmp_path / "new").exists()
