import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.runs.guessing import chance_loss
from scaletime_jax.training.losses import accuracy, cross_entropy, mse

LABELS = jnp.array([2, 0, 1])
OUTPUTS = jnp.array([[0.1, -0.3, 0.7], [0.2, 0.1, 0.4], [0.0, 1.0, 0.0]])


def test_mse_is_the_mean_over_classes():
    expected = [(0.01 + 0.09 + 0.09) / 3, (0.64 + 0.01 + 0.16) / 3, 0.0]
    np.testing.assert_allclose(mse(OUTPUTS, LABELS), expected, rtol=1e-6)


def test_cross_entropy_is_minus_the_log_of_the_softmax():
    p = np.exp(OUTPUTS) / np.exp(OUTPUTS).sum(1, keepdims=True)
    expected = -np.log(p[np.arange(3), LABELS])
    np.testing.assert_allclose(cross_entropy(OUTPUTS, LABELS), expected, rtol=1e-6)


def test_accuracy_counts_the_largest_output():
    np.testing.assert_array_equal(accuracy(OUTPUTS, LABELS), [1, 0, 1])


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_chance_is_what_class_frequencies_cost(classes):
    labels = jnp.arange(classes)
    guess = jnp.full((classes, classes), 1 / classes)
    assert float(mse(guess, labels).mean()) == pytest.approx(
        chance_loss("mse", classes), rel=1e-5
    )
    logits = jnp.zeros((classes, classes))
    assert float(cross_entropy(logits, labels).mean()) == pytest.approx(
        chance_loss("cross_entropy", classes), rel=1e-5
    )


def test_no_constant_guess_beats_chance():
    labels = jnp.arange(10)
    for key in jax.random.split(jax.random.key(0), 20):
        guess = jnp.tile(jax.random.normal(key, (10,)) * 0.1 + 0.1, (10, 1))
        assert float(mse(guess, labels).mean()) >= chance_loss("mse", 10)
