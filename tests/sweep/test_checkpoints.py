"""Checkpoints inside runs: where a process was killed, the next one goes on."""

import json
import shutil

import jax
import numpy as np
import pandas as pd
import pytest
from grids import GRID
from interrupted import cut, interrupt, saved, spy

from scaletime_jax.runs.read import read_runs
from scaletime_jax.sweep import checkpoints, runner, segments
from scaletime_jax.sweep import saved as store_of_state
from scaletime_jax.sweep.checkpoints import Checkpoints, Stopped
from scaletime_jax.sweep.grid import make_grid
from scaletime_jax.sweep.plan import plan_units, split
from scaletime_jax.sweep.programs import Programs

SMALL = {**GRID, "train_size": [50], "width": [1], "label_noise": [0.0]}


@pytest.fixture
def datasets(few_digits):
    return {few_digits.name: few_digits}


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    cut(monkeypatch)


@pytest.fixture
def configs(few_digits):
    """Three runs of 40 steps, 6 segments each."""
    return make_grid(few_digits, **{**SMALL, "epochs": [20]})


@pytest.fixture
def whole(tmp_path, configs, datasets):
    """The table of the runs, trained without an interruption."""
    return runner.run_sweep(configs, datasets, tmp_path / "whole")


def test_a_stopped_sweep_goes_on_where_it_stopped(
    tmp_path, configs, datasets, whole, monkeypatch, capsys
):
    """With a finished run, whose unit is not written, and one or two within."""
    interrupt(monkeypatch, tmp_path / "a", configs, datasets, 8)
    assert not list((tmp_path / "a").glob("*.parquet"))
    assert len(saved(tmp_path / "a")) >= 2
    shutil.copytree(tmp_path / "a", tmp_path / "whole", dirs_exist_ok=True)
    assert len(pd.read_parquet(tmp_path / "whole")) == len(whole)
    assert len(read_runs(tmp_path / "whole").table) == len(whole)
    begun = spy(monkeypatch)
    capsys.readouterr()
    table = runner.run_sweep(configs, datasets, tmp_path / "a")
    pd.testing.assert_frame_equal(table, whole, check_exact=True)
    assert len(begun) <= 18 - 8 and max(begun[:2]) > 0
    assert "goes on from a checkpoint, after " in capsys.readouterr().err
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert all(name.endswith(".parquet") for name in names)


@pytest.mark.slow
def test_other_runs_of_its_program_do_not_matter(
    tmp_path, few_digits, datasets, monkeypatch
):
    """The rest of a grid has smaller arrays than the grid that was interrupted."""
    grid = {**SMALL, "seed": [101], "epochs": [20]}
    large = make_grid(few_digits, **{**grid, "train_size": [50, 100]})
    expected = runner.run_sweep(large, datasets, tmp_path / "b")
    interrupt(monkeypatch, tmp_path / "a", large, datasets, 3)
    small = [config for config in large if config.train_size == 50]
    begun = spy(monkeypatch)
    table = runner.run_sweep(small, datasets, tmp_path / "a")
    assert begun[0] > 0
    wanted = expected[expected.train_size == 50].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, wanted, check_exact=True)


