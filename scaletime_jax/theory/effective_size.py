"""The effective size p of a network, which enters the progress p t."""

import jax.numpy as jnp


def cube_root_size(num_params):
    """Returns the effective size p = num_params^{1/3} [BF24, App. B].

    Args:
        num_params: [...] trainable parameters, > 0.

    Returns:
        [...] effective size, as a number of training points that can be fitted.
    """
    return jnp.cbrt(jnp.asarray(num_params, float))
