import pathlib

import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import read_runs, summarise_units
from scaletime_jax.sweep.config import RunConfig

SHIPPED = pathlib.Path(__file__).parents[2] / "experiments/results/runs"

UNIT = {
    "scaletime_jax": "0.1.0",
    "git_commit": None,
    "jax": "0.7.0",
    "device": "2 x cpu",
}


def test_units_add_up_by_the_share_of_their_runs():
    early = {**UNIT, "time": "2026-01-01", "wall_seconds": 10.0, "run_ids": ["a", "b"]}
    late = {**UNIT, "time": "2026-01-02", "wall_seconds": 1.0, "device_seconds": 4.0}
    late |= {"run_ids": ["c", "d", "e", "f"], "jax": "0.8.0"}
    summary = summarise_units([late, early], {"a", "b", "c", "z"})
    assert summary["device_seconds"] == pytest.approx(10 + 4 / 4)
    assert summary["trained"] == ["2026-01-01", "2026-01-02"]
    assert summary["jax"] == ["0.7.0", "0.8.0"] and summary["device"] == ["2 x cpu"]


@pytest.fixture(scope="module")
def shipped():
    return read_runs(SHIPPED)


def test_runs_are_shown_in_a_line(shipped):
    said = "Runs: 1,580 runs on cifar10_jpeg, mnist, 13 sizes, 184,720 evaluations"
    assert f"{shipped}" == repr(shipped) == said


def test_all_shipped_tables_are_read_with_their_ids(shipped):
    assert len(shipped.metadata) == len(list(SHIPPED.glob("*.parquet"))) == 168
    ids = {run for unit in shipped.metadata for run in unit["run_ids"]}
    assert ids == set(shipped.table.run_id) and len(ids) == shipped.num_runs
    assert not shipped.are_logs


def test_shipped_ids_follow_from_their_configs(shipped):
    """Tables trained before a field was added are still found by a sweep."""
    for unit in shipped.metadata:
        made = {RunConfig(**config).run_id for config in unit["configs"]}
        assert made == set(unit["run_ids"])


def test_a_selection_keeps_its_units_and_says_what_its_grid_lacks(shipped):
    some = shipped.select({"dataset": ["mnist"], "architecture": ["cnn"]})
    assert set(some.table.architecture) == {"cnn"}
    assert len(some.metadata) < len(shipped.metadata)
    assert some.record["count"] == some.num_runs and some.made_by["device"]
    assert some.gaps == []
    [gap] = shipped.select({"optimizer": ["sgd"], "seed": [101, 999]}).gaps[:1]
    assert gap.num_runs > 0 and "999" in gap.trained_by["seed"]


def test_the_loss_of_guessing_is_the_threshold_unless_one_is_given(shipped):
    assert shipped.thresholds() == {"mnist": 0.09, "cifar10_jpeg": 0.09}
    assert set(shipped.thresholds(0.05).values()) == {0.05}


def test_logs_do_not_say_what_guessing_costs():
    logs = read_runs(SHIPPED.parents[1] / "examples/sklearn_digits.csv")
    assert logs.are_logs
    with pytest.raises(InputError, match="logs do not contain the") as refused:
        logs.thresholds()
    assert "threshold" in refused.value.quantities
    with pytest.raises(InputError, match="lack the column 'label_noise', which it"):
        logs.require(["num_params", "label_noise"], "it")
