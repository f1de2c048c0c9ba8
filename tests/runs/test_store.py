import json
import os
import pathlib
import platform
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from grids import METADATA

from scaletime_jax.errors import InputError
from scaletime_jax.runs import fields, store


def table(run_id="a", steps=3):
    rows = {
        name: np.zeros(steps) if kind != "string" else np.repeat("x", steps)
        for name, kind in ((f.name, str(f.type)) for f in fields.schema())
    }
    rows["run_id"] = np.repeat(run_id, steps)
    rows["step"] = np.arange(steps)
    rows["diverged"] = np.zeros(steps, bool)
    rows["test_loss"] = np.array([0.1, np.nan, 0.05])[:steps]
    return pd.DataFrame(rows)


def test_what_is_written_is_read(tmp_path):
    store.write(tmp_path, "unit", table(), METADATA)
    read = store.read(tmp_path)
    assert list(read.columns) == fields.schema().names
    np.testing.assert_array_equal(read.step, [0, 1, 2])
    np.testing.assert_array_equal(read.test_loss, np.float32([0.1, np.nan, 0.05]))
    metadata = store.read_metadata(tmp_path / "unit.parquet")
    assert metadata == METADATA


@pytest.mark.parametrize("seeds", [0, 1, 3, 2000])
def test_configs_are_read_as_written_and_their_common_part_is_stored_once(
    tmp_path, seeds
):
    shared = {"dataset": "digits", "width": 3, "linearised": False, "part": 0}
    configs = [{**shared, "seed": seed, "rate": 0.1} for seed in range(seeds)]
    store.write(tmp_path, "unit", table(), {"configs": configs, "jax": "1"})
    path = tmp_path / "unit.parquet"
    assert store.read_metadata(path) == {"configs": configs, "jax": "1"}
    if seeds == 2000:
        assert path.stat().st_size < 110_000 < 2 * len(str(configs))


def test_an_empty_or_missing_folder_is_an_empty_table(tmp_path):
    assert len(store.read(tmp_path)) == 0
    assert len(store.read(tmp_path / "none")) == 0
    assert list(store.read(tmp_path).columns) == fields.schema().names


def test_a_run_in_two_files_is_taken_once(tmp_path):
    store.write(tmp_path, "one", table("a"), METADATA)
    store.write(tmp_path, "two", pd.concat([table("a"), table("b")]), METADATA)
    assert store.read(tmp_path).groupby("run_id").size().to_dict() == {"a": 3, "b": 3}


@pytest.mark.parametrize("damage", ["truncated", "empty", "other"])
def test_a_damaged_file_is_named_and_set_aside(tmp_path, damage):
    store.write(tmp_path, "good", table("a"), METADATA)
    store.write(tmp_path, "bad", table("b"), METADATA)
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


@pytest.mark.parametrize("content", [None, "good"])
def test_a_damaged_file_that_another_process_mends_is_left_to_it(
    tmp_path, monkeypatch, content
):
    """The other has set it aside, or has already written the good file again."""
    store.write(tmp_path, "unit", table(), METADATA)
    path, read = tmp_path / "unit.parquet", store.read_table
    good = path.read_bytes()
    path.write_bytes(good[:100])

    def mend_meanwhile(path):
        try:
            return read(path)
        finally:
            path.rename(tmp_path / "aside")
            if content is not None:
                path.write_bytes(good)

    monkeypatch.setattr(store, "read_table", mend_meanwhile)
    assert len(store.read(tmp_path)) == 0
    monkeypatch.undo()
    assert len(store.read(tmp_path)) == (3 if content else 0)


def test_a_file_that_is_gone_when_it_is_read_has_no_rows(tmp_path, monkeypatch):
    store.write(tmp_path, "unit", table(), METADATA)
    read = store.read_table

    def set_aside(path):
        path.rename(tmp_path / "aside")
        return read(path)

    monkeypatch.setattr(store, "read_table", set_aside)
    assert len(store.read(tmp_path)) == 0


