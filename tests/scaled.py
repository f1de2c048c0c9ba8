"""Runs of image classifiers whose loss and error fall as planted power laws."""

import itertools

import numpy as np
import pandas as pd

from scaletime_jax.runs.read import Runs

SIZES = (250, 500, 1000, 2000, 5000, 10_000)
FIELDS = {
    "dataset": "pictures",
    "architecture": "pooled_cnn",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "label_noise": 0.0,
    "loss": "cross_entropy",
    "until_test_loss": 0.0,
    "guessing_loss": np.nan,
    "shuffled_labels": False,
    "diverged": False,
    "batching": "epochs",
}


def planted_scaling(loss=0.4, error=0.4, rise=0.4, bend=0.0, widths=(50,), seeds=5):
    """Runs whose best loss falls as D^-loss, and the final one as D^-rise.

    The error falls as D^-error. Each seed has a scale of its own, and scatter of 1%.
    """
    rng, tables = np.random.default_rng(0), []
    scales = np.exp(0.3 * rng.normal(size=seeds))
    for (seed, scale), width in itertools.product(enumerate(scales), widths):
        for size in SIZES:
            x = size / 250
            curved = x ** (-loss - bend * np.log(x)) * width**-0.3
            least, last, wrong = (
                scale * value * np.exp(0.01 * rng.normal())
                for value in (curved, 2 * x**-rise * width**-0.3, 0.1 * x**-error)
            )
            tables.append(
                pd.DataFrame(
                    {
                        **FIELDS,
                        "run_id": f"{seed}-{size}-{width}",
                        "width": width,
                        "num_params": 100 * width,
                        "train_size": size,
                        "seed": seed,
                        "epoch": [0.0, 1.0, 2.0],
                        "test_loss": [9.0, least, last],
                        "train_loss": [9.0, 0.5, 0.1],
                        "test_accuracy": [0.1, 1 - wrong, 1 - wrong],
                    }
                )
            )
    return Runs(pd.concat(tables, ignore_index=True), [], [])
