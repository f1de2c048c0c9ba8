import pytest

from scaletime_jax.sweep.provenance import summarise, versions

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
    summary = summarise([late, early], {"a", "b", "c", "z"})
    assert summary["device_seconds"] == pytest.approx(10 + 4 / 4)
    assert summary["trained"] == ["2026-01-01", "2026-01-02"]
    assert summary["jax"] == ["0.7.0", "0.8.0"] and summary["device"] == ["2 x cpu"]


def test_versions_are_those_of_a_units_metadata():
    assert set(UNIT) <= set(versions()) and "cpu" in versions()["device"].lower()
