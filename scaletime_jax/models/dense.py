"""A dense layer whose batch is innermost."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from scaletime_jax.models.initializers import make_layer_init


class Dense(nn.Module):
    """An affine map of every column of [inputs, batch].

    The kernel is [features, inputs], so that the three products of a step read and
    write along contiguous rows. On two CPU cores, whole training steps of the MLP are
    faster than with Flax's [batch, inputs] @ [inputs, features]: 1.6 times at width 1,
    1.4 at 5, 1.1 at 10, and equal within 5% at 20 and 50.

    Attributes:
        features: number of outputs.
        initializer: one of `initializers.INITS`.
        use_bias: whether a number is added to each output.
    """

    features: int
    initializer: str = "pytorch"
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "inputs batch"]) -> Float[Array, "f batch"]:
        """Returns gain kernel @ x + bias; the gain is 1 except for 'ntk'."""
        inputs = x.shape[0]
        init = make_layer_init(self.initializer, inputs, self.features)

        def make_kernel(key):
            return init.kernel(key, (inputs, self.features), jnp.float32).T

        kernel = self.param("kernel", make_kernel)
        product = kernel @ x
        if init.gain != 1:
            product = init.gain * product
        if not self.use_bias:
            return product
        bias = self.param("bias", init.bias, (self.features,), jnp.float32)
        return product + bias[:, None]
