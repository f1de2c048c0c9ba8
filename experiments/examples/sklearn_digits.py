"""Learning curves of another tool: scikit-learn's MLPClassifier on its own digits.

Writes sklearn_digits.csv beside this file, an example of the input of `--runs`. Needs
scikit-learn and pandas, but not scaletime_jax.

  python experiments/examples/sklearn_digits.py
"""

import pathlib
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

OUTPUT = pathlib.Path(__file__).with_suffix(".csv")
HIDDEN = (4, 8, 16, 32, 64, 128)
TRAIN_SIZES = (300, 1200)
SEEDS = range(5)
RECORDED = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 65, 80, 100)


def train(hidden: int, train_size: int, seed: int) -> list[dict]:
    """Trains one classifier and returns its learning curve."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = images[order] / 16, labels[order]
    test = images[1200:], labels[1200:]
    images, labels = images[:train_size], labels[:train_size]
    model = MLPClassifier((hidden,), solver="sgd", momentum=0.0, random_state=seed)
    model.set_params(learning_rate_init=0.05, alpha=0.0, batch_size=32)
    rows, start = [], time.perf_counter()
    for epoch in range(1, RECORDED[-1] + 1):
        model.partial_fit(images, labels, classes=range(10))
        if epoch in RECORDED:
            params = sum(w.size for w in model.coefs_ + model.intercepts_)
            losses = [log_loss(y, model.predict_proba(x), labels=range(10))
                      for x, y in (test, (images, labels))]  # fmt: skip
            seconds = time.perf_counter() - start
            rows.append(
                {
                    "num_params": params,
                    "epoch": epoch,
                    "test_loss": round(losses[0], 6),
                    "train_loss": round(losses[1], 6),
                    "seed": seed,
                    "train_size": train_size,
                    "optimizer": "sgd",
                    "learning_rate": 0.05,
                    "seconds": round(seconds, 3),
                }
            )
    return rows


def main() -> None:
    """Trains all and writes the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for hidden in HIDDEN:
        for train_size in TRAIN_SIZES:
            for seed in SEEDS:
                rows += train(hidden, train_size, seed)
    pd.DataFrame(rows).to_csv(OUTPUT, index=False)


if __name__ == "__main__":
    main()
