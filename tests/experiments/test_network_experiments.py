"""The experiments on networks as a user calls them, on one shared workdir."""

import html
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from scripts import FLAGFILES, ROOT, call, refused
from shell import results
from written import pictures

from scaletime_jax.runs import store
from scaletime_jax.studies import drawn

EPOCHS = {"extrapolate": ["--target_epochs=1", "--source_epochs=1"]}
# The first trains; its grid has the runs of the others.
NAMES = (
    "label_noise",
    "extrapolate",
    "data_scaling",
    "effective_size",
    "equivalence",
)
# Fewer than the smoke's three: each size and width is compiled.
SIZES = "--train_sizes=100,500"


def flagfile(name, kind):
    return f"--flagfile={FLAGFILES}/{name}/{kind}.flags"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """A workdir in which each experiment's smoke has run, and what they said."""
    workdir = tmp_path_factory.mktemp("smoke")
    done = {}
    for name in NAMES:
        flags = flagfile(name, "smoke"), SIZES, f"--workdir={workdir}"
        done[name] = call(name, *flags)
        assert done[name].returncode == 0, done[name].stderr
    return workdir, done


def test_a_plan_from_runs_of_our_own(smoke):
    workdir, _ = smoke
    done = call("plan", flagfile("plan", "smoke"), SIZES, f"--workdir={workdir}")
    assert done.returncode == 0 and "runs]" not in done.stderr
    summary = json.loads((workdir / "plan/summary.json").read_text())
    assert summary["setting"]["dataset"] == "mnist12k" and summary["runs"]["device"]
    shutil.rmtree(workdir / "plan")  # others expect the figures of NAMES


def test_a_run_trained_for_one_figure_is_not_trained_for_another(smoke):
    _, done = smoke
    trained = [name for name in NAMES if "runs] " in done[name].stderr]
    assert trained == ["label_noise"]


@pytest.mark.parametrize("name", NAMES)
def test_smoke_writes_what_it_promises(smoke, name):
    workdir, done = smoke
    folder = workdir / name
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["experiment"] == name and summary["missing"] == []
    assert summary["flags"]["widths"] == ["1", "2", "4"]
    assert summary["runs"]["count"] == (24 if name == "label_noise" else 12)
    assert summary["runs"]["device_seconds"] > 0 and summary["versions"]["jax"]
    assert summary["claims"] and sum(summary["verdicts"].values()) == len(
        summary["claims"]
    )
    for claim in summary["claims"]:
        assert claim["verdict"] in ("holds", "fails", "undecided")
        assert "[BF24, " in claim["source"] and claim["statement"]
        assert claim["setting"]["dataset"] == "mnist12k"
    said = done[name].stdout
    for claim in summary["claims"]:
        assert f"Claim {claim['source']}: {claim['statement']}" in said
        assert claim["value"] is None or f"{claim['value']:+.3g}" in said
    assert summary["conclusion"] in said
    last = said.splitlines()[-3:]
    assert last[0].startswith(("Trained", "Nothing was left to train"))
    assert last[1].startswith(f"Wrote {folder}/summary.json")
    assert last[2] == f"Next: python experiments/report.py --workdir={folder.parent}"
    stored = drawn.unpack((folder / f"{name}.npz").read_bytes())
    for file, picture in pictures(name, stored).items():
        assert (folder / file).read_bytes() == picture and len(picture) > 10_000
    for figure in summary["figures"]:
        assert "<text" in (folder / f"{figure['name']}.svg").read_text()
    assert {path.name for path in folder.iterdir()} == set(summary["files"])
    panels = sorted(folder.glob("*.csv"))
    assert panels and all(len(pd.read_csv(panel)) > 1 for panel in panels)


def test_the_same_figure_from_the_table_alone(smoke, tmp_path):
    workdir, _ = smoke
    done = call(
        "data_scaling",
        f"--runs={workdir}/runs",
        "--label_noise=0",
        f"--workdir={tmp_path}",
    )
    assert done.returncode == 0 and done.stderr == ""
    for panel in ("test.csv", "train.csv"):
        again = (tmp_path / "data_scaling" / panel).read_text()
        assert again == (workdir / "data_scaling" / panel).read_text()
    first, second = (
        json.loads((folder / "data_scaling/summary.json").read_text())
        for folder in (workdir, tmp_path)
    )
    assert first["claims"] == second["claims"]
    assert "epochs" in first["flags"] and "epochs" not in second["flags"]
    assert second["flags"]["label_noise"] == ["0"]  # selects runs
    assert not (tmp_path / "runs").exists()


