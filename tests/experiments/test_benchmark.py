import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def test_the_engine_benchmark_runs(tmp_path):
    pytest.importorskip("torch")
    done = subprocess.run(
        [
            sys.executable,
            "experiments/benchmarks/engine.py",
            "--cases=mlp:1",
            "--rounds=2",
            "--seconds=0.05",
            "--num_seeds=2",
            f"--output={tmp_path}/engine.json",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    [row] = json.loads((tmp_path / "engine.json").read_text())["rows"]
    low, high = row["ratio_range"]
    assert row["case"] == "mlp width 1 sgd"
    assert 0 < low <= row["ratio"] <= high and row["compile_seconds"] > 0
