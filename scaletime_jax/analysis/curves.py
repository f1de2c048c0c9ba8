"""From the tidy run table to one number a run."""

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError

NEEDED = ("run_id", "epoch", "test_loss")


def first_crossing(epochs: np.ndarray, losses: np.ndarray, threshold: float) -> float:
    """Returns the least epoch at which the loss falls below the threshold.

    The loss is taken to be linear between evaluations. Where the first of them is
    already below, its epoch is returned: an upper bound, exact for epoch 0.

    Args:
        epochs: [records] increasing.
        losses: [records]; what follows a NaN counts as never recorded.
        threshold: > 0.

    Returns:
        The crossing, or NaN if the loss is never below the threshold (censored).
    """
    bad = np.flatnonzero(~np.isfinite(losses))
    losses = losses[: bad[0]] if bad.size else losses
    below = np.flatnonzero(losses < threshold)
    if below.size == 0:
        return float("nan")
    last = int(below[0])
    if last == 0:
        return float(epochs[0])
    drop = losses[last - 1] - losses[last]
    part = (losses[last - 1] - threshold) / drop
    return float(epochs[last - 1] + part * (epochs[last] - epochs[last - 1]))


def epochs_to_threshold(table: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Returns one row per run: its constants, when it crossed, how long it ran.

    Args:
        table: one row per run and evaluation.
        threshold: of the test loss.

    Returns:
        The columns that are constant within a run, with `epochs` (NaN where the
        threshold was never reached) and `epochs_run` (the last epoch recorded).
    """
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise InputError(f"the run table lacks the column {missing[0]!r}.")
    varying = {
        "step",
        "epoch",
        "train_loss",
        "test_loss",
        "train_accuracy",
        "test_accuracy",
        "diverged",
    }
    rows = []
    for _, run in table.groupby("run_id", sort=True):
        run = run.sort_values("epoch")
        epochs, losses = run.epoch.to_numpy(float), run.test_loss.to_numpy(float)
        constants = run.drop(columns=varying & set(run.columns)).iloc[0].to_dict()
        crossing = first_crossing(epochs, losses, threshold)
        rows.append({**constants, "epochs": crossing, "epochs_run": epochs[-1]})
    return pd.DataFrame(rows)
