import jax
import jax.numpy as jnp

from scaletime_jax.models.cnn import CNN
from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import Network, Variables, from_flax
from scaletime_jax.sweep.cost import network_cost


def test_mlp_flops_are_two_a_weight():
    cost = network_cost(from_flax(MLP(3)), (28, 28, 1))
    weights = 784 * 30 + 4 * 30 * 30 + 30 * 10
    assert cost.num_params == weights + 5 * 30 + 10
    assert cost.forward_flops == 2 * weights
    # forth, and back to weights and inputs, but not to the image
    assert cost.step_flops == 3 * 2 * weights - 2 * 784 * 30


def test_cnn_flops_are_two_a_weight_and_position():
    positions = [13**2, 11**2, 5**2, 3**2, 1, 1]
    channels, sizes = [1, 5, 10, 20, 40, 80, 80], [3, 3, 3, 3, 3, 1]
    layers = zip(channels, channels[1:], sizes, positions, strict=False)
    expected = sum(2 * c * f * k * k * n for c, f, k, n in layers) + 2 * 80 * 10
    for method in ("patches", "lax"):
        cost = network_cost(from_flax(CNN(1, method=method)), (28, 28, 1))
        assert cost.forward_flops == expected
        if method == "patches":
            assert cost.step_flops == 3 * expected - 2 * 5 * 9 * 13**2


def test_memory_counts_what_grows_with_the_batch():
    """Weights reshaped or transposed on the way are not activations."""
    cost = network_cost(from_flax(MLP(3)), (28, 28, 1))
    outputs = 4 * (784 + 5 * 30 + 10)
    assert outputs <= cost.activation_bytes <= 8 * outputs


def test_the_step_of_a_scan_counts_as_often_as_it_is_taken():
    def init(key, inputs):
        return Variables(jnp.ones((7, 7)), ())

    def apply(variables, inputs, train):
        def step(state, x):
            return jnp.tanh((state + x[:, None]) @ variables.params), None

        start = jnp.zeros((len(inputs), 7))
        return jax.lax.scan(step, start, inputs.T)[0], variables

    cost = network_cost(Network(init, apply), (5,))
    assert cost.forward_flops == 5 * 2 * 7 * 7
    assert cost.activation_bytes >= 5 * 3 * 4 * 7  # sum, product and tanh
