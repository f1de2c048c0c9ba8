import numpy as np

from scaletime_jax.theory.effective_size import cube_root_size


def test_cube_root():
    sizes = cube_root_size(np.array([1, 8, 1000, 8400]))
    np.testing.assert_allclose(
        sizes, np.array([1, 8, 1000, 8400]) ** (1 / 3), rtol=1e-6
    )
