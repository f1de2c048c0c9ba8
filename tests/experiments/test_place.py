"""No result takes another one's place, and no file of an older result stays."""

import json

import matplotlib
import pytest
from absl import flags
from shell import results
from shell.place import result_folder

from scaletime_jax.studies import linear_tradeoff
from scaletime_jax.studies.linear_tradeoff import Options

matplotlib.use("Agg")
SMALL = Options((10, 20), (1000, 2000), (0.1,), 1e-5, seeds=(1,))
GIVEN = {"optimizer": "sgd", "widths": ["1", "2"], "workdir": "here"}


@pytest.fixture(autouse=True)
def known_flags(monkeypatch):
    """Flags with their defaults, as a script has them."""
    known = flags.FlagValues()
    for name, value in {**GIVEN, "optimizer": "sgd", "seeds": "1", "epochs": 1}.items():
        flags.DEFINE_string(name, str(value), "", flag_values=known)
    monkeypatch.setattr(flags, "FLAGS", known)


def write(folder, **given):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(json.dumps({"flags": given}))


def test_the_first_result_has_the_plain_folder(tmp_path):
    plain = tmp_path / "tradeoff"
    assert result_folder(tmp_path, "tradeoff", GIVEN) == plain
    plain.mkdir()
    assert result_folder(tmp_path, "tradeoff", GIVEN) == plain  # half written
    (plain / "summary.json").write_text("{")
    assert result_folder(tmp_path, "tradeoff", GIVEN) == plain  # damaged


def test_the_same_flags_have_the_same_folder(tmp_path):
    write(tmp_path / "tradeoff", **GIVEN)
    again = {**GIVEN, "workdir": "elsewhere", "checkpoint_minutes": 1.0}
    assert result_folder(tmp_path, "tradeoff", again) == tmp_path / "tradeoff"


def test_another_result_is_called_by_what_differs(tmp_path):
    write(tmp_path / "tradeoff", **GIVEN)
    other = {**GIVEN, "optimizer": "adam", "widths": ["1", "5"]}
    folder = result_folder(tmp_path, "tradeoff", other)
    assert folder == tmp_path / "tradeoff/optimizer=adam,widths=1-5"
    longer = result_folder(tmp_path, "tradeoff", {"epochs": 5, **other})
    assert longer.name == "optimizer=adam,epochs=5,widths=1-5"
    path = result_folder(tmp_path, "tradeoff", {**GIVEN, "optimizer": "../x y"})
    assert path == tmp_path / "tradeoff/optimizer=..-x-y"
    listed = result_folder(
        tmp_path, "tradeoff", {**GIVEN, "widths": ["a=/b/c", "1e-3"]}
    )
    assert listed == tmp_path / "tradeoff/widths=a-b-c-1e-3"


def test_a_flag_that_an_older_version_did_not_have_had_its_default(tmp_path):
    write(tmp_path / "tradeoff", **GIVEN)
    same, other = {**GIVEN, "seeds": "1"}, {**GIVEN, "seeds": "2"}
    assert result_folder(tmp_path, "tradeoff", same) == tmp_path / "tradeoff"
    assert result_folder(tmp_path, "tradeoff", other).name == "seeds=2"


def test_long_differences_have_short_and_distinct_names(tmp_path):
    write(tmp_path / "tradeoff", **GIVEN)
    names = set()
    for last in range(3):
        seeds = [str(seed) for seed in (*range(100, 140), last)]
        folder = result_folder(tmp_path, "tradeoff", {**GIVEN, "seeds": seeds})
        names.add(folder.name)
        assert len(folder.name) <= 60 and folder.name.startswith("seeds=100-101")
    assert len(names) == 3


@pytest.fixture(scope="module")
def result():
    return linear_tradeoff.study(SMALL)


def test_files_of_the_last_result_that_are_no_more_are_deleted(tmp_path, result):
    names = results.write_result(tmp_path, result, {})
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    (tmp_path / "mine.csv").write_text("kept")
    fewer = result._replace(tables={"paper": result.tables["paper"]})
    left = results.write_result(tmp_path, fewer, {})
    assert set(names) - set(left) == {"large.csv"}
    assert {path.name for path in tmp_path.iterdir()} == {*left, "mine.csv"}


def test_only_files_of_the_folder_are_deleted(tmp_path, result):
    outside = tmp_path / "outside.csv"
    outside.write_text("kept")
    folder = tmp_path / "tradeoff"
    folder.mkdir()
    files = {"files": ["../outside.csv", str(outside)]}
    (folder / "summary.json").write_text(json.dumps(files))
    results.write_result(folder, result, {})
    assert outside.read_text() == "kept"
