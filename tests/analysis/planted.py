"""Run tables with a known trade-off."""

import numpy as np
import pandas as pd

PARAMS = {1: 8_400, 2: 17_590, 5: 50_150, 10: 119_910}
FIELDS = {
    "dataset": "planted",
    "architecture": "mlp",
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "label_noise": 0.0,
    "loss": "mse",
}


def planted_table(exponent=1.0, seeds=5, noise=0.0, epochs_run=100, sizes=(1000,)):
    """Curves 0.1 exp(-rate t) with rate proportional to p^exponent and to n."""
    rng, tables = np.random.default_rng(0), []
    epochs = np.linspace(0, epochs_run, 2001)
    for train_size in sizes:
        for width, num_params in PARAMS.items():
            for seed in range(seeds):
                rate = num_params ** (exponent / 3) * train_size * 2e-6
                rate *= np.exp(noise * rng.normal())
                tables.append(
                    pd.DataFrame(
                        {
                            **FIELDS,
                            "run_id": f"{train_size}-{width}-{seed}",
                            "train_size": train_size,
                            "width": width,
                            "num_params": num_params,
                            "seed": seed,
                            "epoch": epochs,
                            "test_loss": 0.1 * np.exp(-rate * epochs),
                        }
                    )
                )
    return pd.concat(tables)
