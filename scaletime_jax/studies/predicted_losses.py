"""Losses predicted from runs of other sizes or times, beside the true losses.

By scale-time equivalence the error of size p1 at time t1 equals the error of size p0 at
time (p1 / p0) t1 [BF24, C.5]. Networks that still guess have equal losses, which any
rule predicts, so predictions begin when every network is better than chance.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.curves import (
    Curve,
    at_epochs,
    first_crossing,
    over_epochs,
    summarise_seeds,
)
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.guessing import RECORD, SHARES, Level
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.estimates import Estimate, jackknife
from scaletime_jax.studies.controls import find_floors
from scaletime_jax.theory.effective_size import cube_root_size

LOSSES = ("test_loss", "train_loss")


class Protocol(NamedTuple):
    """Sources and targets of the predictions.

    Attributes:
        source_width: width of the network that is trained for long and predicts larger
            networks; None for the smallest width.
        target_epochs: the short time at which larger networks are predicted; None for
            the first epoch at which every network is better than chance.
        medium_width: width of the network predicted over time; None for the middle
            width.
        source_epochs: the short training time of the networks that predict the medium
            network; None for the first epoch at which every network is better than
            chance.
        tolerance: mean |log(predicted / true)| up to which the claim holds.
        share: share of the guessing loss that a network must remove to be better than
            chance. If more than one in a hundred of the controls reach this loss, the
            loss that one in a hundred of them reaches takes its place.
    """

    source_width: int | None = None
    target_epochs: float | None = None
    medium_width: int | None = None
    source_epochs: float | None = None
    tolerance: float = 0.1
    share: float = SHARES[0]


DEFAULTS = Protocol()


class Extrapolation(NamedTuple):
    """Predicted and true error of one setting, train size, loss and direction.

    Attributes:
        fields: setting and train_size.
        direction: 'size' (x is effective size) or 'time' (x is epochs).
        loss: 'test_loss' or 'train_loss'.
        source: source of the prediction, in words.
        epochs: the short time, of the target (size) or of the source (time).
        threshold: test loss whose onset is predicted.
        truth: true losses of the trained networks.
        predicted: predicted losses at the x of other networks or times; includes the
            source.
        error: mean |log(predicted / true)|, without the source.
        change: mean |log(source / true)|, the error of predicting no change.
        gain: log(error / change), below 0 if the prediction is better than no change.
        onset: |log ratio| of predicted and true x at which the loss falls below the
            threshold; no value if both curves never do, or both do from the start.
        onset_is_bound: whether one curve never falls below the threshold within the
            range of x, or is below it from the start. Its onset is then set to that
            end of the range: the ratio is a lower bound, and its interval has no upper
            end.
    """

    fields: dict
    direction: str
    loss: str
    source: str
    epochs: float
    threshold: float
    truth: Curve
    predicted: Curve
    error: Estimate
    change: Estimate
    gain: Estimate
    onset: Estimate
    onset_is_bound: bool


def extrapolate(
    runs: Runs, threshold: float | None = None, protocol: Protocol = DEFAULTS
) -> tuple[list[Extrapolation], list[dict]]:
    """Returns the extrapolations of all settings, and the settings without any.

    Args:
        runs: runs of networks of several widths, with controls if there are any.
        threshold: test loss below which a network is better than chance, and whose
            onset is predicted; if None the losses at which `protocol.share` and RECORD
            of the guessing loss are removed.
        protocol: sources and targets of the predictions.

    Returns:
        The extrapolations in both directions for each setting, train size and loss; and
        the settings with train sizes without predictions, because some network never
        becomes better than chance.

    Raises:
        InputError: a setting lacks the widths that the protocol needs, or the guessing
            loss is not known.
    """
    made: list[Extrapolation] = []
    waiting, table = [], runs.table
    for fields, cell in split_table(table, (*setting_of(table), "train_size")):
        level = threshold or Level(RECORD).loss(cell)
        start = _leave_chance(cell, runs.controls, threshold, protocol.share)
        target = protocol.target_epochs or start
        source = protocol.source_epochs or start
        if np.isnan(target + source):
            waiting.append(fields)
            continue
        for loss in LOSSES:
            networks = _Networks(cell, loss)
            made.append(_over_size(networks, fields, level, protocol, target))
            made.append(_over_time(networks, fields, level, protocol, source))
    return made, waiting


def _leave_chance(
    rows: pd.DataFrame,
    controls: pd.DataFrame | None,
    threshold: float | None,
    share: float,
) -> float:
    """Returns the epoch at which every width's mean loss beats chance, else NaN."""
    level = threshold or Level(share).loss(rows)
    level = min([level, *(floor.loss for floor in find_floors(rows, controls))])
    curves = _Networks(rows, "test_loss").curves.values()
    means = [(curve.index.to_numpy(float), curve.mean(axis=1)) for curve in curves]
    return float(np.max([first_crossing(x, y.to_numpy(), level) for x, y in means]))


