from scaletime_jax.sweep.provenance import versions


def test_versions_are_those_of_a_units_metadata():
    assert {"scaletime_jax", "git_commit", "jax", "device"} <= set(versions())
    assert "cpu" in versions()["device"].lower()
