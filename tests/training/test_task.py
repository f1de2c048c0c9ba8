import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.training.task import make_task, next_tokens, regression

OUTPUTS = jax.random.normal(jax.random.key(0), (5, 4, 3))


def test_images_are_normalised_and_judged():
    task = make_task("cross_entropy")
    pixels = jnp.array([[0, 255]], jnp.uint8)
    np.testing.assert_allclose(task.prepare(pixels), [[-1, 1]])
    outputs, labels = OUTPUTS[:, 0], jnp.array([0, 1, 2, 0, 1])
    metrics = task.metrics(outputs, labels)
    np.testing.assert_array_equal(metrics.loss, task.loss(outputs, labels))
    np.testing.assert_array_equal(
        metrics.accuracy, np.argmax(outputs, 1) == np.asarray(labels)
    )


@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 4, 3)])
def test_regression_is_the_mean_over_outputs(shape):
    outputs = OUTPUTS.reshape(-1)[: np.prod(shape)].reshape(shape)
    metrics = regression().metrics(outputs, jnp.ones(shape))
    squares = (np.asarray(outputs, float) - 1) ** 2
    expected = squares.reshape(5, -1).mean(1)
    np.testing.assert_allclose(metrics.loss, expected, rtol=1e-6)
    assert np.isnan(metrics.accuracy).all()  # unknown, not zero


def test_regression_takes_floats_as_they_are():
    values = jnp.array([[-300.0, 0.5]])
    np.testing.assert_array_equal(regression().prepare(values), values)


def test_targets_of_another_shape_are_refused(unchecked):
    """[batch, 1] less [batch] would be [batch, batch]."""
    with pytest.raises(InputError, match="targets must have shape"):
        regression().loss(jnp.ones((5, 1)), jnp.ones(5))


def test_tokens_are_judged_position_by_position():
    task = next_tokens()
    targets = jnp.array([[0, 1, 2, 0]] * 5)
    odds = np.exp(np.asarray(OUTPUTS, float))
    shares = odds / odds.sum(-1, keepdims=True)
    of_target = np.take_along_axis(shares, np.asarray(targets)[..., None], -1)[..., 0]
    metrics = task.metrics(OUTPUTS, targets)
    np.testing.assert_allclose(metrics.loss, -np.log(of_target).mean(1), rtol=1e-6)
    right = OUTPUTS.argmax(-1) == targets
    np.testing.assert_allclose(metrics.accuracy, right.mean(1))
    assert task.prepare(targets.astype(jnp.uint8)).dtype == jnp.int32


@pytest.mark.parametrize("length", [1, 7])
def test_ignorance_costs_log_vocabulary_whatever_the_length(length):
    targets = jnp.zeros((2, length), jnp.int32)
    loss = next_tokens().loss(jnp.zeros((2, length, 9)), targets)
    np.testing.assert_allclose(loss, np.log(9), rtol=1e-6)
