"""Sums of power laws in size, time and data."""

import itertools
from typing import NamedTuple

import numpy as np

from scaletime_jax.laws.law import (
    Law,
    by_train_size,
    finish_law,
    make_targets,
    no_law,
)
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.robust_fit import IDENTIFIED, fit_from_grid, told_apart

# Exponents to start from, and losses to start from as a share of the lowest.
EXPONENTS = (0.1, 0.3, 0.6, 1.2)
SIGNED_EXPONENTS = (-0.3, 0.0, 0.3)
FLOORS = (0.3, 0.9)
LOG_EXPONENTS = -10.0, 2.0
# Burn-ins tried, and rungs needed: two to fit a law, one to choose by, one more.
BURN_INS, RUNGS = 6, 4


class Terms(NamedTuple):
    """L = E + sum_k A_k prod_j x_j^{-powers_kj a_j}.

    Attributes:
        powers: [terms, variables] 1 where a term falls with a variable, -1 where the
            term rises, else 0.
        of: names of the variables x_j: N is num_params, t is epochs, T is examples
            seen, and D is distinct examples.
        names: names of the exponents a_j.
        signed: [variables] whether a_j can have either sign; by default none can.
    """

    powers: np.ndarray
    of: str = "Nt"
    names: str = "ab"
    signed: tuple[bool, ...] = ()

    def variables(self, num_params, epoch, train_size) -> np.ndarray:
        """Returns the logs of the variables [points, variables]."""
        columns = {
            "N": num_params,
            "t": epoch,
            "T": epoch * train_size,
            "D": train_size,
        }
        return np.log(np.stack([columns[name] for name in self.of], axis=1))

    def exponents(self, parameters: np.ndarray) -> np.ndarray:
        """Returns a_j [batch, variables] of the parameters of `log_loss`."""
        given = parameters[:, 1 + len(self.powers) :]
        positive = np.exp(np.clip(given, *LOG_EXPONENTS))
        return np.where(self.signed, given, positive) if self.signed else positive

    def log_loss(
        self, parameters: np.ndarray, logs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns log L [batch, points] and its Jacobian [batch, points, parameters].

        Args:
            parameters: [batch, 1 + terms + variables] log E, log A_k, and log a_j, or
                a_j where signed.
            logs: [points, variables] logs of the variables.
        """
        count = len(self.powers)
        exponents = self.exponents(parameters)[:, :, None]
        # points are the last axis, because NumPy reduces a short last axis slowly
        fall = exponents * logs.T  # [batch, variables, points]
        each = np.empty((len(parameters), 1 + count, len(logs)))
        each[:, 0] = parameters[:, :1]
        each[:, 1:] = parameters[:, 1 : 1 + count, None] - self.powers @ fall
        most = each.max(axis=1, keepdims=True)
        share = np.exp(each - most)
        total = share.sum(axis=1, keepdims=True)
        share /= total
        if self.signed:  # the derivative is by a_j, not by its log
            fall[:, self.signed] = logs.T[list(self.signed)]
        by_exponent = -fall * (self.powers.T @ share[:, 1:])
        value = (most + np.log(total))[:, 0]
        return value, np.concatenate([share, by_exponent], axis=1).swapaxes(1, 2)

    def starts(self, logs: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Returns [starts, parameters]: a grid of exponents, the best A_k for each."""
        made = []
        signed = self.signed or (False,) * self.powers.shape[1]
        choices = [SIGNED_EXPONENTS if each else EXPONENTS for each in signed]
        for exponents in itertools.product(*choices):
            pairs = zip(exponents, signed, strict=True)
            given = [a if either else np.log(a) for a, either in pairs]
            columns = np.exp(-logs @ (self.powers * np.array(exponents)).T)
            for floor in FLOORS:
                lowest = floor * np.exp(goal.min())
                above = np.maximum(np.exp(goal) - lowest, 1e-12)
                size, *_ = np.linalg.lstsq(
                    columns / above[:, None], np.ones(len(goal)), rcond=None
                )
                least = np.exp(goal.min()) * 1e-3
                amplitude = np.log(np.maximum(size, least / columns.max(axis=0)))
                made.append([np.log(lowest), *amplitude, *given])
        return np.array(made)


SIZE_TIME = Terms(np.array([[1, 0], [0, 1]]))
SIZE_TIME_BOTH = Terms(np.array([[1, 0], [0, 1], [1, 1]]))
SIZE_TIME_DATA = Terms(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), "NTD", "abc")
COUPLED = Terms(np.array([[1, 0, 0], [0, 1, -1]]), "NtN", "abg", (False, False, True))


