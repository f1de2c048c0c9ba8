import os

import numpy as np
import pandas as pd
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.runs import store


def table(run_id="a", steps=3):
    rows = {
        name: np.zeros(steps) if kind != "string" else np.repeat("x", steps)
        for name, kind in ((f.name, str(f.type)) for f in store.SCHEMA)
    }
    rows["run_id"] = np.repeat(run_id, steps)
    rows["step"] = np.arange(steps)
    rows["diverged"] = np.zeros(steps, bool)
    rows["test_loss"] = np.array([0.1, np.nan, 0.05])[:steps]
    return pd.DataFrame(rows)


def test_what_is_written_is_read(tmp_path):
    store.write(tmp_path, "unit", table(), {"wall_seconds": 1.5})
    read = store.read(tmp_path)
    assert list(read.columns) == store.SCHEMA.names
    np.testing.assert_array_equal(read.step, [0, 1, 2])
    np.testing.assert_array_equal(read.test_loss, np.float32([0.1, np.nan, 0.05]))
    metadata = store.read_metadata(tmp_path / "unit.parquet")
    assert metadata == {"wall_seconds": 1.5}


def test_an_empty_or_missing_folder_is_an_empty_table(tmp_path):
    assert len(store.read(tmp_path)) == 0
    assert len(store.read(tmp_path / "none")) == 0
    assert list(store.read(tmp_path).columns) == store.SCHEMA.names


def test_a_run_in_two_files_is_taken_once(tmp_path):
    store.write(tmp_path, "one", table("a"), {})
    store.write(tmp_path, "two", pd.concat([table("a"), table("b")]), {})
    assert store.read(tmp_path).groupby("run_id").size().to_dict() == {"a": 3, "b": 3}


@pytest.mark.parametrize("damage", ["truncated", "empty", "other"])
def test_a_damaged_file_is_named_and_set_aside(tmp_path, damage):
    store.write(tmp_path, "good", table("a"), {})
    store.write(tmp_path, "bad", table("b"), {})
    path = tmp_path / "bad.parquet"
    if damage == "other":
        pd.DataFrame({"x": [1]}).to_parquet(path)
    else:
        content = path.read_bytes()
        keep = {"truncated": len(content) * 2 // 3, "empty": 0}[damage]
        path.write_bytes(content[:keep])
    with pytest.warns(UserWarning, match="bad.parquet is damaged.*bad.parquet.damaged"):
        read = store.read(tmp_path)
    assert set(read.run_id) == {"a"}
    assert not path.exists() and (tmp_path / "bad.parquet.damaged").exists()
    assert set(store.read(tmp_path).run_id) == {"a"}  # and no second warning


@pytest.mark.filterwarnings("ignore:.*is damaged")
def test_no_flipped_byte_changes_a_number(tmp_path):
    store.write(tmp_path, "unit", table(), {})
    path, expected = tmp_path / "unit.parquet", store.read(tmp_path)
    content, caught = path.read_bytes(), 0
    for position in range(0, len(content), 97):
        flipped = bytearray(content)
        flipped[position] ^= 255
        path.write_bytes(flipped)
        read = store.read(tmp_path)
        caught += len(read) == 0
        assert len(read) == 0 or read.equals(expected)
    assert caught > 10


def test_nothing_is_left_of_a_write_that_failed(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        store.write(tmp_path, "unit", table(), {})
    assert len(store.read(tmp_path)) == 0
    monkeypatch.undo()
    store.prepare(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--workdir: cannot write to .*file/runs"):
        store.prepare(tmp_path / "file" / "runs")
