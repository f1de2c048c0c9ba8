import numpy as np

from scaletime_jax.theory.effective_size import cube_root_size


def test_a_thousand_times_the_parameters_is_ten_times_the_size():
    np.testing.assert_allclose(cube_root_size(np.array([8.0, 8000.0])), [2, 20])
