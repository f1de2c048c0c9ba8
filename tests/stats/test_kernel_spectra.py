import numpy as np
import pytest

from scaletime_jax.stats.kernel_spectra import measure_kernel


def test_numbers_of_planted_directions():
    """Three equal directions across examples, and a common part that is centred out."""
    n, rng = 12, np.random.default_rng(0)
    across = np.linalg.qr(np.c_[np.ones(n), rng.normal(size=(n, 3))])[0][:, 1:]
    found = measure_kernel(7.0 * across @ across.T + 100.0)
    assert found.dimension == pytest.approx(3)
    assert found.top == pytest.approx(7 / n)
    assert found.square == pytest.approx(100 + 7 * 3 / n)


def test_one_direction_and_none():
    x = np.array([1.0, -1.0, 0.0])
    assert measure_kernel(np.outer(x, x)).dimension == pytest.approx(1)
    none = measure_kernel(np.ones((3, 3)))
    assert np.isnan(none.dimension) and none.top == pytest.approx(0, abs=1e-12)
