"""The runs that are expected to narrow a plan's interval most, within a budget.

The law's prediction at the plan, f*, and at a run x, f(x), are taken as jointly
Gaussian, with the covariance K of the law's resampled fits. The runs X, each
observed at its end with the variance N of a mean over seeds, leave

    var(f* | X) = K** - K*X (K_XX + N)^-1 K_X*

of the variance, which is the rule of Bayesian optimal design. The law's error beyond
the runs shrinks with the log distance from X to the plan. X is chosen greedily, and
then its runs are exchanged one by one as long as the interval narrows.
"""

from typing import NamedTuple

import numpy as np

from scaletime_jax.errors import InputError
from scaletime_jax.laws.beyond import Beyond, beyond_of, ends_of
from scaletime_jax.laws.budget import Budget, Limits
from scaletime_jax.laws.law import EVERY
from scaletime_jax.laws.planner import Plan
from scaletime_jax.laws.predictors import PREDICTORS
from scaletime_jax.laws.resampling import LEAST_RUNGS, resamples_of
from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.stats.estimates import t_quantile
from scaletime_jax.track import Track, quiet
from scaletime_jax.words import count_of

SIZES, HALVINGS = 16, 8  # candidates: sizes, and times halved from the longest
PAIRINGS = 8  # of seeds at different sizes
ROUNDS = 10
SAME = 1.05  # factor within which a size is one that was measured
NORMAL = float(t_quantile(np.inf))


class Candidates(NamedTuple):
    """Runs that may be made, each with every seed.

    Attributes:
        at: [3, runs] num_params, epoch and train_size.
        cost: [runs] of all seeds together, in the budget's unit.
        samples: [1 + runs, fits] log losses of resampled fits, of which products sum to
            covariances; the first is for the plan.
        noise: [runs] variance of the mean over seeds about the law.
    """

    at: np.ndarray
    cost: np.ndarray
    samples: np.ndarray
    noise: np.ndarray

    def left(self, chosen: list[int]) -> np.ndarray:
        """Returns the variance at the plan with the chosen and one more [1 + runs].

        The first is without one more.
        """
        rows = [1 + k for k in chosen]
        products = self.samples @ self.samples[rows].T
        inner = products[rows] + np.diag(self.noise[chosen])
        known = np.linalg.solve(inner, products.T)  # [chosen, 1 + runs]
        shared = self.samples @ self.samples[0] - products @ known[:, 0]
        own = (self.samples**2).sum(axis=1) - (products * known.T).sum(axis=1)
        gain = shared[1:] ** 2 / (np.maximum(own[1:], 0.0) + self.noise)
        return np.maximum(own[0] - np.append(0.0, gain), 0.0)


class Aim(NamedTuple):
    """The interval that is to be narrowed: of the mean loss at the plan.

    Attributes:
        at: [3, 1] num_params, epoch and train_size of the plan.
        reach: half-width of its log interval from fit and misfit.
        misfit: variance of the law's misfit there.
        beyond: the law's error beyond the runs.
    """

    at: np.ndarray
    reach: float
    misfit: float
    beyond: Beyond


class NextRuns(NamedTuple):
    """The runs to make next.

    Attributes:
        runs: num_params, epoch and train_size of each.
        seeds: number of seeds with which each run is made.
        cost: of all runs and seeds, in the budget's unit.
        now: ends of the 95% interval of the mean loss at the plan.
        then: the same, as expected with the runs.
    """

    runs: list[tuple[float, float, float]]
    seeds: int
    cost: float
    now: tuple[float, float]
    then: tuple[float, float]


