"""Numbers of single steps, against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import Network, Variables, from_flax
from scaletime_jax.training.batching import TrainData, epochs, full_batch
from scaletime_jax.training.descent import make_descend, make_measure
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import make_task, regression
from scaletime_jax.training.train import make_fit, make_train

STEPS = (0, 1, 2, 5, 9)
TOTAL = 12


@pytest.fixture(scope="module")
def data(digits):
    return TrainData(
        jnp.asarray(digits.train_images[:100]),
        jnp.arange(64),
        jnp.asarray(digits.train_labels[:64]),
        jnp.asarray(digits.test_images[:23]),
        jnp.asarray(digits.test_labels[:23]),
    )


def descend(optimizer, data, rate, sampler=None, steps=STEPS):
    network, task = from_flax(MLP(width=1)), make_task("mse")
    how = make_optimizer(optimizer), steps, TOTAL, sampler or epochs(16)
    found = jax.jit(make_descend(network, task, *how))
    return found(jax.random.key(3), Hyper(jnp.float32(rate)), data)


def test_the_steps_are_those_of_the_run(data):
    """The loss before each measured step is the test loss that the run records."""
    network, task = from_flax(MLP(width=1)), make_task("mse")
    train = make_train(network, task, make_optimizer("adam"), (*STEPS, 12), epochs(16))
    curves = jax.jit(train)(jax.random.key(3), Hyper(jnp.float32(0.01)), data)
    found = descend("adam", data, 0.01)
    np.testing.assert_allclose(found.loss, curves.test_loss[:-1], rtol=1e-5)


def test_a_short_step_descends_by_its_first_order(data):
    """The rest is of second order: a tenth of the rate has a tenth of the share."""
    shares = []
    for rate in (0.1, 0.01):
        found = descend("sgd", data, rate, full_batch(), (0, 1))
        fallen = found.loss[0] - found.loss[1]
        shares.append(abs(float(fallen / found.descent[0]) - 1))
    # single precision: differences of losses of 0.1 are known to about 1%
    assert shares[1] < 0.02
    assert shares[1] < max(shares[0], 0.02)


def test_the_step_of_descent_on_the_measured_loss_is_the_gradient(data):
    """Trained on the test examples, d = -rate g, and all three numbers are |g|^2."""
    same = data._replace(
        inputs=data.test_inputs,
        subset=jnp.arange(23),
        targets=data.test_targets,
    )
    found = descend("sgd", same, 0.5, full_batch())
    np.testing.assert_allclose(found.descent / 0.5, found.gradient, rtol=1e-3)
    np.testing.assert_allclose(found.change / 0.25, found.gradient, rtol=1e-3)


def test_the_numbers_are_those_of_single_gradients(data):
    """Against one gradient at a time, in a trained network."""
    network, task = from_flax(MLP(width=1)), make_task("mse")
    how = make_optimizer("sgd"), (TOTAL,), epochs(16)
    key, hyper = jax.random.key(3), Hyper(jnp.float32(0.5))
    variables = make_fit(network, task, *how)(key, hyper, data).variables
    change = jax.tree.map(jnp.ones_like, variables.params)
    found = make_measure(network, task)(variables, change, data, key)

    def loss(params, place):
        inputs = task.prepare(data.test_inputs[place : place + 1])
        outputs, _ = network.apply(Variables(params, variables.state), inputs, False)
        return task.loss(outputs, data.test_targets[place : place + 1])[0]

    rows = []
    for place in range(23):
        leaves = jax.tree.leaves(jax.grad(loss)(variables.params, place))
        rows.append(np.concatenate([np.ravel(leaf) for leaf in leaves]).astype(float))
    gram = np.array(rows) @ np.array(rows).T
    mean = np.mean(rows, axis=0)
    values = np.linalg.eigvalsh(gram)
    assert float(found.gradient) == pytest.approx(mean @ mean, rel=1e-4)
    assert float(found.descent) == pytest.approx(-mean.sum(), rel=1e-3)
    assert float(found.change) == len(mean)
    assert float(found.single) == pytest.approx(np.trace(gram) / 23, rel=1e-4)
    expected = values.sum() ** 2 / np.sum(values**2)
    assert float(found.dimension) == pytest.approx(expected, rel=1e-3)


def linear(outputs):
    """Returns f(x) = W x from W = 0, as a network."""

    def init(key, inputs):
        return Variables({"w": jnp.zeros((outputs, inputs.shape[-1]))}, {})

    def apply(variables, inputs, train):
        return inputs @ variables.params["w"].T, variables

    return Network(init, apply)


@pytest.mark.parametrize(
    ("inputs", "dimension"), [(jnp.ones((4, 4)), 1), (jnp.eye(4), 4)]
)
def test_directions_are_one_for_equal_examples_and_all_for_orthogonal(
    inputs, dimension
):
    data = TrainData(inputs, jnp.arange(4), jnp.ones((4, 1)), inputs, jnp.ones((4, 1)))
    network = linear(1)
    variables = network.init(jax.random.key(0), inputs)
    change = variables.params
    found = make_measure(network, regression())(
        variables, change, data, jax.random.key(0)
    )
    assert float(found.dimension) == pytest.approx(dimension, rel=1e-5)
    # one output: the direction is +-1, and the squared Jacobian is |x|^2
    assert float(found.square) == pytest.approx(float((inputs**2).sum() / 4), rel=1e-5)
    # orthogonal examples less their mean have eigenvalues 1, 1, 1 and 0
    assert float(found.top) == pytest.approx((dimension > 1) / 4, abs=1e-6)


def test_the_squared_jacobian_of_one_of_many_outputs_is_of_length_one():
    """For f = W x it is |u|^2 |x|^2 = |x|^2 for every direction u."""
    inputs = jnp.arange(12.0).reshape(4, 3)
    data = TrainData(inputs, jnp.arange(4), jnp.ones((4, 7)), inputs, jnp.ones((4, 7)))
    network = linear(7)
    variables = network.init(jax.random.key(0), inputs)
    how = variables, variables.params, data, jax.random.key(1)
    found = make_measure(network, regression())(*how)
    assert float(found.square) == pytest.approx(float((inputs**2).sum() / 4), rel=1e-5)
    around = np.array(inputs - inputs.mean(axis=0))
    top = np.linalg.eigvalsh(around @ around.T)[-1] / 4
    assert float(found.top) == pytest.approx(top, rel=1e-5)
