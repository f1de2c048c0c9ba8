from scaletime_jax.words import count_of


def test_one_has_no_s():
    assert count_of(1, "size") == "1 size"
    assert count_of(0, "size") == "0 sizes"
    assert count_of(12_345, "run") == "12,345 runs"
    assert count_of(2, "axis", "axes") == "2 axes"
