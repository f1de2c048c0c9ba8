import jax.numpy as jnp
import numpy as np

from scaletime_jax.theory.linear_model import expected_squared_error
from scaletime_jax.theory.unified_law import squared_error

TAU = np.geomspace(0.1, 1e4, 60)


def test_the_law_is_the_linear_models_at_progress():
    rng = np.random.default_rng(0)
    rates = jnp.array([0.0, 0.1, 2.0])
    a, b = jnp.asarray(rng.normal(size=(2, 3, 3)))
    law = squared_error(3 * jnp.asarray(TAU), rates, a @ a.T, b @ b.T, 0.1)
    linear = expected_squared_error(
        3 * jnp.asarray(TAU), jnp.sqrt(rates), a @ a.T, b @ b.T, 0.1
    )
    np.testing.assert_allclose(law, linear, rtol=1e-12)