def fit_terms(curves: LearningCurves, terms: Terms) -> Law:
    """Fits a sum of power laws by the Huber loss of the log error.

    Args:
        curves: curves of one train size, or of several if D is a variable.
        terms: of the law.
    """
    targets = make_targets(curves, True)
    if len(targets.epoch) <= 1 + sum(terms.powers.shape):
        return no_law(curves)
    at = targets.num_params, targets.epoch, targets.train_size
    centre = terms.variables(*at).mean(axis=0)
    logs = terms.variables(*at) - centre

    def function(parameters):
        return terms.log_loss(parameters, logs)

    starts = terms.starts(logs, targets.mean[0])
    fits = fit_from_grid(function, starts, targets.mean, targets.weight)
    best = fits.parameters

    def log_loss(num_params, epoch, train_size, which):
        at = terms.variables(num_params, epoch, train_size) - centre
        return terms.log_loss(best[which], at)[0]

    told = told_apart(function, best[0], targets.weight[0])
    enough = [len(np.unique(column.round(9))) >= 3 for column in logs.T]
    count = len(terms.powers)
    exponents = terms.exponents(best[:1])[0]
    amplitudes = best[0, 1 : 1 + count] + terms.powers @ (exponents * centre)
    letters = [f"log {letter}" for letter in ("A", "B", "C")[:count]]
    parameters = {
        "E": float(np.exp(best[0, 0])),
        **dict(zip(letters, map(float, amplitudes), strict=True)),
        **dict(zip(terms.names, map(float, exponents), strict=True)),
    }
    return finish_law(
        log_loss,
        curves,
        converged=bool(fits.converged[0]),
        identified=bool(told > IDENTIFIED and all(enough)),
        parameters=parameters,
    )


def fit_additive(curves: LearningCurves) -> Law:
    """Fits L = E + A N^-a + B T^-b, T in epochs, for each train size.

    This is the form of [Rosenfeld et al. 2020] and [Hoffmann et al. 2022, Eq. 2] with
    time instead of data.
    """
    return by_train_size(curves, lambda each: fit_terms(each, SIZE_TIME))


def fit_late_additive(curves: LearningCurves) -> Law:
    """Fits the additive law after a burn-in, for each train size.

    In the first part of training other laws hold: the learning rate warms up, and fast
    modes are learned. Like the additive law, but losses before `burn_in` are left out.
    The burn-in is 0 or the longest time over 2, 4, ..., 64: the one with which all
    rungs of sizes but the largest predict the second half of the largest rung's
    training best. With fewer than `RUNGS` rungs the burn-in is 0.
    """
    return by_train_size(curves, lambda each: _fit_late(each, SIZE_TIME))


def fit_coupled(curves: LearningCurves) -> Law:
    """Fits L = E + A N^-a + B N^g T^-b after a burn-in, for each train size.

    The exponent g has either sign: in the same time larger networks lose a smaller
    share of their reducible loss if g > 0, and a larger share if g < 0. The additive
    law has g = 0. T is in epochs. The burn-in is chosen as by `fit_late_additive`.
    """
    return by_train_size(curves, lambda each: _fit_late(each, COUPLED))


def _fit_late(curves: LearningCurves, terms: Terms) -> Law:
    burn_in = choose_burn_in(curves, terms)
    law = fit_terms(curves.after(burn_in), terms)
    if not law.parameters:
        return no_law(curves)
    # the scatter before the burn-in contains the misfit there
    return finish_law(
        law.log_loss,
        curves,
        law.converged,
        law.identified,
        {**law.parameters, "burn_in": burn_in},
    )


def choose_burn_in(curves: LearningCurves, terms: Terms = SIZE_TIME) -> float:
    """Returns the burn-in of a law for curves of one train size."""
    largest = curves.rungs == curves.rungs.max()
    if curves.rungs.max() + 1 < RUNGS:
        return 0.0
    # the mean over seeds alone: no resamples
    mean = curves._replace(logs=curves.mean[:, :, None]).over_seeds
    end = float(curves.epoch[-1])
    goal = make_targets(mean.where(largest).second_half, learned=True)
    if not len(goal.epoch):
        return 0.0
    errors = {}
    for burn_in in (0.0, *(end / 2.0 ** np.arange(BURN_INS, 0, -1))):
        law = fit_terms(mean.where(~largest).after(burn_in), terms)
        at = goal.num_params, goal.epoch, goal.train_size
        error = float(np.mean(np.abs(law.best(*at) - goal.mean[0])))
        if np.isfinite(error):
            errors[float(burn_in)] = error
    return min(errors, key=lambda each: errors[each], default=0.0)


def fit_interaction(curves: LearningCurves) -> Law:
    """Fits L = E + A N^-a + B T^-b + C N^-a T^-b for each train size.

    With A = B = 0 the law depends on one product of powers of size and time.
    """
    return by_train_size(curves, lambda each: fit_terms(each, SIZE_TIME_BOTH))


def fit_with_data(curves: LearningCurves) -> Law:
    """Fits L = E + A N^-a + B T^-b + C D^-c to all train sizes at once.

    T is the number of examples seen and D the number of distinct examples [Hoffmann et
    al. 2022, Eq. 2 and a third term]. If the logs lack the train size, the law predicts
    nothing.
    """
    if np.any(curves.train_size <= 0):
        return no_law(curves)
    return fit_terms(curves, SIZE_TIME_DATA)
