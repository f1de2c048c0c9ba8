"""Parts of long work are kept until the work ends."""

from typing import NamedTuple

import numpy as np
import pytest
from shell.parts import Parts

from scaletime_jax.keep import Keep, forget
from scaletime_jax.stats.estimates import Estimate


class Options(NamedTuple):
    sizes: list[int]
    name: str | None = None


MADE = {"losses": np.arange(6.0).reshape(2, 3) / 7, "law": Estimate(0.1, (0.0, 1 / 3))}


def kept(folder, *made_from):
    """Returns a part made from something, and whether it was made anew."""
    made = []

    def make():
        made.append(True)
        return MADE

    part = Parts(folder, *made_from)("pooled-by-2", make)
    np.testing.assert_array_equal(part["losses"], MADE["losses"])
    assert part["law"] == MADE["law"]
    return bool(made)


def test_a_part_is_made_once_for_the_same_options_and_images(tmp_path, capsys):
    folder, images = tmp_path / "study" / "parts", np.ones((2, 3))
    assert kept(folder, Options([1, 2]), images)
    assert capsys.readouterr().err == ""
    assert not kept(folder, Options([1, 2]), images.copy())
    assert "pooled-by-2" in capsys.readouterr().err
    for other in (
        (Options([1, 3]), images),
        (Options([1, 2], "relu"), images),
        (Options([1, 2]), images * 2),
        (Options([1, 2]), images.reshape(3, 2)),
        (Options([1, 2]), images.astype(np.float32)),
    ):
        assert kept(folder, *other)


def test_a_damaged_part_is_made_again(tmp_path):
    assert kept(tmp_path, 1)
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(file.read_bytes()[:-40])
    assert kept(tmp_path, 1) and not kept(tmp_path, 1)


def test_an_error_keeps_no_part(tmp_path):
    parts = Parts(tmp_path, 1)
    with pytest.raises(ZeroDivisionError):
        parts("planted", lambda: 1 / 0)
    assert not [*tmp_path.iterdir()]


def test_ended_work_deletes_its_own_parts(tmp_path):
    folder = tmp_path / "parts"
    one, other = Parts(folder, 1), Parts(folder, 2)
    for parts in (one, other):
        parts("planted", lambda: 1.0)
    one.clear()
    assert len([*folder.iterdir()]) == 1
    other.clear()
    assert not folder.exists()


def test_parts_and_forgetting_are_the_same_to_a_study(tmp_path):
    assert isinstance(Parts(tmp_path), Keep) and isinstance(forget, Keep)
    assert forget("planted", lambda: 3) == 3