@pytest.mark.filterwarnings("ignore:.*is damaged")
def test_no_flipped_byte_changes_a_number(tmp_path):
    store.write(tmp_path, "unit", table(), METADATA)
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
        raise OSError(28, "disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match=r"cannot write .*disk full"):
        store.write(tmp_path, "unit", table(), METADATA)
    assert len(store.read(tmp_path)) == 0
    monkeypatch.undo()
    store.prepare(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_parts_are_deleted_once_their_writer_is_gone(tmp_path):
    """Not those of a process that still writes, nor those of another machine."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = platform.node()
    names = {
        f".part-a.parquet-{here}-{gone.pid}": False,
        f".part-b.parquet-{here}-{os.getpid()}": True,
        f".part-c.parquet-{here}-1": True,
        f".part-d.parquet-elsewhere-{gone.pid}": True,
        f".part-e.parquet-{here}-x": True,
    }
    for name in names:
        (tmp_path / name).touch()
    store.prepare(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {name for name, stays in names.items() if stays}


def recorded(**changes):
    """Returns metadata of a sweep that lack an entry, or have another."""
    changed = {**METADATA, **changes}
    kept = {name: value for name, value in changed.items() if value is not ...}
    return {b"scaletime_jax": json.dumps(kept).encode()}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {b"scaletime_jax": b'{"configs'},
        {b"scaletime_jax": b"[]"},
        recorded(time=...),
        recorded(time=3),
        recorded(device_seconds="x"),
        recorded(configs=[{"dataset": "x"}]),
    ],
)
def test_a_file_without_its_metadata_is_damaged(tmp_path, metadata):
    """A sweep would count its runs, and readers of runs would refuse them."""
    store.write(tmp_path, "unit", table(), METADATA)
    path = tmp_path / "unit.parquet"
    rewrite(path, lambda rows: rows.replace_schema_metadata(metadata))
    with pytest.warns(UserWarning, match="is damaged"):
        assert len(store.read(tmp_path)) == 0
    assert not path.exists()


def test_an_unwritable_folder_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write to .*file/runs") as refused:
        store.prepare(tmp_path / "file" / "runs")
    assert "workdir" in refused.value.quantities


def rewrite(path, change):
    """Changes the Arrow table in a file, and keeps its metadata."""
    pq.write_table(change(pq.read_table(path)), path)


def test_a_file_from_a_newer_version_is_read_with_a_warning(tmp_path):
    store.write(tmp_path, "unit", table(), METADATA)
    path, expected = tmp_path / "unit.parquet", store.read(tmp_path)
    rewrite(path, lambda rows: rows.append_column("charm", [[1.0, 2.0, 3.0]]))
    with pytest.warns(UserWarning, match="newer version.*does not read 'charm'"):
        pd.testing.assert_frame_equal(store.read(tmp_path), expected)
    assert path.exists()


def test_a_column_of_another_type_is_refused_and_nothing_renamed(tmp_path):
    store.write(tmp_path, "unit", table(), METADATA)
    path = tmp_path / "unit.parquet"
    words = pa.array(["a", "b", "c"])
    rewrite(
        path,
        lambda rows: rows.set_column(rows.column_names.index("width"), "width", words),
    )
    with pytest.raises(InputError, match="column 'width' as string, where int32"):
        store.read(tmp_path)
    assert path.exists()


def test_a_file_that_may_not_be_read_is_refused_and_not_renamed(tmp_path, monkeypatch):
    store.write(tmp_path, "unit", table(), METADATA)

    def deny(path):
        raise PermissionError(13, "Permission denied")

    # root may read everything, so the mode alone would not do
    monkeypatch.setattr(pathlib.Path, "read_bytes", deny)
    with pytest.raises(InputError, match=r"unit.parquet cannot be read .Permission"):
        store.read(tmp_path)
    assert (tmp_path / "unit.parquet").exists()
