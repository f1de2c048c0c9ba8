"""The benchmarks run; what they measure is not a test's business."""

import json
import pathlib
import subprocess
import sys

import pytest
from cases import make_case

from scaletime_jax.errors import InputError

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the whole accelerator benchmark writes, small and on the CPU."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("accelerator")
    done = subprocess.run(
        [
            sys.executable,
            "experiments/benchmarks/accelerator.py",
            "--cases=mlp:1,cnn:1",
            "--choices=cnn:1",
            "--seed_cases=mlp:1",
            "--seeds=1,4",
            "--width_cases=mlp:1,mlp:2",
            "--rounds=2",
            "--seconds=0.02",
            "--num_seeds=2",
            f"--output={folder}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_ours_is_set_against_the_best_arrangement(folder):
    record = json.loads((folder / "engine.json").read_text())
    assert record["roofs"]["flops"] > 1e8 and record["roofs"]["bytes"] > 1e8
    for row, name in zip(record["rows"], ["mlp", "cnn"], strict=True):
        assert row["case"] == f"{name} width 1 sgd"
        rates = {k: v["median"] for k, v in row["rates"].items()}
        ours = rates.pop("ours")
        assert set(rates) > {"1 thread"} and rates[row["best"]] == max(rates.values())
        low, high = row["ratio"]["range"]
        assert 0 < low <= row["ratio"]["median"] <= high
        assert row["flops_a_second"] == pytest.approx(ours * row["flops_a_step"])
    assert record["rows"][0]["flops_a_step"] == 32 * 2 * (2 * 784 * 10 + 3 * 500)
    assert "mlp width 1 sgd" in (folder / "engine.md").read_text()
    assert (folder / "roofline.png").stat().st_size > 1000


@pytest.mark.slow
def test_choices_and_growth_are_measured(folder):
    record = json.loads((folder / "engine.json").read_text())
    assert [row["lanes"] for row in record["convolution"]] == [1, 2]
    assert set(record["convolution"][0]["microseconds"]) == {"patches", "lax"}
    growth = json.loads((folder / "growth.json").read_text())
    assert [row["seeds"] for row in growth["seeds"]] == [1, 4]
    assert [row["width"] for row in growth["widths"]] == [1, 2]
    assert (folder / "growth.svg").stat().st_size > 1000


@pytest.mark.slow
def test_students_are_set_against_the_best_arrangement(tmp_path):
    pytest.importorskip("torch")
    small = "--rounds=2", "--seconds=0.02", "--num_seeds=2", "--student_width=8"
    script = "experiments/benchmarks/students.py"
    done = subprocess.run(
        [sys.executable, script, *small, f"--output={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "students.json").read_text())
    rates = {k: v["median"] for k, v in record["rates"].items()}
    assert rates.pop("ours") > 0 and len(rates) == 4
    assert rates[record["best"]] == max(rates.values())


def test_the_torch_ensemble_runs(digits):
    """On a CPU, where it is not an arrangement to compare with."""
    pytest.importorskip("torch")
    from arrangements import make_ensemble

    data = digits._replace(
        train_images=digits.train_images[:64], train_labels=digits.train_labels[:64]
    )
    run = make_ensemble(make_case("cnn:1", "adam"), data, seeds=3, device="cpu")
    assert run(2) > 0


def test_an_arrangement_without_memory_is_left_out(digits, monkeypatch, capsys):
    pytest.importorskip("torch")
    import arrangements

    def full(*_):
        raise RuntimeError("CUDA out of memory.\nTried to allocate 100 GiB")

    monkeypatch.setattr(arrangements, "make_ensemble", full)
    monkeypatch.setattr(arrangements, "_make_loop", lambda *_, **__: lambda steps: 1.0)
    case = make_case("cnn:100")
    ways = arrangements.make_arrangements(case, digits, None, seeds=64, device="cpu")
    assert set(ways) == {"eager", "compiled"}
    said = capsys.readouterr().out
    assert "ensemble of 64 left out: CUDA out of memory." in said


@pytest.mark.parametrize("text", ["mlp", "mlp:", "mlp:0", "mlp:x", "rnn:1", ":5"])
def test_a_network_is_written_with_its_width(text):
    with pytest.raises(InputError, match="write one of mlp:WIDTH, cnn:WIDTH"):
        make_case(text)
    with pytest.raises(InputError, match="unknown optimizer"):
        make_case("mlp:1", "sdg")


@pytest.mark.slow
def test_a_dry_run_of_the_accelerators_prints_its_plan_and_minutes():
    """By hand: 2 networks, 1 more to compare, 3 and 2 for growth; 10 s a program."""
    small = ["--cases=mlp:1,cnn:1", "--choices=cnn:1", "--seed_cases=mlp:1"]
    small += ["--seeds=1,4", "--width_cases=mlp:1,mlp:2", "--rounds=2", "--minutes=4"]
    script = [sys.executable, "experiments/benchmarks/accelerator.py", "--dry_run"]
    done = subprocess.run([*script, *small], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, choices, growth, total = done.stdout.splitlines()
    assert first.endswith("PyTorch: 2 measurements, 8 programs, about 1.6 minutes")
    assert choices.startswith("ways to convolve: 2 measurements, ")
    assert "growth with seeds and width: 4 measurements, 7 programs" in growth
    assert total.startswith("In all about ") and "none is begun after 4" not in total
