import numpy as np
import pytest
from images import random_images
from tracked import Tracked
from written import assert_can_be_written

from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.exponents import fit_power_law
from scaletime_jax.studies import drawn
from scaletime_jax.studies.feature_pool import (
    FeatureOptions,
    Spectrum,
    curve_of,
)
from scaletime_jax.studies.kernel_targets import KernelStudy, Targets, curves_of
from scaletime_jax.studies.random_features import Options, study

FEATURES = FeatureOptions([1, 2], 60, width=30, depth=2, draws=3)
OPTIONS = Options(
    FEATURES,
    sizes=[8, 16, 32],
    fixed=2,
    data_sizes=[32, 64, 100],
    feature_sizes=[32, 48, 60],
    planted=[0.5, 1.0],
    planted_sizes=[8, 16, 32],
    planted_features=200,
    planted_draws=3,
    kernel_inputs=100,
)


@pytest.mark.slow
def test_a_study_has_regimes_planted_spectra_and_kernels(float64):
    track, kept = Tracked(), {}

    def keep(name, make):
        if name not in kept:
            kept[name] = make()
        return kept[name]

    result = study(OPTIONS, random_images(), track, keep)
    assert_can_be_written(result)
    assert track.words == [
        "pool sizes",
        "pooled by 1, draws",
        "pooled by 2, draws",
        "planted spectra, draws",
        "kernels",
        "NNGP, ReLU, draws",
        "NTK, ReLU, draws",
        "NTK, erf, draws",
    ]
    assert [*kept] == ["pooled-by-1", "pooled-by-2", "planted", "kernels"]
    drawn.pack(kept)  # as parts are kept on disk
    track.words.clear()
    again = study(OPTIONS, random_images(), track, keep)
    assert track.words == ["pool sizes"] and again.summary == result.summary
    assert [pool["pool_size"] for pool in result.summary["pools"]] == [1, 2]
    assert [each["alpha"] for each in result.summary["planted"]] == [0.5, 1.0]
    assert len(result.summary["kernels"]) == 3
    # two a planted spectrum, five a pool, one a kernel
    assert len(result.claims) == 2 * 2 + 2 * 5 + 3
    counts = {name: len(rows) for name, rows in result.tables.items()}
    assert counts["variance_data"] == counts["resolution_features"] == 2 * 3
    assert counts["planted"] == 2 * 2 * 3 and counts["kernels"] == 3 * 2 * 3


def test_a_figure_stores_what_it_draws_of_a_spectrum():
    modes = np.arange(1.0, 10_001)
    values = modes**-1.7 * (modes < 9000)
    spectrum = Spectrum(values, Estimate(0.7, (0.6, 0.8)), (10, 500))
    curve = curve_of(spectrum)
    assert curve.modes[0] == 1 and curve.modes[-1] == 8999 and len(curve.modes) <= 300
    np.testing.assert_array_equal(curve.eigenvalues, values[curve.modes - 1])
    assert np.diff(np.log(curve.modes))[50:].max() < 0.1  # dense on a log axis
    assert len(drawn.pack({"spectrum": curve})) < 10_000


def test_a_figure_stores_what_it_draws_of_a_kernel():
    count = 3000
    values = np.arange(1.0, count + 1) ** -2
    values /= values.sum()
    losses = np.array([[4.0, 4.1], [2.0, 2.1], [1.0, 1.1]])
    sizes = np.array([10.0, 20.0, 40.0])
    law = fit_power_law(sizes, losses)
    teacher = Targets(losses, losses[:, 0], law, np.ones(count))
    labels = teacher._replace(moments=np.arange(1.0, count + 1))
    curves = curves_of(KernelStudy("planted", sizes, values, teacher, labels))
    share = 1 - np.cumsum(values)
    np.testing.assert_array_equal(curves.share_beyond, share[curves.modes - 1])
    assert curves.share_beyond[-1] > 1e-4 > share[curves.modes[-1]]
    np.testing.assert_allclose(curves.teacher.moments, 1)
    # arithmetic means of bins are a little above geometric ones
    ratio = curves.labels.moments / curves.labels.modes
    assert ratio.min() >= 1 - 1e-12 and ratio.max() < 1.03
    assert curves.labels.exponent == pytest.approx(law.exponent.value)
    assert len(drawn.pack({"kernel": curves})) < 20_000