@pytest.mark.slow
def test_lanes_together_go_on_in_their_turn(few_digits, datasets, tmp_path, configs):
    [unit] = plan_units(configs, datasets)
    [part] = split(unit._replace(tuning=unit.tuning._replace(lanes_in_turn=False)), 1)
    device = jax.devices()[0]

    def train(keep, at_once=2):
        programs = Programs(device, checkpoints=keep)
        data = programs.put(few_digits)
        return programs.train_in_turns(part, data, at_once, 0.0).curves

    expected = train(None)
    for stop_after in (2, 8):  # in the first turn and in the second
        keep = Checkpoints(tmp_path, 10.0)
        note, seen = keep.note, []

        def count(part, reached, keep=keep, note=note, seen=seen, last=stop_after):
            seen.append(reached.step)
            if len(seen) == last:
                keep.stop.set()
            note(part, reached)

        keep.note = count
        with pytest.raises(Stopped):
            train(keep)
        found = train(Checkpoints(tmp_path, 10.0))
        for field, values in expected._asdict().items():
            np.testing.assert_array_equal(found._asdict()[field], values, field)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "0.0.1"}, "is of version 0.0.1 of this package, not "),
        ({"jax": "0.1"}, "is of version 0.1 of JAX, not "),
        ({"device": "abacus"}, "is of a abacus, not a cpu"),
        ({"precision": "half"}, "has matrix products in half, not float32"),
        ({"runs": "more"}, "has other runs together"),
        (None, "is damaged"),
        ("bit", "is damaged (its digest is another)"),
    ],
)
def test_what_is_of_no_use_is_left_aside(
    tmp_path, configs, datasets, monkeypatch, capsys, change, words
):
    configs = configs[:1]
    interrupt(monkeypatch, tmp_path, configs, datasets, 2)
    [path] = saved(tmp_path)
    about = path / checkpoints.ABOUT
    if change is None:
        about.write_text('{"ru')
    elif change == "bit":
        digest = store_of_state.digest
        monkeypatch.setattr(store_of_state, "digest", lambda c: 255 - digest(c))
    else:
        owner = json.loads(about.read_text())
        change = {"runs": [*owner["runs"], "x"]} if "runs" in change else change
        about.write_text(json.dumps(owner | change))
    begun = spy(monkeypatch)
    capsys.readouterr()
    table = runner.run_sweep(configs, datasets, tmp_path)
    said = [x for x in capsys.readouterr().err.splitlines() if "its checkpoint" in x]
    assert len(said) == 1 and words in said[0] and "training starts anew" in said[0]
    assert begun[0] == 0 and table.step.max() == configs[0].records[-1]
    assert saved(tmp_path) == []  # nobody needs it any more


def test_a_first_save_that_was_interrupted_is_no_damage(
    tmp_path, configs, datasets, monkeypatch, capsys
):
    configs = configs[:1]
    interrupt(monkeypatch, tmp_path, configs, datasets, 2)
    [path] = saved(tmp_path)
    [whole] = (path / "saved").iterdir()
    shutil.rmtree(whole)
    begun = spy(monkeypatch)
    interrupt(monkeypatch, tmp_path, configs, datasets, 2)
    runner.run_sweep(configs, datasets, tmp_path)
    assert begun[:3] == [0, 7, 14] and "damaged" not in capsys.readouterr().err


def test_checkpoints_come_every_few_minutes(tmp_path, configs, datasets, monkeypatch):
    times, write = [], store_of_state.write
    clock = iter(range(10**6))
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(
        store_of_state,
        "write",
        lambda path, reached: (times.append(reached.step), write(path, reached)),
    )
    runner.run_sweep(configs[:1], datasets, tmp_path / "often", checkpoint_minutes=0.01)
    assert times[:5] == [7, 14, 21, 28, 35]
    times.clear()
    runner.run_sweep(configs[:1], datasets, tmp_path / "rarely")
    runner.run_sweep(configs[:1], datasets, tmp_path / "never", checkpoint_minutes=0)
    assert times == []


@pytest.mark.parametrize("of", ["system", "library", "owner", "disk"])
def test_a_checkpoint_that_cannot_be_written_stops_no_training(
    tmp_path, configs, datasets, monkeypatch, capsys, of
):
    """The reason is told, however long the names of files before it."""
    full = "No space left on device"

    def fail(*_):
        raise (
            ValueError(f"{'long/' * 50}: {full}")
            if of == "library"
            else OSError(28, full)
        )

    left = shutil.disk_usage(tmp_path)._replace(free=2**20)
    places = {
        "owner": (checkpoints.store.os, "fsync", fail),
        "disk": (store_of_state.shutil, "disk_usage", lambda path: left),
    }
    monkeypatch.setattr(*places.get(of, (store_of_state, "write", fail)))
    keep = Checkpoints(tmp_path / ("long" * 50), 1e-9)
    device = jax.devices()[0]
    [unit] = plan_units(configs[:1], datasets)
    programs = Programs(device, checkpoints=keep)
    trained = programs.train(split(unit, 1)[0], datasets["few"])
    assert np.isfinite(trained.curves.test_loss).all()
    said = capsys.readouterr().err.splitlines()
    assert said and all(f" ({full}); training goes on" in line for line in said)


