import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.cnn import CNN
from scaletime_jax.models.initializers import make_layer_init
from scaletime_jax.models.mlp import MLP

SHAPE, FAN_IN, FAN_OUT = (400, 250), 400, 250  # a hundred thousand draws


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("pytorch", 1 / (3 * FAN_IN)),
        ("lecun", 1 / FAN_IN),
        ("he", 2 / FAN_IN),
        ("ntk", 2 / FAN_IN),
        ("glorot", 2 / (FAN_IN + FAN_OUT)),
    ],
)
def test_kernel_variance(name, variance):
    """The variance of the kernel that multiplies inputs, the gain included."""
    init = make_layer_init(name, FAN_IN, FAN_OUT)
    kernel = init.gain * init.kernel(jax.random.key(0), SHAPE, jnp.float32)
    # the variance of 100,000 draws is known to 0.45% for normals: 4 s.e.m.
    assert np.var(kernel) == pytest.approx(variance, rel=0.018)
    assert abs(np.mean(kernel)) < 4 * np.sqrt(variance / kernel.size)


def test_pytorch_draws_biases_like_kernels_and_bounds_both():
    init = make_layer_init("pytorch", FAN_IN, FAN_OUT)
    for draw in (init.kernel, init.bias):
        values = np.asarray(draw(jax.random.key(1), SHAPE, jnp.float32))
        assert np.abs(values).max() <= FAN_IN**-0.5
        assert np.abs(values).max() > 0.999 * FAN_IN**-0.5


@pytest.mark.parametrize("name", ["lecun", "he", "ntk", "glorot"])
def test_other_biases_start_at_zero(name):
    bias = make_layer_init(name, FAN_IN, FAN_OUT).bias(
        jax.random.key(0), (5,), jnp.float32
    )
    np.testing.assert_array_equal(bias, np.zeros(5))


@pytest.mark.parametrize("make", [MLP, CNN])
def test_each_layer_is_scaled_by_its_own_fan_in(make):
    init = jax.jit(make(width=4).init)
    params = init(jax.random.key(0), jnp.zeros((1, 28, 28, 1)))["params"]
    for layer in params.values():
        bound = (layer["kernel"].size / layer["bias"].size) ** -0.5
        assert 0.9 * bound < np.abs(layer["kernel"]).max() <= bound
        # fewer biases: the largest of n uniform draws is above bound 0.01^(1/n) in 99%
        n = layer["bias"].size
        assert bound * 0.001 ** (1 / n) < np.abs(layer["bias"]).max() <= bound
