"""From the tidy run table to curves, and to one number for each run."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError

NEEDED = ("run_id", "epoch", "test_loss")
# The columns that differ between the rows of a run.
VARYING = {
    "step",
    "epoch",
    "train_loss",
    "test_loss",
    "train_accuracy",
    "test_accuracy",
    "diverged",
}


def first_crossing(epochs: np.ndarray, losses: np.ndarray, threshold: float) -> float:
    """Returns the least epoch at which the loss falls below the threshold.

    The loss is interpolated linearly between evaluations. If the loss is below the
    threshold at the first evaluation, the epoch of this evaluation is returned: an
    upper bound, exact for epoch 0.

    Args:
        epochs: [records] increasing.
        losses: [records]; values after a NaN are ignored.
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
    """Returns one row per run: its constants, its crossing and its length.

    Args:
        table: one row per run and evaluation.
        threshold: threshold of the test loss.

    Returns:
        The columns that are constant within a run, with `epochs` (NaN if the threshold
        was never reached), `first_epoch` and `epochs_run` (the first and the last
        recorded epoch).
    """
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise InputError(f"the run table lacks the column {missing[0]!r}.")
    rows = []
    for _, run in table.groupby("run_id", sort=True):
        run = run.sort_values("epoch")
        epochs, losses = run.epoch.to_numpy(float), run.test_loss.to_numpy(float)
        constants = run.drop(columns=VARYING & set(run.columns)).iloc[0].to_dict()
        crossing = first_crossing(epochs, losses, threshold)
        ends = {"first_epoch": epochs[0], "epochs_run": epochs[-1]}
        rows.append({**constants, "epochs": crossing, **ends})
    return pd.DataFrame(rows)


class Curve(NamedTuple):
    """Mean and standard error over seeds, as a figure shows them.

    Attributes:
        x: [points] increasing.
        mean: [points] mean over the seeds with a finite value; NaN without any.
        sem: [points] standard error of the mean, 0 for fewer than two seeds.
    """

    x: np.ndarray
    mean: np.ndarray
    sem: np.ndarray


def summarise_seeds(values: pd.DataFrame) -> Curve:
    """Returns the curve of a table [points, seeds], indexed by x."""
    finite = values.where(np.isfinite(values.to_numpy(float)))
    sem = finite.std(axis=1, ddof=1) / np.sqrt(finite.count(axis=1))
    mean = finite.mean(axis=1)
    x = values.index.to_numpy(float)
    return Curve(x, mean.to_numpy(float), sem.fillna(0.0).to_numpy(float))


def over_epochs(runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Returns the column [epochs, seeds] of runs that differ in the seed alone."""
    return runs.pivot(index="epoch", columns="seed", values=column).astype(float)


def final_over(runs: pd.DataFrame, axis: str, column: str) -> pd.DataFrame:
    """Returns [axis, seeds] final values of runs that differ in axis and seed alone."""
    last = runs.loc[runs.groupby("run_id").epoch.idxmax()]
    return last.pivot(index=axis, columns="seed", values=column).astype(float)


def least_over(runs: pd.DataFrame, axis: str, column: str) -> pd.DataFrame:
    """Returns [axis, seeds] like `final_over`, but the least value of each run."""
    least = runs.groupby([axis, "seed"])[column].min()
    return least.unstack("seed").astype(float)


def at_epochs(
    recorded: np.ndarray, curves: np.ndarray, epochs: np.ndarray
) -> np.ndarray:
    """Returns the values at given epochs, interpolated by power laws.

    Log value is linear in log epoch between evaluations, which is exact for power laws.

    Args:
        recorded: [records] increasing epochs of the evaluations, one or more above 0.
        curves: [records, seeds] values > 0.
        epochs: [points] > 0.

    Returns:
        [points, seeds]; NaN before the first evaluation after epoch 0, and after the
        last evaluation.
    """
    trained = recorded > 0
    known, wanted = np.log(recorded[trained]), np.log(epochs)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(curves[trained])
    # x 100 / 10 may miss epoch 100 by rounding
    edge = 1e-9
    inside = (wanted >= known[0] - edge) & (wanted <= known[-1] + edge)
    columns = [np.interp(wanted, known, column) for column in logs.T]
    return np.where(inside[:, None], np.exp(np.stack(columns, axis=1)), np.nan)