def test_a_reader_that_leaves_early_is_no_error(smoke, tmp_path):
    workdir, _ = smoke
    flags = f"--runs={workdir}/runs --label_noise=0 --workdir={tmp_path}"
    command = f"{sys.executable} experiments/effective_size.py {flags} | true"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == "" and (tmp_path / "effective_size/summary.json").exists()


def test_a_partly_finished_grid_draws_and_says_what_is_missing(smoke, tmp_path):
    workdir, _ = smoke
    part = [p for p in (workdir / "runs").iterdir() if "-w4-" not in p.name]
    some = [p for p in (workdir / "runs").iterdir() if "-w4-adam-n100" in p.name]
    (tmp_path / "runs").mkdir()
    for path in part + some:
        (tmp_path / "runs" / path.name).write_bytes(path.read_bytes())
    flags = f"--runs={tmp_path}/runs", f"--workdir={tmp_path}", "--label_noise=0"
    done = call("data_scaling", *flags)
    assert done.returncode == 0
    assert "2 runs of mnist12k mlp adam are missing" in done.stderr
    assert "--widths=4 --train_sizes=500" in done.stderr
    summary = json.loads((tmp_path / "data_scaling/summary.json").read_text())
    assert len(summary["missing"]) == 1 and summary["runs"]["count"] == 10


# Scripts, flags and words of the answer, with --runs and where they would train.
READ = (
    ("data_scaling", ["--widths=3"], ["no run has width 3", "have 1, 2, 4"]),
    ("extrapolate", ["--architecture=cnn"], ["no run has architecture cnn"]),
    (
        "extrapolate",
        ["--source_width=3"],
        ["no run has width 3; the runs have [1, 2, 4]", "(--source_width=1)."],
    ),
    ("extrapolate", ["--target_epochs=0"], ["--target_epochs must be above 0"]),
    ("extrapolate", ["--share=1"], ["above 0 and below 1, got 1", "(--share)"]),
    ("extrapolate", ["--threshold=-1"], ["--threshold must be above 0"]),
    (
        "label_noise",
        ["--label_noise=0"],
        ["label_noise 0 only", "(--label_noise=0,0.2)."],
    ),
    ("label_noise", ["--at_width=7"], ["no run has width 7", "(--at_width=1)."]),
    (
        "effective_size",
        ["--train_sizes=100"],
        ["all runs have train_size 100; give more train sizes (--train_sizes)."],
    ),
    ("effective_size", ["--widths="], ["--widths is empty"]),
    ("equivalence", ["--share=0"], ["above 0 and below 1, got 0", "(--share)"]),
    ("effective_size", ["--share=0.9,2"], ["below 1, got 2", "(--share)"]),
)
TRAINED = (
    ("label_noise", ["--label_noise=0.2"], ["--label_noise=0.2", "0 and a share"]),
    ("effective_size", ["--train_sizes=100"], ["several train sizes"]),
    (
        "extrapolate",
        ["--source_width=3"],
        ["--source_width=3 is not one of --widths=1,2"],
    ),
    ("data_scaling", ["--dataset=a=mnist12k,a=mnist12k"], ["two are called 'a'"]),
    ("data_scaling", ["--test_size=2001"], ["test_size must be from 1 to 2000"]),
)


@pytest.mark.parametrize(("script", "flags", "words"), READ)
def test_runs_that_will_not_serve_are_refused(smoke, tmp_path, script, flags, words):
    workdir = tmp_path / "results"
    said = refused(script, f"--runs={smoke[0]}/runs", f"--workdir={workdir}", *flags)
    assert all(word in said for word in words), said
    assert not workdir.exists()


@pytest.mark.parametrize(("script", "flags", "words"), TRAINED)
def test_what_will_not_serve_is_not_trained(tmp_path, script, flags, words):
    workdir = tmp_path / "results"
    said = refused(script, "--widths=1,2", f"--workdir={workdir}", *flags)
    assert all(word in said for word in words), said
    assert not workdir.exists()


def test_tables_that_cannot_be_read(tmp_path):
    assert "no file or folder" in refused("extrapolate", f"--runs={tmp_path}/none")
    assert "there is no file (csv, tsv, parquet, jsonl, ndjson) and no run" in refused(
        "extrapolate", f"--runs={tmp_path}"
    )
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but no more")
    assert "a.parquet is not a run table" in refused(
        "extrapolate", f"--runs={tmp_path}"
    )
    assert (tmp_path / "a.parquet").exists()  # a user's file stays where it is


def test_a_table_that_lost_its_metadata(smoke, tmp_path):
    workdir, _ = smoke
    path = next((workdir / "runs").glob("*.parquet"))
    pd.read_parquet(path).to_parquet(tmp_path / path.name)
    said = refused("effective_size", f"--runs={tmp_path}")
    assert "threshold is not set" in said  # it is a user's log now
    assert said.endswith("(--threshold).")


