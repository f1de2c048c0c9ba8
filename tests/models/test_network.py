import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import (
    Variables,
    from_flax,
    last_inputs,
    linearise,
)
from scaletime_jax.models.pooled_cnn import PooledCNN
from scaletime_jax.models.wide_resnet import WideResNet

INPUTS = jax.random.normal(jax.random.key(0), (6, 4))


class Counter(nn.Module):
    """A layer with a state, that takes `train` or does not."""

    @nn.compact
    def __call__(self, x):
        calls = self.variable("counts", "calls", lambda: jnp.zeros(()))
        if self.is_mutable_collection("counts") and not self.is_initializing():
            calls.value += 1
        return nn.Dense(2)(x)


class Normed(nn.Module):
    """A layer and BatchNorm."""

    @nn.compact
    def __call__(self, x, train):
        return nn.BatchNorm(use_running_average=not train)(nn.tanh(nn.Dense(2)(x)))


def test_a_module_without_state_is_its_own_apply():
    model, key = MLP(1), jax.random.key(1)
    network = from_flax(model)
    variables = network.init(key, INPUTS)
    assert variables.state == {}
    expected = model.apply(model.init(key, INPUTS), INPUTS)
    for train in (True, False):
        outputs, after = network.apply(variables, INPUTS, train)
        np.testing.assert_array_equal(outputs, expected)
        assert after == variables


def test_state_changes_in_training_only():
    """Whether or not the module takes `train`: here it does not."""
    network = from_flax(Counter())
    variables = network.init(jax.random.key(1), INPUTS)
    for train, calls in ((False, 0), (True, 1)):
        _, after = network.apply(variables, INPUTS, train)
        assert float(after.state["counts"]["calls"]) == calls
        assert after.params is variables.params


def test_the_flag_train_reaches_the_module():
    network = from_flax(Normed())
    variables = network.init(jax.random.key(1), INPUTS)
    trained, after = network.apply(variables, INPUTS, True)
    np.testing.assert_allclose(trained.mean(0), 0, atol=1e-6)  # of the batch itself
    evaluated, same = network.apply(variables, INPUTS, False)
    assert np.abs(evaluated.mean(0)).max() > 0.01  # by means of zero, the initial ones
    mean = after.state["batch_stats"]["BatchNorm_0"]["mean"]
    assert np.abs(mean).max() > 0
    assert not np.any(same.state["batch_stats"]["BatchNorm_0"]["mean"])


def test_the_linearised_network_is_the_tangent():
    """Its error against the network falls with the square of the distance."""
    network = from_flax(Normed())
    tangent = linearise(network)
    key = jax.random.key(1)
    start = tangent.init(key, INPUTS)
    original = network.init(key, INPUTS)
    direction = jax.tree.map(
        lambda x: jax.random.normal(jax.random.key(2), x.shape), start.params
    )

    def moved(distance):
        params = jax.tree.map(lambda x, d: x + distance * d, start.params, direction)
        exact, _ = network.apply(Variables(params, original.state), INPUTS, False)
        linear, after = tangent.apply(start._replace(params=params), INPUTS, True)
        assert after.state is start.state
        return np.asarray(exact, float), np.asarray(linear, float)

    exact, linear = moved(0.0)
    np.testing.assert_array_equal(linear, exact)
    errors = [np.abs(np.subtract(*moved(d))).max() for d in (0.2, 0.1, 0.05)]
    assert errors[-1] > 1e-4  # above float32's rounding, and the network does bend
    slopes = np.diff(np.log(errors)) / np.log(0.5)
    np.testing.assert_allclose(slopes, 2, atol=0.3)
    # in its own parameters it is exactly linear: rounding of order 1e-7
    middle, ends = moved(0.5)[1], (moved(0.0)[1] + moved(1.0)[1]) / 2
    np.testing.assert_allclose(middle, ends, atol=2e-6)


@pytest.mark.parametrize(
    "module", [MLP(2, 3), PooledCNN(2, 3), WideResNet(4, 3)], ids=lambda m: type(m)
)
def test_the_last_layer_on_its_inputs_gives_the_outputs(module):
    images = jax.random.normal(jax.random.key(0), (5, 20, 20, 1))
    network = from_flax(module)
    variables = network.init(jax.random.key(1), images)
    hidden = last_inputs(module, variables, images)
    layers = [each for each in variables.params if each.startswith("Dense")]
    last = variables.params[max(layers, key=lambda name: int(name.split("_")[1]))]
    outputs, _ = network.apply(variables, images, False)
    assert hidden.shape[0] == 5
    np.testing.assert_allclose(
        hidden @ last["kernel"].T + last["bias"], outputs, rtol=1e-5, atol=1e-5
    )
