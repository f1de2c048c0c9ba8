"""Run tables with a known trade-off."""

import itertools

import numpy as np
import pandas as pd

PARAMS = {1: 8_400, 2: 17_590, 5: 50_150, 10: 119_910}
LENGTHS = 10, 40, 100  # of `decayed`
FIELDS = {
    "dataset": "planted",
    "architecture": "mlp",
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "loss": "mse",
    "init": "pytorch",
    "batch_size": 32,
    "test_size": 100,
    "schedule": "constant",
    "shuffled_labels": False,
    "until_test_loss": 0.0,
    "steps": 0,
    "guessing_loss": 0.09,
    "diverged": False,
    "network_source": "none",
}


def planted_runs(
    law, epochs, sizes=(1000,), noises=(0.0,), seeds=5, scatter=0.0, params=PARAMS
):
    """Runs whose losses are law(p, t, n, noise) -> (test, train), p effective size.

    Each run's time goes faster or slower by a factor of its own, log-normal with
    standard deviation `scatter`.
    """
    rng, tables = np.random.default_rng(0), []
    cells = itertools.product(sizes, params.items(), noises, range(seeds))
    for n, (width, num_params), noise, seed in cells:
        own = np.exp(scatter * rng.normal())
        test, train = law(np.cbrt(num_params), own * epochs, n, noise)
        tables.append(
            pd.DataFrame(
                {
                    **FIELDS,
                    "run_id": f"{n}-{width}-{noise}-{seed}",
                    "train_size": n,
                    "width": width,
                    "num_params": num_params,
                    "label_noise": noise,
                    "seed": seed,
                    "epoch": epochs,
                    "test_loss": test,
                    "train_loss": train,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def planted_table(exponent=1.0, seeds=5, noise=0.0, epochs_run=100, sizes=(1000,)):
    """Curves 0.1 exp(-rate t) with rate proportional to p^exponent and to n."""

    def law(p, t, n, _):
        loss = 0.1 * np.exp(-(p**exponent) * n * 2e-6 * t)
        return loss, loss

    epochs = np.linspace(0, epochs_run, 2001)
    return planted_runs(law, epochs, sizes, seeds=seeds, scatter=noise)


def decayed(table=None):
    """Runs of three lengths, each better at its end than a longer run at that time."""
    table = planted_table(seeds=2) if table is None else table
    parts = []
    for steps in LENGTHS:
        part = table[table.epoch <= steps]
        ended = part.epoch == steps
        loss = np.where(ended, 0.5 * part.test_loss, part.test_loss)
        parts.append(
            part.assign(
                schedule="cosine",
                steps=steps,
                test_loss=loss,
                run_id=f"{steps}-" + part.run_id,
            )
        )
    return pd.concat(parts, ignore_index=True)


def as_logs(table, *given):
    """A table as read from logs that have none but the given of these columns."""
    unknown = {*FIELDS, "train_size", "label_noise"} - {"dataset", "diverged", *given}
    text = {"architecture", "optimizer", "loss", "init"}
    return table.assign(**{k: None if k in text else np.nan for k in unknown})
