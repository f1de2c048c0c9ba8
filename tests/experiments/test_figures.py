"""Shipped figures drawn again from their stored numbers."""

import shutil

import pytest
from scripts import ROOT, call
from shell import child, stored

from scaletime_jax.errors import InputError
from scaletime_jax.plotting.draw import draw

THEORY = (
    "duality",
    "kernel_scale",
    "linear_dynamics",
    "linear_tradeoff",
    "manifold_bounds",
    "random_features",
    "subspace",
)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A copy of what is shipped of one figure, which a test may change."""
    folder = tmp_path / "shipped"
    shutil.copytree(stored.SHIPPED / "linear_tradeoff", folder / "linear_tradeoff")
    monkeypatch.setattr(stored, "SHIPPED", folder)
    return folder


@pytest.mark.parametrize("name", THEORY)
def test_shipped_numbers_draw_a_figure_and_are_small(name):
    path = stored.SHIPPED / name / f"{name}.npz"
    first, *_ = draw(name, stored.read_numbers(path))
    assert (
        first.name == name
        and len(first.figure.axes) > 1
        and path.stat().st_size < 300_000
    )


def test_a_figure_is_drawn_beside_a_copy_of_its_numbers(tmp_path):
    stored.draw_again("subspace", tmp_path)
    folder, source = tmp_path / "subspace", stored.SHIPPED / "subspace"
    names = {path.name for path in source.iterdir()}
    assert {path.name for path in folder.iterdir()} == names
    for name in {name for name in names if not name.endswith((".png", ".svg"))}:
        assert (folder / name).read_bytes() == (source / name).read_bytes()


def test_in_its_own_folder_only_the_picture_is_new(shipped):
    folder = shipped / "linear_tradeoff"
    (folder / "linear_tradeoff.png").unlink()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.csv")}
    stored.draw_again("linear_tradeoff", shipped)
    assert (folder / "linear_tradeoff.png").stat().st_size > 10_000
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_numbers_that_are_damaged_or_gone_are_computed_anew(shipped, tmp_path):
    path = shipped / "linear_tradeoff/linear_tradeoff.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        InputError, match=r"linear_tradeoff.npz: .* again with --recompute"
    ):
        stored.draw_again("linear_tradeoff", tmp_path / "new")
    path.unlink()
    with pytest.raises(
        InputError, match=r"linear_tradeoff.npz cannot be read .*recompute"
    ):
        stored.draw_again("linear_tradeoff", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def script(folder, monkeypatch, text):
    """A script of the experiments' folder, by name."""
    monkeypatch.setattr(child, "ROOT", folder)
    (folder / "experiments").mkdir()
    (folder / "experiments/little.py").write_text(text)
    return "little"


def test_a_scripts_progress_is_passed_on_up_to_what_it_wrote(
    tmp_path, monkeypatch, capsys
):
    text = "import sys; print('half', sys.argv[1]); print(); print('claim'); "
    text += "print('Wrote all'); print('Next')"
    child.call(script(tmp_path, monkeypatch, text), "--flag")
    said = capsys.readouterr().out.splitlines()
    assert said == ["little: half --flag", "little: Wrote all"]


def test_a_script_that_fails_says_why(tmp_path, monkeypatch):
    name = script(
        tmp_path, monkeypatch, "print(1); raise SystemExit('error: no wind.')"
    )
    with pytest.raises(InputError, match=r"little.py --x failed: error: no wind\."):
        child.call(name, "--x")


@pytest.mark.parametrize("recompute", [False, True])
def test_a_dry_run_names_every_result(tmp_path, recompute):
    done = call("figures", "--dry_run", f"--recompute={recompute}")
    flagfiles = ROOT / "experiments/flagfiles"
    names = {path.name for path in flagfiles.iterdir()}
    further = {
        f"{path.parent.name} with {path.name}"
        for path in flagfiles.glob("*/*_shipped.flags")
    }
    first, *others = done.stdout.splitlines()
    assert f"draws {len(names) + len(further)} results into" in first
    assert {line.split()[0] for line in others} == names
    assert {*others[len(names) :]} == further
    how = "with laptop.flags" if recompute else "as stored"
    assert {f"{name} {how}" for name in THEORY} <= set(others)
