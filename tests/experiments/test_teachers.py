"""The experiments of the deep half of Bahri et al., as a user runs them."""

import json

import pandas as pd
import pytest
from scripts import FLAGFILES, call, refused

PANEL = {
    "teacher_student": "losses.csv",
    "variance_limited": "excess.csv",
    "resolution_limited": "points.csv",
    "data_distribution": "points.csv",
    "aspect_ratio": "points.csv",
}


# Their smoke runs compile for half a minute; their studies have tests of their own.
SLOW = dict.fromkeys(("aspect_ratio", "data_distribution"), pytest.mark.slow)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=SLOW.get(name, ())) for name in PANEL],
)
def smoke(request, tmp_path_factory):
    name, workdir = request.param, tmp_path_factory.mktemp("teachers")
    flagfile = f"--flagfile={FLAGFILES}/{name}/smoke.flags"
    done = call(name, flagfile, f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return name, workdir, flagfile


def test_smoke_writes_claims_points_and_figures(smoke):
    name, workdir, _ = smoke
    summary = json.loads((workdir / name / "summary.json").read_text())
    assert summary["experiment"] == name and summary["missing"] == []
    assert all("[B21, Fig" in claim["source"] for claim in summary["claims"])
    assert len(pd.read_csv(workdir / name / PANEL[name])) >= 8
    assert (workdir / name / f"{name}.png").stat().st_size > 10_000


def test_a_second_call_trains_nothing_and_tables_alone_give_the_same(smoke, tmp_path):
    name, workdir, flagfile = smoke
    again = call(name, flagfile, f"--workdir={workdir}")
    assert "Nothing was left to train" in again.stdout and "runs]" not in again.stderr
    done = call(name, f"--runs={workdir}/runs", f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    first, other = (
        (folder / name / PANEL[name]).read_text() for folder in (workdir, tmp_path)
    )
    assert first == other


def test_the_flags_commas_do_not_cut_a_teachers_name(tmp_path):
    datasets = "--dataset=teacher:d=2,width=8,pool=50,b=teacher:d=3,width=9,pool=60"
    small = (
        "--train_sizes=10,20,30,40",
        "--steps=10",
        "--seeds=1",
        f"--workdir={tmp_path}",
    )
    said = call("teacher_student", datasets, *small, "--dry_run").stdout
    assert "teacher:d=2,width=8,pool=50 mlp2" in said and "\nb mlp2" in said


def test_a_dry_run_says_what_does_not_fit_the_memory(tmp_path):
    grid = "--train_sizes=50", "--widths=8,100000", "--seeds=1"
    done = call("tradeoff", *grid, "--dry_run", f"--workdir={tmp_path}")
    assert done.returncode == 0 and "2 to train" in done.stdout
    assert "warning: mnist12k mlp width 100000" in done.stderr
    assert "GiB; choose a smaller width" in done.stderr


@pytest.mark.parametrize(
    ("script", "flags", "words"),
    [
        (
            "teacher_student",
            ["--dataset=teacher:d=2"],
            ["'teacher:d=2'", "width must be from 1"],
        ),
        (
            "teacher_student",
            ["--dataset=teacher:d=2,width=8,pool=50", "--train_sizes=60"],
            ["train_size 60 is above the 50", "50 or fewer"],
        ),
        (
            "teacher_student",
            ["--dataset=teacher:d=2,width=8,pool=50", "--loss=cross_entropy"],
            ["needs classes", "choose 'mse'"],
        ),
        (
            "teacher_student",
            ["--dataset=mnist12k", "--batching=fresh"],
            ["'fresh' draws new examples", "choose a teacher"],
        ),
        (
            "teacher_student",
            ["--dataset=teacher:d=7,width=8", "--train_sizes=30,60,90,120"],
            ["train_size 120 is below the 128 corners", "(--train_sizes)"],
        ),
        (
            "variance_limited",
            ["--linearised=true,false", "--init=ntk", "--train_sizes=100"],
            ["4 widths above 400", "(--widths)"],
        ),
        (
            "variance_limited",
            ["--dataset=mnist12k", "--pool=3"],
            ["cannot be pooled by 3", "--pool"],
        ),
        (
            "data_distribution",
            ["--superclasses=3"],
            ["10 classes", "choose 2 or 5 or 10", "(--superclasses=3)"],
        ),
        (
            "data_distribution",
            ["--input_noise=-1"],
            ["input_noise must be 0 or more", "(--input_noise=-1.0)"],
        ),
        (
            "learned_features",
            ["--widths=2,4"],
            ["features are of one network", "give one --dataset"],
        ),
        (
            "learned_features",
            ["--features=none.npz"],
            ["there is no file none.npz"],
        ),
        (
            "aspect_ratio",
            ["--architecture=wrn10", "--widths=2"],
            ["needs two depths or two widths", "(--architecture, --widths)"],
        ),
        (
            "resolution_limited",
            ["--train_sizes=100,200,300"],
            ["needs 4 train sizes or widths", "3 and 1", "(--train_sizes, --widths)"],
        ),
        (
            "teacher_student",
            ["--dataset=teacher:d=2,width=8,depth=3"],
            ["'depth=3' is not a part of teacher:d=D"],
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_before(tmp_path, script, flags, words):
    said = refused(script, *flags, f"--workdir={tmp_path}")
    for word in words:
        assert word in said
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.slow
def test_dimensions_are_measured_once_and_read_again(tmp_path):
    flagfile = f"--flagfile={FLAGFILES}/resolution_limited/smoke.flags"
    done = call("resolution_limited", flagfile, f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    table = tmp_path / "resolution_limited/dimensions.csv"
    rows = pd.read_csv(table)
    assert rows.place.tolist() == ["images", "hidden"]
    assert rows.dimension.between(3, 20).all() and (rows.low < rows.high).all()
    how = f"--runs={tmp_path}/runs", f"--workdir={tmp_path}/again"
    done = call("resolution_limited", *how, f"--dimensions={table}")
    assert "the dimension of the last hidden layer" in done.stdout
    again = pd.read_csv(tmp_path / "again/resolution_limited/dimensions.csv")
    pd.testing.assert_frame_equal(rows, again)
    rows.assign(place="pixels").to_csv(tmp_path / "other.csv")
    for name, words in (
        ("none.csv", "is not a table with the columns dataset, place"),
        ("other.csv", "place 'pixels' is none of images, hidden"),
    ):
        given = f"--dimensions={tmp_path}/{name}"
        assert words in refused("resolution_limited", *how, given)


def test_runs_that_are_not_on_teachers_are_refused(tmp_path):
    said = refused(
        "teacher_student",
        "--runs=experiments/examples/sklearn_digits.csv",
        f"--workdir={tmp_path}",
    )
    assert "teacher" in said or "train_loss" in said