@pytest.mark.slow
def test_runs_of_the_largest_width_that_diverged(smoke, tmp_path, monkeypatch):
    """Still figures, not rendered here, and a summary, with what is left."""
    monkeypatch.setattr(results, "render_all", lambda drawings: {})
    workdir, _ = smoke
    for path in (workdir / "runs").iterdir():
        table = pd.read_parquet(path)
        if "-w4-" in path.name:
            late = (table.epoch > 1) & (table.label_noise > 0)
            table.loc[late, ["test_loss", "train_loss"]] = float("nan")
            table.loc[late, "diverged"] = True
        metadata = store.read_metadata(path)
        store.prepare(tmp_path / "runs")
        store.write(tmp_path / "runs", path.stem, table, metadata)
    for name in NAMES:
        flags = f"--runs={tmp_path}/runs", f"--workdir={tmp_path}"
        done = call(name, *flags, *EPOCHS.get(name, ()))
        assert done.returncode == 0, done.stderr
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        assert summary["runs"]["diverged"] == 4


def test_all_results_are_on_one_page(smoke):
    workdir, _ = smoke
    done = call("report", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    text = html.unescape((workdir / "index.html").read_text())
    for name in NAMES:
        summary = json.loads((workdir / name / "summary.json").read_text())
        assert summary["conclusion"] in text
        for claim in summary["claims"]:
            assert claim["statement"] in text


def test_what_ships_follows_from_the_shipped_tables(tmp_path):
    flags = flagfile("effective_size", "shipped"), f"--workdir={tmp_path}"
    done = call("effective_size", *flags)
    assert done.returncode == 0 and done.stderr == ""
    assert_same_claims(tmp_path, ["effective_size"])


@pytest.mark.slow
def test_every_shipped_figure_again(tmp_path):
    """Networks from their tables, theory from its stored numbers, and the page."""
    done = call("figures", f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    names = [path.name for path in FLAGFILES.iterdir()]
    assert_same_claims(tmp_path, ["tradeoff", *NAMES])
    assert {p.parent.name for p in tmp_path.glob("*/*.png")} == set(names)
    text = (tmp_path / "index.html").read_text()
    assert all(f'<section id="{name}"' in text for name in names)


def assert_same_claims(workdir, names):
    for name in names:
        first, second = (
            json.loads((folder / name / "summary.json").read_text())["claims"]
            for folder in (ROOT / "experiments/results", workdir)
        )
        assert first and len(first) == len(second)
        for mine, shipped in zip(second, first, strict=True):
            assert mine["setting"] == shipped["setting"]
            assert mine["verdict"] == shipped["verdict"]
            if shipped["value"] is not None:
                # the same tables, another machine's rounding
                assert mine["value"] == pytest.approx(shipped["value"], abs=1e-5)


@pytest.mark.slow
def test_the_map_has_the_kernel_beside_the_exponent(tmp_path):
    done = call(
        "where_it_holds", flagfile("where_it_holds", "smoke"), f"--workdir={tmp_path}"
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "where_it_holds/summary.json").read_text())["cells"]
    assert [cell["network"] for cell in cells] == ["mlp", "random subspace"]
    assert "the kernel at the start has" in cells[0]["sentence"]


@pytest.mark.slow
def test_steps_are_measured_once(tmp_path):
    def written():
        return {path: path.stat().st_mtime_ns for path in tmp_path.glob("steps/*")}

    smoke = flagfile("descent", "smoke"), f"--workdir={tmp_path}"
    done = call("descent", *smoke)
    assert done.returncode == 0, done.stderr
    first = written()
    assert len(first) == 3  # a program for each width
    summary = json.loads((tmp_path / "descent/summary.json").read_text())
    assert summary["settings"] == 2
    assert "12 runs" in done.stdout
    done = call("descent", *smoke)
    assert done.returncode == 0 and written() == first
    dry = call("descent", *smoke, "--dry_run")
    assert "0 runs to measure as 0 programs." in dry.stdout
    more = call("descent", *smoke, "--most_steps=200", "--dry_run")
    assert "12 runs to measure as 3 programs." in more.stdout


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--runs=experiments/examples/sklearn_digits.csv"], "no run of a sweep is on"),
        (
            ["--runs=experiments/results/where_it_holds/runs", "--schedule=cosine"],
            "no run has a constant learning rate",
        ),
        (
            ["--runs=experiments/results/where_it_holds/runs", "--optimizer=lion"],
            "no run has optimizer lion",
        ),
    ],
)
def test_runs_whose_steps_cannot_be_measured_are_refused(flags, words, tmp_path):
    said = refused("descent", *flags, "--pool=4", f"--workdir={tmp_path}")
    assert words in said
    assert not (tmp_path / "descent").exists()
