"""A few images of random pixels."""

import numpy as np

from scaletime_jax.studies.feature_pool import Population


def random_images(count=120, side=8):
    """Images in three classes, a little alike within each."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3
    means = rng.uniform(0, 255, (3, side, side, 1))
    noise = rng.uniform(0, 255, (count, side, side, 1))
    images = ((means[labels] + noise) / 2).astype(np.uint8)
    return Population("random", images, labels, 3)
