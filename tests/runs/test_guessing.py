"""What guessing costs, against the losses that training uses."""

import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.runs.guessing import chance_loss, guessing_loss
from scaletime_jax.training.losses import make_loss

RNG = np.random.default_rng(0)
TRAIN, TEST = RNG.choice(5, 400, p=[0.4, 0.3, 0.1, 0.1, 0.1]), RNG.integers(0, 4, 90)


@pytest.mark.parametrize("name", ["mse", "cross_entropy"])
def test_it_is_the_loss_of_predicting_the_frequencies(name):
    frequencies = np.bincount(TRAIN, minlength=5) / len(TRAIN)
    # softmax of the logarithms of p is p
    guess = frequencies if name == "mse" else np.log(frequencies)
    outputs = jnp.tile(jnp.asarray(guess, jnp.float32), (len(TEST), 1))
    measured = make_loss(name)(outputs, jnp.asarray(TEST)).mean()
    assert guessing_loss(name, TRAIN, TEST, 5) == pytest.approx(
        float(measured), rel=1e-5
    )


@pytest.mark.parametrize("name", ["mse", "cross_entropy"])
def test_of_equally_frequent_classes_it_is_the_papers(name):
    labels = np.arange(70) % 7
    assert guessing_loss(name, labels, labels, 7) == pytest.approx(chance_loss(name, 7))


def test_a_class_that_was_never_seen_has_no_logarithm():
    assert guessing_loss("cross_entropy", np.zeros(3, int), np.arange(2), 2) == np.inf
    assert guessing_loss("mse", np.zeros(3, int), np.arange(2), 2) == 0.5