def find_next_runs(
    curves: LearningCurves,
    plan: Plan,
    budget: Budget,
    count: int,
    track: Track = quiet,
) -> NextRuns:
    """Returns the runs that are expected to narrow the plan's interval most.

    Args:
        curves: that the plan's law was fitted to.
        plan: the plan.
        budget: what all runs and seeds may cost together.
        count: the most runs, each with as many seeds as most sizes have.
        track: shows the progress.

    Raises:
        InputError: the curves have no resamples, the budget pays for no run, or the
            resampled fits predict no loss at the plan.
    """
    if plan.choice.law.resamples.freedom == 0:
        raise InputError(
            "the next runs are chosen by fits to resampled seeds, or without one of "
            f"{LEAST_RUNGS} sizes, and the runs have a single seed of fewer sizes; add "
            "seeds or sizes, or ask for no next runs.",
            next_runs=0,
        )
    found = make_candidates(curves, plan, budget, track)
    aim = _aim_at(curves, plan)
    chosen = choose(found, aim, budget.amount, count)
    loss, at = plan.best.loss, found.at[:, chosen].T
    widths = (widths_with(found, aim, each)[0] for each in ([], chosen))
    now, then = (
        (float(loss * np.exp(-each)), float(loss * np.exp(each))) for each in widths
    )
    runs = [(float(size), float(epoch), float(n)) for size, epoch, n in at]
    return NextRuns(runs, _seeds(curves), float(found.cost[chosen].sum()), now, then)


def make_candidates(
    curves: LearningCurves, plan: Plan, budget: Budget, track: Track = quiet
) -> Candidates:
    """Returns runs on a grid of sizes, times and train sizes that the budget pays for.

    Raises:
        InputError: the budget pays for none, or the resampled fits predict no loss at
            the plan.
    """
    at = _grid(curves, plan.choice.limits, budget)
    best = np.array(plan.best[:3])[:, None]
    samples = _resampled_fits(curves, plan, np.append(best, at, axis=1), track)
    there = np.isfinite(samples).all(axis=1)
    kept = there[1:]
    size, epoch, n = at[:, kept]
    deviation = plan.choice.law.scatter.at(epoch, n)[0]
    miss = beyond_of(curves, plan.choice).miss(size, epoch, n)
    cost = _seeds(curves) * _cost(budget, size, epoch, n)
    noise = deviation**2 / _seeds(curves) + miss**2
    return Candidates(at[:, kept], cost, samples[there], noise)


def _grid(curves: LearningCurves, limits: Limits, budget: Budget) -> np.ndarray:
    """Returns num_params, epoch and train_size [3, runs] that are not measured yet."""
    sizes, shares = np.geomspace(*limits.num_params, SIZES), 0.5 ** np.arange(HALVINGS)
    size, n, share = (
        each.ravel()
        for each in np.meshgrid(sizes, np.array(limits.train_sizes), shares)
    )
    affords = budget.epochs(size, n) / _seeds(curves)
    epoch = np.minimum(affords, limits.epoch) * share
    kept, ends = epoch >= curves.epoch[0], ends_of(curves)
    for size_, n_, last in zip(*ends[:2], ends.epoch, strict=True):
        same = np.abs(np.log(size / size_)) < np.log(SAME)
        kept &= ~(same & (n == n_) & (epoch <= last * SAME))
    if not kept.any():
        raise InputError(
            f"{budget} pay for no new run with {count_of(_seeds(curves), 'seed')}; "
            "raise the budget of the next runs.",
            next_budget=None,
        )
    return np.stack([size, epoch, n])[:, kept]


def _seeds(curves: LearningCurves) -> int:
    """Returns with how many seeds each next run is made: as many as most sizes have."""
    return 1 if resamples_of(curves).leaves_out else curves.seeds


def _cost(budget: Budget, size, epoch, n) -> np.ndarray:
    """Returns the cost of one run at each point, in the budget's unit."""
    return budget.amount * epoch / budget.epochs(size, n)


