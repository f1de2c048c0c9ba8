"""Learning curves drawn from a known law."""

import numpy as np

from scaletime_jax.runs.learning_curves import LearningCurves

SIZES = np.logspace(3, 6.5, 15)
EPOCHS = np.logspace(-0.5, 2.5, 31)
TRAIN_SIZES = np.array([500.0, 2000.0, 8000.0, 32000.0])


def draw(law, seeds=3, scatter=1e-6, ceiling=np.inf, seed=0, sizes=SIZES):
    """Curves of a law at all sizes and train sizes; runs differ by a factor."""
    n, d = np.tile(sizes, len(TRAIN_SIZES)), np.repeat(TRAIN_SIZES, len(sizes))
    logs = np.log(law(n[:, None], EPOCHS, d[:, None]))
    own = scatter * np.random.default_rng(seed).normal(size=(len(n), 1, seeds))
    logs = np.minimum(logs[:, :, None] + own, np.log(ceiling))
    return LearningCurves(n, d, EPOCHS, logs, float(np.log(ceiling)))