class _Networks:
    """The curves of one setting, by width.

    Attributes:
        loss: column of the curves.
        curves: [epochs, seeds] by increasing width, for the seeds that all widths have.
        sizes: effective size by width.
    """

    def __init__(self, runs: pd.DataFrame, loss: str):
        self.loss = loss
        widths = runs.groupby("width")
        self.curves = {int(w): over_epochs(r, loss) for w, r in widths}
        seeds = set.intersection(*(set(c.columns) for c in self.curves.values()))
        if not seeds:
            raise InputError(
                f"the widths {list(self.curves)} have no seed in common; train all of "
                "them with the same seeds.",
                seed=None,
            )
        self.curves = {w: c[sorted(seeds)] for w, c in self.curves.items()}
        self.sizes = {
            int(w): float(cube_root_size(r.num_params.iloc[0])) for w, r in widths
        }

    def choose(self, name: str, width: int | None, default: int) -> int:
        """Returns the requested width, or the width at position `default`.

        Args:
            name: name of the quantity that requests the width.
            width: the requested width, or None.
            default: position among the sorted widths.

        Raises:
            InputError: no run has the requested width.
        """
        widths = list(self.curves)
        if width is not None and width not in widths:
            raise InputError(
                f"no run has width {width}; the runs have {widths}, choose one.",
                **{name: widths[default]},
            )
        return widths[default] if width is None else width

    def at(self, width: int, epochs) -> np.ndarray:
        """Returns the losses [points, seeds] of a width at given epochs."""
        curves = self.curves[width]
        recorded = curves.index.to_numpy(float)
        return at_epochs(recorded, curves.to_numpy(float), np.atleast_1d(epochs))


def _over_size(
    networks: _Networks, fields, threshold: float, protocol: Protocol, epochs: float
):
    source = networks.choose("source_width", protocol.source_width, 0)
    p0 = networks.sizes[source]
    widths = [w for w in networks.curves if networks.sizes[w] >= p0]
    ratios = np.array([networks.sizes[w] / p0 for w in widths])
    predicted = networks.at(source, ratios * epochs)
    truth = np.concatenate([networks.at(w, epochs) for w in widths])
    words = f"width {source} up to epoch {networks.curves[source].index[-1]:g}"
    x = ratios * p0
    compared = _compare(x, truth, predicted, 0, threshold)
    at = words, epochs, threshold
    return Extrapolation(fields, "size", networks.loss, *at, **compared)


def _over_time(
    networks: _Networks, fields, threshold: float, protocol: Protocol, epochs: float
):
    middle = (len(networks.curves) - 1) // 2
    medium = networks.choose("medium_width", protocol.medium_width, middle)
    size = networks.sizes[medium]
    widths = list(networks.curves)
    x = np.array([networks.sizes[w] / size * epochs for w in widths])
    predicted = np.concatenate([networks.at(w, epochs) for w in widths])
    truth = networks.at(medium, x)
    words = f"widths {widths[0]} to {widths[-1]} at epoch {epochs:.3g}"
    compared = _compare(x, truth, predicted, widths.index(medium), threshold)
    whole = networks.curves[medium]
    shown = whole[(whole.index >= x[0]) & (whole.index <= 2 * x[-1])]
    if len(shown):  # every evaluation, not only the epochs with predictions
        seeds = shown.count(axis=1)  # runs that have not ended at a loss
        compared["truth"] = summarise_seeds(shown[seeds == seeds.iloc[0]])
    at = words, epochs, threshold
    return Extrapolation(fields, "time", networks.loss, *at, **compared)


def _compare(
    x: np.ndarray, truth: np.ndarray, predicted: np.ndarray, own: int, threshold: float
) -> dict[str, Any]:
    """Compares [points, seeds] without the point `own`, which is the source."""
    known = np.isfinite(predicted).any(axis=1) & np.isfinite(truth).any(axis=1)
    others = known & (np.arange(len(x)) != own)
    beyond = truth[others], predicted[others]

    def error(truth, predicted):
        logs = np.log(predicted.mean(axis=-1) / truth.mean(axis=-1))
        return np.mean(np.abs(logs)) if len(logs) else np.nan

    def change(truth, source):
        return error(truth, np.broadcast_to(source, truth.shape))

    def gain(truth, predicted, source):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(error(truth, predicted) / change(truth, source))

    def onsets(truth, predicted):
        means = truth.mean(axis=-1), predicted.mean(axis=-1)
        return [_onset(x[known], mean, threshold) for mean in means]

    def onset(truth, predicted):
        true, guessed = onsets(truth, predicted)
        return abs(guessed - true) if guessed != true else np.nan

    both, source = (truth[known], predicted[known]), predicted[own : own + 1]
    span = np.log(x[known])
    is_bound = bool(set(onsets(*both)) & {*span[:1], *span[-1:]})
    found = jackknife(onset, *both)
    if is_bound and found.interval is not None:
        found = found._replace(interval=(found.interval[0], np.inf))
    return {
        "truth": summarise_seeds(pd.DataFrame(truth, index=x)),
        "predicted": summarise_seeds(pd.DataFrame(predicted[known], index=x[known])),
        "error": jackknife(error, *beyond),
        "change": jackknife(change, truth[others], source),
        "gain": jackknife(gain, *beyond, source),
        "onset": found,
        "onset_is_bound": is_bound,
    }


def _onset(x: np.ndarray, loss: np.ndarray, threshold: float) -> float:
    """Returns log x at which the loss crosses the threshold, or an end of the range."""
    if len(x) == 0:
        return float("nan")
    crossing = first_crossing(np.log(x), loss, threshold)
    return float(np.log(x[-1])) if np.isnan(crossing) else crossing