def _resampled_fits(curves, plan: Plan, at: np.ndarray, track: Track) -> np.ndarray:
    """Returns log losses of resampled fits, as in `Candidates` [points, fits].

    Where sizes are left out in turn, these are the law's own fits. Resamples of n seeds
    span n - 1 directions at most, although runs of one seed at different sizes are
    nearly independent. The seeds of different sizes are therefore paired anew several
    times. All is scaled to the error of the plan's own fit.
    """
    [predictor] = [p for p in PREDICTORS if p.name == plan.choice.name]
    size, epoch, n = at
    law, resamples = plan.choice.law, plan.choice.law.resamples
    own = law.log_loss(size[:1], epoch[:1], n[:1], EVERY)
    error = float(resamples.error(own)[0])
    if not np.isfinite(error):
        raise InputError(
            "too few resampled fits predict a loss at the plan, so that the next runs "
            "cannot be chosen; ask for no next runs.",
            next_runs=0,
        )
    rng, parts = np.random.default_rng(0), []
    seeds = np.tile(np.arange(curves.seeds), (len(curves.logs), 1))
    pairings = 1 if resamples.leaves_out else PAIRINGS
    for _ in track(range(pairings), "seeds paired"):
        if not resamples.leaves_out:
            order = rng.permuted(seeds, axis=1)[:, None]
            logs = np.take_along_axis(curves.logs, order, axis=2)
            law = predictor.fit(curves._replace(logs=logs), "num_params")
        resampled = law.log_loss(size, epoch, n, EVERY)[1:]
        resampled = resampled[np.isfinite(resampled[:, 0])]
        parts.append(resampled - resampled.mean(axis=0))
    samples = np.concatenate(parts).T
    spread = np.sqrt((samples[0] ** 2).sum())
    return samples * (error / spread if spread > 0 else 0.0)


def _aim_at(curves: LearningCurves, plan: Plan) -> Aim:
    at, beyond = np.array(plan.best[:3])[:, None], beyond_of(curves, plan.choice)
    _, epoch, n = at
    deviation, misfit, _ = plan.choice.law.scatter.at(epoch, n)
    whole = np.log(plan.mean[1] / plan.best.loss) ** 2
    fit = whole - (NORMAL * beyond.miss(*at)[0]) ** 2
    own = float(np.fmin(deviation, misfit)[0]) ** 2
    return Aim(at, float(np.sqrt(max(fit, 0.0))), own, beyond)


def widths_with(found: Candidates, aim: Aim, chosen: list[int]) -> np.ndarray:
    """Returns half-widths of the log interval with the chosen and one more [1 + runs].

    The first is without one more.
    """
    before, left = (found.samples[0] ** 2).sum(), found.left(chosen)
    fit = aim.reach**2 * (left + aim.misfit) / max(before + aim.misfit, 1e-300)
    beyond = aim.beyond
    for k in chosen:
        beyond = beyond.and_one(*found.at[:, k])
    miss = np.full(len(fit), beyond.miss(*aim.at)[0])
    if miss[0] > 0:
        miss[1:] = [beyond.and_one(*each).miss(*aim.at)[0] for each in found.at.T]
    return np.sqrt(fit + (NORMAL * miss) ** 2)


def choose(found: Candidates, aim: Aim, amount: float, count: int) -> list[int]:
    """Returns the runs that narrow the interval most, and together cost the amount.

    Greedy with all the amount, and with equal shares of it; the better of both after
    exchanges of single runs.
    """
    sets = []
    for equal in (False, True):
        chosen: list[int] = []
        for _ in range(count):
            spent = found.cost[chosen].sum()
            most = amount / count if equal else amount - spent
            if (best := _best(found, aim, chosen, most)) is not None:
                chosen.append(best)
        sets.append(_exchanged(found, aim, chosen, amount))
    return min(sets, key=lambda each: widths_with(found, aim, each)[0])


def _best(found, aim: Aim, chosen: list[int], most: float) -> int | None:
    """Returns the best run besides the chosen that costs at most this; None if none."""
    widths = np.where(
        found.cost <= most * (1 + 1e-9), widths_with(found, aim, chosen)[1:], np.inf
    )
    widths[chosen] = np.inf
    best = int(np.argmin(widths))
    return best if np.isfinite(widths[best]) else None


def _exchanged(found, aim: Aim, chosen: list[int], amount: float) -> list[int]:
    width = widths_with(found, aim, chosen)[0]
    for _ in range(ROUNDS):
        before = width
        for place in range(len(chosen)):
            others = chosen[:place] + chosen[place + 1 :]
            most = amount - found.cost[others].sum()
            best = _best(found, aim, others, most)
            if best is not None:
                trial = [*chosen[:place], best, *chosen[place + 1 :]]
                narrower = widths_with(found, aim, trial)[0]
                if narrower < width * (1 - 1e-9):
                    chosen, width = trial, narrower
        if width >= before * (1 - 1e-6):
            break
    return chosen