def test_stopping_without_checkpoints_writes_none(
    tmp_path, configs, datasets, monkeypatch
):
    interrupt(monkeypatch, tmp_path, configs, datasets, 2, checkpoint_minutes=0)
    assert [path.name for path in tmp_path.iterdir()] == []


def test_what_is_left_of_written_units_is_deleted(
    tmp_path, configs, datasets, monkeypatch
):
    """After a process that was killed between the table and its checkpoint."""
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "drop", lambda *_: None)
        interrupt(monkeypatch, tmp_path, configs[:1], datasets, 2)
        runner.run_sweep(configs[:1], datasets, tmp_path)
        assert len(saved(tmp_path)) == 1
    runner.run_sweep(configs[:1], datasets, tmp_path)
    assert not (tmp_path / checkpoints.FOLDER).exists()


@pytest.mark.parametrize("about", [None, b"{"])
def test_a_folder_that_does_not_say_whose_it_is_goes_with_its_unit(
    tmp_path, configs, datasets, monkeypatch, capsys, about
):
    """Of a process killed in its first save; the next one is killed too."""
    interrupt(monkeypatch, tmp_path, configs[:1], datasets, 2)
    [path] = saved(tmp_path)
    shutil.rmtree(path / "saved")
    (path / checkpoints.ABOUT).unlink()
    (path / ".part-about.json-here-1").touch()
    if about is not None:
        (path / checkpoints.ABOUT).write_bytes(about)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "drop", lambda *_: None)
        runner.run_sweep(configs[:1], datasets, tmp_path)
        assert saved(tmp_path)
    assert ("is damaged" in capsys.readouterr().err) == (about is not None)
    runner.run_sweep(configs[:1], datasets, tmp_path)
    assert not (tmp_path / checkpoints.FOLDER).exists()


def test_a_deletion_that_was_interrupted_is_ended_by_the_next_sweep(
    tmp_path, configs, datasets, monkeypatch
):
    """Whatever the order in which the system lists what is to be deleted."""

    def fail(path, **_):
        (path / checkpoints.ABOUT).unlink(missing_ok=True)
        raise RuntimeError("killed")

    interrupt(monkeypatch, tmp_path, configs[:1], datasets, 2)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.shutil, "rmtree", fail)
        with pytest.raises(RuntimeError, match="killed"):
            runner.run_sweep(configs[:1], datasets, tmp_path)
    (tmp_path / checkpoints.FOLDER / "empty").mkdir()  # killed after the last file
    runner.run_sweep(configs[:1], datasets, tmp_path)
    assert not (tmp_path / checkpoints.FOLDER).exists()


def test_segments_are_as_one(tmp_path, configs, datasets, whole, monkeypatch):
    """The table of a sweep that is cut into segments, and of one that is not."""
    monkeypatch.setattr(
        "scaletime_jax.sweep.programs.segment_end", segments.segment_end
    )
    begun = spy(monkeypatch)
    table = runner.run_sweep(configs, datasets, tmp_path / "one")
    assert begun == [0, 0, 0]
    pd.testing.assert_frame_equal(table, whole, check_exact=True)


def test_a_part_ends_where_all_its_runs_have_arrived(
    tmp_path, few_digits, datasets, monkeypatch
):
    axes = {**SMALL, "seed": [101], "epochs": [20], "until_test_loss": [0.2]}
    configs, begun = make_grid(few_digits, **axes), spy(monkeypatch)
    table = runner.run_sweep(configs, datasets, tmp_path)
    assert list(table.step) == [0] and begun == [0]
