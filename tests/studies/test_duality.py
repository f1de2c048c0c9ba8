import pytest
from images import random_images
from tracked import Tracked
from written import assert_can_be_written

from scaletime_jax.studies.duality import Options, study
from scaletime_jax.studies.feature_pool import FeatureOptions

FEATURES = FeatureOptions([1, 2], 100, width=30, depth=2, draws=3)


@pytest.mark.slow
def test_a_study_has_two_pairs_of_curves_a_panel(float64):
    track = Tracked()
    options = Options(FEATURES, [10, 20], [5, 10, 30], [1.0, 100.0])
    result = study(options, random_images(), track)
    assert_can_be_written(result)
    draws = ["10 fixed, draws", "20 fixed, draws"]
    assert track.words == ["pool sizes", *draws, *draws]
    found = [
        (curve["pool_size"], curve["fixed"], curve["ridge"])
        for curve in result.summary["curves"]
    ]
    assert found == [(p, m, r) for p in (1, 2) for m in (10, 20) for r in (1, "tuned")]
    for claim, (pool_size, fixed, _) in zip(result.claims, found, strict=True):
        assert claim.setting["pooled by"] == pool_size
        assert claim.setting["fixed"] == fixed and claim.setting["dataset"] == "random"
    # curves over data and over features, at each of three sizes
    assert len(result.tables["duality"]) == 8 * 2 * 3
    for curve in result.summary["curves"]:
        assert curve["largest_error_of_exact_exchange"] < 1e-8
