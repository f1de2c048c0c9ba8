"""A small grid of runs, one run of the paper's with metadata, and few digits."""

import dataclasses

from scaletime_jax.sweep.config import RunConfig

GRID = {
    "architecture": ["mlp"],
    "optimizer": ["sgd"],
    "init": ["pytorch"],
    "loss": ["mse"],
    "batch_size": [32],
    "epochs": [2],
    "record": ["both"],
    "train_size": [50, 100],
    "width": [1, 2],
    "learning_rate": [0.01],
    "label_noise": [0.0, 0.2],
    "seed": [101, 102, 103],
}
CONFIG = RunConfig(
    dataset="mnist12k",
    fingerprint="6e72dd039bc44f5e",
    architecture="mlp",
    width=1,
    optimizer="sgd",
    learning_rate=0.01,
    init="pytorch",
    loss="mse",
    train_size=1000,
    label_noise=0.0,
    batch_size=32,
    epochs=100,
    record="both",
    seed=101,
)
METADATA = {
    "configs": [dataclasses.asdict(CONFIG)],
    "num_classes": 10,
    "scaletime_jax": "0.1.0",
    "git_commit": None,
    "jax": "0.10",
    "device": "2 x cpu",
    "device_seconds": 2.5,
    "wall_seconds": 1.5,
    "time": "2026-01-01T00:00:00+00:00",
}


def few(digits):
    """Returns 400 training and 100 test digits."""
    return digits._replace(
        name="few",
        fingerprint="few",
        train_images=digits.train_images[:400],
        train_labels=digits.train_labels[:400],
        test_images=digits.test_images[:100],
        test_labels=digits.test_labels[:100],
    )
