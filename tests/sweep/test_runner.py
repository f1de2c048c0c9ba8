import dataclasses
import io

import pandas as pd
import pytest
from test_config import GRID

from scaletime_jax.sweep import runner, store
from scaletime_jax.sweep.config import make_grid
from scaletime_jax.sweep.progress import Progress, clock

TINY = {**GRID, "train_size": [50], "seed": [101, 102]}


@pytest.fixture
def datasets(few_digits):
    return {few_digits.name: few_digits}


def test_a_sweep_trains_writes_and_returns_everything(tmp_path, few_digits, datasets):
    configs = make_grid(few_digits, **TINY)
    table = runner.run_sweep(configs, datasets, tmp_path)
    assert set(table.run_id) == {config.run_id for config in configs}
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 and all(f.suffix == ".parquet" for f in files)
    metadata = store.read_metadata(files[0])
    assert metadata["configs"][0]["dataset"] == "few"
    assert {"scaletime_jax", "git_commit", "jax", "device", "wall_seconds", "time"} <= (
        set(metadata)
    )


def test_a_second_sweep_trains_nothing(tmp_path, few_digits, datasets, monkeypatch):
    configs = make_grid(few_digits, **TINY)
    first = runner.run_sweep(configs, datasets, tmp_path)
    monkeypatch.setattr(runner, "Programs", lambda *_: pytest.fail("trained again"))
    second = runner.run_sweep(configs, datasets, tmp_path)
    pd.testing.assert_frame_equal(first, second)


def test_more_seeds_leave_the_old_ones_unchanged(tmp_path, few_digits, datasets):
    few = make_grid(few_digits, **{**TINY, "width": [1]})
    many = make_grid(few_digits, **{**TINY, "width": [1], "seed": [101, 102, 103]})
    runner.run_sweep(few, datasets, tmp_path / "a")
    grown = runner.run_sweep(many, datasets, tmp_path / "a")
    fresh = runner.run_sweep(many, datasets, tmp_path / "b")
    pd.testing.assert_frame_equal(grown, fresh)
    assert grown.seed.nunique() == 3


def test_a_damaged_unit_is_trained_again(tmp_path, few_digits, datasets):
    configs = make_grid(few_digits, **TINY)
    first = runner.run_sweep(configs, datasets, tmp_path)
    path = sorted(tmp_path.glob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.warns(UserWarning, match=f"{path.name} is damaged"):
        second = runner.run_sweep(configs, datasets, tmp_path)
    pd.testing.assert_frame_equal(first, second)


def test_other_runs_in_the_folder_are_left_out(tmp_path, few_digits, datasets):
    configs = make_grid(few_digits, **TINY)
    runner.run_sweep(configs, datasets, tmp_path)
    part = [config for config in configs if config.width == 2]
    assert set(runner.run_sweep(part, datasets, tmp_path).width) == {2}


def test_a_plan_counts_work_and_memory(tmp_path, few_digits, datasets):
    configs = make_grid(few_digits, **{**TINY, "width": [1, 4], "label_noise": [0.0]})
    small, large = runner.plan_sweep(configs, datasets, tmp_path).missing
    assert small.steps == large.steps == 2 * 2 * 2  # runs, epochs, batches of 50
    schedule = configs[0].schedule
    images = 3 * 50 * 2 + len(schedule) * (50 + 100)
    assert small.flops == 2 * images * 2 * (784 * 10 + 4 * 100 + 100)
    assert large.lane_bytes > small.lane_bytes > 4 * 3 * 8400
    adam = dataclasses.replace(configs[0], optimizer="adam")
    unit = runner.plan_sweep([adam], datasets, tmp_path).missing[0]
    assert unit.lane_bytes - small.lane_bytes == 4 * 2 * 8400


def test_progress_in_plain_lines():
    stream = io.StringIO()
    progress = Progress(num_runs=20, num_programs=4, work=100.0, stream=stream)
    progress.tick("first")
    progress.finish("first", runs=5, steps=1000, work=25.0, times=(1.0, 2.0))
    progress.finish("second", runs=5, steps=1000, work=50.0, times=(1.0, 2.0))
    progress.close()
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("[5/20 runs] first: 5 runs in 2.0 s + 1.0 s compiling")
    # 25 of work left at 75 in 4 s, and two programs at a second each
    assert lines[1].endswith("500 steps/s, 0:03 left")


def test_clock():
    assert [clock(s) for s in (0.0, 61.0, 3723.4)] == ["0:00", "1:01", "1:02:03"]
