"""Training against gradient flow solved exactly, by steps so small that it is one.

A step of rate r on the mean over n examples and c outputs of (f - y)^2 is a step of
length 2 r / (n c) of the flow of (1/2) ||f - y||^2. At a fixed time the losses differ
in first order of the step.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.models.mlp import MLP
from scaletime_jax.models.network import Network, Variables, from_flax, linearise
from scaletime_jax.theory.linear_model import flow_parameters
from scaletime_jax.training.batching import TrainData, full_batch
from scaletime_jax.training.hyper import Hyper
from scaletime_jax.training.optimizers import make_optimizer
from scaletime_jax.training.task import regression
from scaletime_jax.training.train import make_train, split_key

LINEAR = Network(
    lambda key, inputs: Variables(jnp.zeros(inputs.shape[1:]), ()),
    lambda variables, inputs, train: (inputs @ variables.params, variables),
)
SIZE = 12


def errors_of(network, data, expected, largest_step, counts, key):
    """Returns the largest error of both curves, for steps halved again and again.

    Args:
        network: whose outputs' flow is linear.
        data: with SIZE training examples.
        expected: (train, test) losses, [times] each.
        largest_step: of the flow.
        counts: steps of that size to each of the times.
        key: of the run.
    """

    @jax.jit
    def descend(rate, records):
        task, optimizer = regression(), make_optimizer("sgd")
        train = make_train(network, task, optimizer, records, full_batch())
        return train(key, Hyper(rate), data)

    outputs = data.targets.size // SIZE
    found = []
    for halving in range(3):
        rate = largest_step / 2**halving * SIZE * outputs / 2
        curves = descend(rate, jnp.array(counts) * 2**halving)
        losses = np.stack([curves.train_loss, curves.test_loss])
        found.append(np.abs(losses / np.stack(expected) - 1).max())
    return np.array(found)


def check_first_order(errors):
    assert errors[-1] < 0.01  # measured at most 0.008
    slopes = np.diff(np.log(errors)) / np.log(0.5)
    np.testing.assert_allclose(slopes, 1, atol=0.03)  # measured 0.99 to 1.01


@pytest.mark.parametrize("columns", [5, 20])
def test_a_linear_network_follows_the_exact_flow(columns, float64):
    """More examples than inputs, and fewer; the noise is not learned alike."""
    keys = jax.random.split(jax.random.key(1), 4)
    inputs = jax.random.normal(keys[0], (SIZE, columns))
    teacher = jax.random.normal(keys[1], (columns,))
    targets = inputs @ teacher + 0.3 * jax.random.normal(keys[2], (SIZE,))
    test_inputs = jax.random.normal(keys[3], (7, columns))
    test_targets = test_inputs @ teacher
    data = TrainData(inputs, jnp.arange(SIZE), targets, test_inputs, test_targets)
    step = 0.05 / float(jnp.linalg.norm(inputs, 2)) ** 2
    counts = (5, 20, 80)
    params = flow_parameters(inputs, targets, step * jnp.array(counts), 1.0)
    expected = [
        jnp.mean((params @ x.T - y) ** 2, axis=1)
        for x, y in ((inputs, targets), (test_inputs, test_targets))
    ]
    assert expected[0][-1] < 0.5 * expected[0][0]  # much is learned
    check_first_order(errors_of(LINEAR, data, expected, step, counts, keys[0]))


def test_a_linearised_network_follows_its_kernels_flow():
    """f(t) = y + e^{-K t} (f_0 - y), K = J J^T at the initial parameters."""
    network = from_flax(MLP(1, num_classes=2, initializer="he"))
    keys = jax.random.split(jax.random.key(3), 4)
    inputs, test_inputs = (jax.random.normal(key, (SIZE, 5)) for key in keys[:2])
    targets = jax.random.normal(keys[2], (SIZE, 2))
    test_targets = jnp.zeros((SIZE, 2))
    data = TrainData(inputs, jnp.arange(SIZE), targets, test_inputs, test_targets)
    run_key = keys[3]
    variables = jax.jit(network.init)(split_key(run_key)[0], inputs)

    def linear_in_params(x):
        def outputs(params):
            return network.apply(Variables(params, {}), x, False)[0].reshape(-1)

        jacobian = jax.jit(jax.jacobian(outputs))(variables.params)
        rows = [np.reshape(j, (2 * SIZE, -1)) for j in jax.tree.leaves(jacobian)]
        first = np.asarray(outputs(variables.params), float)
        return first, np.concatenate(rows, axis=1).astype(float)

    start, jacobian = linear_in_params(inputs)
    test_start, test_jacobian = linear_in_params(test_inputs)
    eigenvalues, vectors = np.linalg.eigh(jacobian @ jacobian.T)
    eigenvalues = np.maximum(eigenvalues, 0)
    wanted = np.asarray(targets, float).reshape(-1)
    step, counts = 0.05 / eigenvalues[-1], (5, 20, 80)
    expected = [[], []]
    for time in step * np.array(counts):
        left = vectors * np.exp(-time * eigenvalues) @ vectors.T
        train_outputs = wanted + left @ (start - wanted)
        kept = np.where(eigenvalues > 0, eigenvalues, 1)
        learned = np.where(eigenvalues > 0, -np.expm1(-time * kept) / kept, time)
        moved = jacobian.T @ (vectors * learned @ vectors.T @ (wanted - start))
        expected[0].append(np.mean((train_outputs - wanted) ** 2))
        expected[1].append(np.mean((test_start + test_jacobian @ moved) ** 2))
    assert expected[0][-1] < 0.8 * expected[0][0]  # much is learned
    check_first_order(
        errors_of(linearise(network), data, expected, step, counts, run_key)
    )
