"""Experiments that train no network, as a user runs them."""

import json

import jax
import pandas as pd
import pytest
from scripts import FLAGFILES, call, refused
from written import pictures

from scaletime_jax.studies import drawn, linear_tradeoff

FILES = {
    "linear_tradeoff": ["large.csv", "paper.csv"],
    "subspace": ["logistic-with-ridge.csv", "quadratic.csv"],
    "linear_dynamics": ["data.csv", "size-time.csv", "trajectories.csv"],
    "student_functions": ["others.csv", "segment.csv"],
    "duality": ["duality.csv"],
    "kernel_scale": ["kernels.csv", "slopes.csv"],
    "learned_features": ["curves.csv", "kernel.csv"],
    "manifold_bounds": [
        "curves.csv",
        "dimensions.csv",
        "distances.csv",
        "exponents.csv",
    ],
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
KINDS = ("png", "svg")


# Compiled for the most time; their studies and figures have tests of their own.
COMPILED = (
    "random_features",
    "duality",
    "kernel_scale",
    "subspace",
    "student_functions",
    "learned_features",
)
SLOW = dict.fromkeys(COMPILED, pytest.mark.slow)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=SLOW.get(name, ())) for name in FILES],
)
def smoke(request, tmp_path_factory):
    name, workdir = request.param, tmp_path_factory.mktemp("theory")
    flagfile = FLAGFILES / name / "smoke.flags"
    done = call(name, f"--flagfile={flagfile}", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return name, workdir / name, done


def test_smoke_writes_summary_tables_and_figure(smoke):
    name, folder, done = smoke
    written = sorted(path.name for path in folder.iterdir())
    summary = json.loads((folder / "summary.json").read_text())
    drawings = [f"{d['name']}.{kind}" for d in summary["figures"] for kind in KINDS]
    assert written == sorted([*FILES[name], *drawings, f"{name}.npz", "summary.json"])
    assert written == sorted(summary["files"])
    assert summary["experiment"] == name and "workdir" in summary["flags"]
    assert summary["title"] and summary["caption"]
    for file in FILES[name]:
        assert len(pd.read_csv(folder / file)) >= 3
    assert "warning" not in done.stderr.lower(), done.stderr
    stored = drawn.unpack((folder / f"{name}.npz").read_bytes())
    for file, picture in pictures(name, stored).items():
        assert (folder / file).read_bytes() == picture


def test_smoke_says_what_it_found(smoke):
    name, folder, done = smoke
    summary = json.loads((folder / "summary.json").read_text())
    lines = done.stdout.splitlines()
    before, found = lines[: lines.index("")], lines[lines.index("") + 1 :]
    assert before == []  # the progress goes to stderr
    notes = {"linear_tradeoff": 4, "subspace": 8, "linear_dynamics": 12}
    assert found[: notes.get(name, 0)] == summary["notes"]
    assert len(summary["notes"]) == notes.get(name, 0)
    for claim in summary["claims"]:
        assert f"Claim {claim['source']}: {claim['statement']}" in found
    *_, conclusion, wrote, following = found
    assert conclusion == summary["conclusion"]
    assert wrote.startswith(f"Wrote {folder}/summary.json")
    assert following.startswith("Next: ")


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
    elif name == "kernel_scale":
        assert [case["init"] for case in summary["cases"]] == ["he", "ntk"]
    elif name == "student_functions":
        few, many = summary["segment"]["rms_error"]
        assert 0 < many < few
    elif name == "manifold_bounds":
        assert [each["violated"] for each in summary["bounds"]] == [0, 0]
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
        ("linear_tradeoff", "--seeds=", "--seeds is empty; give at least one seed"),
        ("linear_tradeoff", "--seeds=1,-1", "--seeds must be whole numbers from 0 to"),
        ("linear_tradeoff", "--rank=99999", "--rank must be at most --ambient"),
        ("subspace", "--seed=-1", "flag --seed=-1: -1 is not an integer in the range"),
        (
            "duality",
            "--seed=4294967296",
            "not an integer in the range [0, 4294967295]",
        ),
        (
            "manifold_bounds",
            "--seed=-1",
            "not an integer in the range [0, 4294967295]",
        ),
        (
            "linear_dynamics",
            "--seed=-1",
            "not an integer in the range [0, 4294967295]",
        ),
        ("linear_dynamics", "--noise=1e300", "--noise must be from 0 to 1e100"),
        ("linear_dynamics", "--noise=nan", "--noise must be from 0 to 1e100"),
        ("subspace", "--failure_probability=1", "--failure_probability must be"),
        ("subspace", "--sizs=3", "Unknown command line flag 'sizs'"),
        ("linear_dynamics", "--draws=1", "--draws must be 2 or more"),
        ("linear_dynamics", "--times=0,1", "--times must be above 0; inf is allowed"),
        ("random_features", "--pool_sizes=4,3", "--pool_sizes: 3 does not divide"),
        ("random_features", "--feature_sizes=64,20000", "20000 is above the number of"),
        ("random_features", "--data_sizes=64,12000", "12000 is above the number of"),
        ("random_features", "--fixed=40", "--data_sizes must be above 2 x --fixed"),
        ("random_features", "--kernel_inputs=12001", "there are only 12000 images"),
        ("random_features", "--activation=tanh", "activation 'tanh' is not one of"),
        ("student_functions", "--seeds=1", "seeds must be two or more"),
        ("student_functions", "--other_sizes=10,20", "needs 4 sizes or more"),
        ("student_functions", "--pool=10000", "larger than the pool of 10,000"),
        ("manifold_bounds", "--dims=5", "dimension 5 cannot be triangulated"),
        ("manifold_bounds", "--sizes=100,200", "sizes has 2 sizes, too few for the"),
        ("manifold_bounds", "--linear_sizes=9,8,7,6", "a mean distance of at most"),
        ("manifold_bounds", "--points=20", "points must be 100 or more"),
        ("manifold_bounds", "--draws=x", "--draws: 'x' is not a whole number."),
        ("kernel_scale", "--architecture=vgg", "unknown architecture 'vgg'"),
        ("kernel_scale", "--widths=3", "widths: give mlp two or more sizes"),
        ("kernel_scale", "--inits=xavier", "unknown init 'xavier'"),
        ("kernel_scale", "--draws=1", "--draws must be 2 or more"),
        ("duality", "--ridges=1", "--ridges: give a small ridge and others"),
        ("duality", "--dataset=npz:none.npz", "none.npz"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, name, flag, words):
    assert words in refused(name, flag, f"--workdir={tmp_path}/new")
    assert not (tmp_path / "new").exists()


def test_where_no_trial_arrives_the_figure_says_so(tmp_path):
    """Steps overshoot at p P = 2e6 and a rate of 1e-6."""
    flags = "--sizes=2000", "--large_sizes=10,100,1000", "--seeds=1"
    done = call("linear_tradeoff", *flags, f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    picture = (tmp_path / "linear_tradeoff/linear_tradeoff.svg").read_text()
    assert "all trials arrive" in picture


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 74.5 GiB for an array"),
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory.\nMore"),
    ],
)
def test_work_beyond_the_memory_is_one_sentence(tmp_path, monkeypatch, error):
    def study(options):
        raise error

    monkeypatch.setattr(linear_tradeoff, "study", study)
    words = refused("linear_tradeoff", f"--workdir={tmp_path}")
    assert "does not fit the memory; choose smaller sizes (" in words
    assert ("74.5 GiB" in words) or words.endswith("(Out of memory).")


@pytest.mark.parametrize("name", ["duality", "manifold_bounds", "random_features"])
def test_a_folder_that_cannot_be_is_known_before_the_work(tmp_path, name):
    (tmp_path / "taken").write_text("")
    flagfile = FLAGFILES / name / "laptop.flags"
    words = refused(name, f"--flagfile={flagfile}", f"--workdir={tmp_path}/taken")
    assert "cannot write to" in words and words.endswith("(--workdir).")


@pytest.mark.parametrize("name", FILES)
def test_a_dry_run_says_what_would_be_drawn(tmp_path, name):
    done = call(name, "--dry_run", f"--workdir={tmp_path}/new")
    assert done.returncode == 0 and "draws" in done.stdout
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("script", ["linear_dynamics", "tradeoff", "report"])
def test_a_folder_that_cannot_be_written_to_is_refused_before_any_work(
    tmp_path, script
):
    (tmp_path / "file").touch()
    line = refused(script, f"--workdir={tmp_path}/file/results", "--dry_run")
    assert "cannot write to" in line and "(--workdir)" in line
