import jax.numpy as jnp
import numpy as np
import pytest
from precision import double_precision

from scaletime_jax.theory.label_ridge import label_losses


@pytest.mark.parametrize("points", [5, 40])
def test_losses_are_those_of_ridge_regression_on_the_population(points):
    """Fewer and more points than features, against augmented least squares."""
    rng = np.random.default_rng(0)
    population = rng.normal(size=(60, 12)) * np.arange(1, 13) ** -0.5
    targets = rng.normal(size=(60, 3))
    x, y = population[:points], targets[:points]
    ridges = np.array([1e-3, 1.0, 30.0])
    moments = population.T @ population / 60, population.T @ targets / 60
    with double_precision():
        seen = (jnp.asarray(each) for each in (x.T @ x, x.T @ y, *moments))
        found = label_losses(*seen, float(np.mean(targets**2)), jnp.asarray(ridges))
    for ridge, loss in zip(ridges, found, strict=True):
        tall = np.concatenate([x, np.sqrt(ridge) * np.eye(12)])
        wanted = np.concatenate([y, np.zeros((12, 3))])
        weights = np.linalg.lstsq(tall, wanted, rcond=None)[0]
        direct = np.mean((population @ weights - targets) ** 2) / 2
        assert float(loss) == pytest.approx(direct, rel=1e-8)
