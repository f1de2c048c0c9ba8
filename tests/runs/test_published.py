"""Published curves: what is read of them, and that it is what was published."""

import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.runs.published import FOLDER, PUBLISHED, load_published


@pytest.mark.parametrize(
    ("name", "runs", "unit", "sizes"),
    [
        ("datablations", 159, "epoch", (7_098_752, 8_670_000_000)),
        ("datablations_curves", 47, "epoch", (2_810_000_000, 8_670_000_000)),
        ("gemstones", 22, "tokens", (48_000_000, 2_010_000_000)),
        ("olmo_ladder", 5, "tokens", (190_354_176, 3_169_537_280)),
    ],
)
def test_runs_and_their_time(name, runs, unit, sizes):
    found = load_published(name)
    assert found.num_runs == runs and found.clock.unit == unit
    assert found.record["logs"] == [f"published:{name}"]  # no path of a machine
    lowest, highest = found.table.num_params.min(), found.table.num_params.max()
    np.testing.assert_allclose((lowest, highest), sizes, rtol=0.02)
    assert not found.table.diverged.any() and (found.table.test_loss < 15).all()


def test_numbers_that_were_published():
    """With 0.1B tokens 619M parameters after 220 epochs are worse than after fewer."""
    table = load_published("datablations").table
    mine = table[(table.train_size == 1e8) & (table.num_params.between(6e8, 6.5e8))]
    last = mine.sort_values("epoch").iloc[-1]
    assert last.test_loss == pytest.approx(6.84, abs=0.005)
    assert last.epoch == pytest.approx(220, rel=0.02)
    assert table[table.train_size == 1e8].test_loss.min() == pytest.approx(3.718, 1e-3)


def test_of_the_ladder_only_ends_are_compared():
    runs = load_published("olmo_ladder")
    assert len(runs.table) == 25 and "only the ends of 25 runs" in runs.notes[0]


def test_all_are_named_and_described():
    assert sorted(path.stem for path in FOLDER.glob("*.parquet")) == sorted(PUBLISHED)
    said = (FOLDER / "README.md").read_text()
    assert all(f"`{name}`" in said for name in PUBLISHED)
    with pytest.raises(InputError, match=r"'gemstone'; there are .*gemstones"):
        load_published("gemstone")
