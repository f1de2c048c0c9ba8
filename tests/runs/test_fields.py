"""Every field from one tuple; a field that is added breaks no table and no id."""

import dataclasses

import pandas as pd
import pyarrow as pa
import pytest
from grids import CONFIG, METADATA

from scaletime_jax.runs import fields, store
from scaletime_jax.runs.fields import Field, Role, Split
from scaletime_jax.sweep.config import RunConfig

CHARM = Field("charm", pa.float64(), Role.LANE, "a new number", 0.5, Split.SETTING)


@pytest.fixture
def charm(monkeypatch):
    """A version with one more field, and its config."""
    monkeypatch.setattr(fields, "FIELDS", (*fields.FIELDS, CHARM))
    return dataclasses.make_dataclass(
        "Config", [("charm", float, 0.5)], bases=(RunConfig,), frozen=True
    )


def rows(**columns):
    kinds = {str: "x", int: 1, float: 0.5, bool: False}
    row = {field.name: kinds[field.kind] for field in fields.columns()}
    return pd.DataFrame([row | columns])


def test_a_config_has_the_configured_fields():
    names = {field.name for field in fields.FIELDS if field.configured}
    assert names == {field.name for field in dataclasses.fields(RunConfig)}


def test_fields_with_a_default_have_the_configs():
    for field in dataclasses.fields(RunConfig):
        [known] = [each for each in fields.FIELDS if each.name == field.name]
        missing = field.default is dataclasses.MISSING
        assert missing == (known.default is fields.NEEDED)
        assert missing or field.default == known.default


def test_an_old_table_is_read_in_full_with_the_default(tmp_path, request):
    store.write(tmp_path, "old", rows(), METADATA)
    before = store.read(tmp_path)
    request.getfixturevalue("charm")
    after = store.read(tmp_path)
    assert list(after.charm) == [0.5]
    pd.testing.assert_frame_equal(after.drop(columns="charm"), before)


def test_an_old_id_stands_and_a_new_value_gives_a_new_one(charm):
    values = dataclasses.asdict(CONFIG)
    assert charm(**values).run_id == CONFIG.run_id == "59072294b0d7700d"
    assert charm(**values, charm=0.7).run_id != CONFIG.run_id
    # a lane: runs that differ in it share a program
    assert charm(**values, charm=0.7).shape == charm(**values).shape


def test_rows_without_the_new_column_are_written_with_the_default(tmp_path, charm):
    store.write(tmp_path, "new", rows().drop(columns="charm"), METADATA)
    assert list(store.read(tmp_path).charm) == [0.5]


def test_a_new_field_is_a_setting_only_where_it_differs(charm):
    same = rows(charm=0.5)
    assert "charm" not in fields.setting_of(same)
    both = pd.concat([same, rows(charm=0.7)])
    assert fields.setting_of(both)[-1] == "charm"
    assert "charm" in fields.axes_of(both) and "charm" not in fields.axes_of(same)
    assert "charm" in fields.lanes()


def test_words_leave_out_what_is_not_known():
    known = {"dataset": "mnist", "optimizer": None, "label_noise": 0.25, "width": 3}
    assert fields.describe(known) == "mnist, label_noise 0.25, width 3"


def test_large_numbers_read_well_and_stay_different():
    told = [fields.describe({"train_size": n}) for n in (20_000, 1e8, 12_345_678)]
    assert told == ["train_size 20000", "train_size 100M", "train_size 12,345,678"]
