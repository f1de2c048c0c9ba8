import contextlib

import jax


@contextlib.contextmanager
def double_precision():
    """Gives JAX 64 bits for a while; `jax.enable_x64` is not in all versions."""
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", False)
