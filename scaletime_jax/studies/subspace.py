"""Distances of the random subspace model from its limit, and bounds on them."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.studies.result import Result, rows
from scaletime_jax.studies.subspace_bounds import THEOREM1, bound_distances
from scaletime_jax.studies.subspace_problems import Problem, make_problems
from scaletime_jax.theory.random_subspace import (
    gradient_flow,
    limit_flow,
    quadratic_flow,
    sample_gram,
)
from scaletime_jax.track import Track, quiet

NAME = "subspace"
TITLE = (
    "Theorem 1 and two bounds that stay finite, against observed distances, over (p, t)"
)
CAPTION = (
    "One figure for each loss: distance and bounds at one p, and one map for each "
    "bound. Colour is the bound over the 95% quantile of the distance. Hatched: "
    "Theorem 1 is above the distance that the flow has travelled, and so excludes "
    "nothing. Grey: both flows have arrived."
)
# Below this share of the distance travelled both flows have converged: the remaining
# distance is the solver's error, to which the bounds do not apply.
ARRIVED = 1e-8
QUANTILE = 0.95


class Options(NamedTuple):
    """Options of the study.

    Attributes:
        sizes: numbers of parameters p, ascending.
        times: flow times t, in steps, ascending.
        ambient: dimension P of the large model.
        rank: number r of dimensions that the loss depends on.
        learning_rate: learning rate of the flows.
        seed: seed of K, the losses and the draws.
        draws: number of draws of G at each p.
        failure_probability: failure probability of the bounds that do not use G.
        ridge: ridge of the logistic regression.
    """

    sizes: Sequence[int] = (10, 30, 100, 300, 1000, 3000, 10000)
    times: Sequence[float] = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)
    ambient: int = 1000
    rank: int = 3
    learning_rate: float = 1e-6
    seed: int = 101
    draws: int = 1000
    failure_probability: float = 0.05
    ridge: float = 0.1


class Comparison(NamedTuple):
    """Observed distances ||alpha(t) - A(p t)|| beside their bounds.

    Attributes:
        problem: name of the problem.
        sizes: [sizes] p.
        times: [times] t.
        draws: number of draws of G at each size.
        observed: [sizes, times] 95% quantile of the distance over draws.
        travelled: [sizes, times] ||A(p t) - A(0)||.
        bounds: [sizes, times] bounds by name; the 95% quantile of bounds that use G.
        violations: [sizes, times] by name, number of draws whose distance is above the
            bound.
    """

    problem: str
    sizes: np.ndarray
    times: np.ndarray
    draws: int
    observed: np.ndarray
    travelled: np.ndarray
    bounds: dict[str, np.ndarray]
    violations: dict[str, np.ndarray]

    @property
    def under_way(self) -> np.ndarray:
        """[sizes, times] whether at least one flow has not converged."""
        return self.observed > ARRIVED * self.travelled

    def ratio(self, name: str) -> np.ndarray:
        """Returns [sizes, times] bound / observed distance, NaN after convergence."""
        here = self.under_way
        observed = np.where(here, self.observed, 1)
        return np.where(here, self.bounds[name] / observed, np.nan)

    @property
    def vacuous(self) -> np.ndarray:
        """[sizes, times] whether Theorem 1 is above the distance travelled."""
        return self.bounds[THEOREM1] > self.travelled

    def summary(self, name: str) -> dict:
        """Returns the statistics of a bound before the flows converge."""
        here, above = self.under_way, self.violations[name]
        ratio = self.ratio(name)[here]
        finite = ratio[np.isfinite(ratio)]
        return {
            "loss": self.problem,
            "bound": name,
            "cells": int(here.sum()),
            "draws_a_cell": self.draws,
            "ratio_median": float(np.median(ratio)) if finite.size else None,
            "ratio_largest_finite": float(finite.max()) if finite.size else None,
            "cells_infinite": int(np.isinf(ratio).sum()),
            "violations": int(above.sum()),
            "violations_worst_cell": int(above.max()),
            "coverage_worst_cell": float(1 - above.max() / self.draws),
            "cells_above_distance_travelled": int(
                (self.bounds[name] > self.travelled)[here].sum()
            ),
        }


def study(options: Options, track: Track = quiet) -> Result:
    """Returns distances and their bounds, for a quadratic and a logistic loss.

    Args:
        options: options of the study.
        track: shows the progress.
    """
    problems = make_problems(options.seed, options.rank, options.ambient, options.ridge)
    comparisons = [
        compare_bounds(
            problem,
            problems.cov,
            options.sizes,
            options.times,
            options.learning_rate,
            options.draws,
            options.failure_probability,
            options.seed,
            track,
        )
        for problem in (problems.quadratic, problems.logistic)
    ]
    summaries = [each.summary(name) for each in comparisons for name in each.bounds]
    return Result(
        NAME,
        TITLE,
        CAPTION,
        [],
        {each.problem.replace(" ", "-"): _cells(each) for each in comparisons},
        {"bounds": summaries},
        {"comparisons": comparisons},
        [_describe(summary) for summary in summaries],
    )


def _cells(comparison: Comparison) -> list[dict]:
    """Returns the map's cells."""
    p, t = np.meshgrid(comparison.sizes, comparison.times, indexing="ij")
    columns = {
        "p": p,
        "t": t,
        "observed": comparison.observed,
        "travelled": comparison.travelled,
        **comparison.bounds,
    }
    return rows(**{name: values.ravel() for name, values in columns.items()})


def _describe(summary: dict) -> str:
    median, largest = summary["ratio_median"], summary["ratio_largest_finite"]
    return (
        f"{summary['loss']}, {summary['bound']}: {median or np.nan:.3g} times the "
        f"observed 95% quantile (median), {largest or np.nan:.3g} (largest finite); "
        f"{summary['violations']} violations in {summary['cells']} cells of "
        f"{summary['draws_a_cell']} draws"
    )


def compare_bounds(
    problem: Problem,
    cov: Float[Array, "r r"],
    sizes: Sequence[int],
    times: Sequence[float],
    learning_rate: float,
    draws: int,
    failure_probability: float,
    seed: int,
    track: Track = quiet,
) -> Comparison:
    """Draws G at each size and compares distances with Theorem 1 and with our bounds.

    Args:
        problem: the loss.
        cov: [r, r] Sigma = K K^T.
        sizes: p, >= 1.
        times: t >= 0, increasing.
        learning_rate: eta.
        draws: number of draws of G at each size.
        failure_probability: eps of the bounds that do not use G.
        seed: seed of the draws.
        track: shows the progress.
    """
    when = jnp.array(times, float)

    @jax.jit
    def measure(p):
        key = jax.random.fold_in(jax.random.key(seed), p)
        keys = jax.random.split(key, draws)
        grams = jax.vmap(lambda k: sample_gram(k, cov, p))(keys)
        limit = _limit(problem, cov, p * when, learning_rate)
        flows = jax.vmap(lambda g: _flow(problem, g, when, learning_rate))(grams)
        distances = jnp.linalg.norm(flows - limit, axis=-1)
        travelled = jnp.linalg.norm(limit - problem.alpha0, axis=-1)
        bounds = bound_distances(
            problem, grams, cov, p, when, learning_rate, failure_probability
        )
        slack = ARRIVED * travelled
        above = {
            name: jnp.sum(distances > bound + slack, axis=0)
            for name, bound in bounds.items()
        }
        typical = {
            name: jnp.quantile(bound, QUANTILE, axis=0, method="higher")
            for name, bound in bounds.items()
        }
        return jnp.quantile(distances, QUANTILE, axis=0), travelled, typical, above

    measured = [
        jax.device_get(measure(jnp.asarray(p)))
        for p in track(sizes, f"{problem.name}, sizes")
    ]
    stacked = jax.tree.map(lambda *each: np.stack(each), *measured)
    return Comparison(problem.name, np.array(sizes), np.array(when), draws, *stacked)


def _flow(problem: Problem, gram, times, learning_rate):
    if problem.minimum is None:
        return gradient_flow(
            problem.loss_grad, gram, problem.alpha0, times, learning_rate
        )
    return quadratic_flow(gram, problem.alpha0, problem.minimum, times, learning_rate)


def _limit(problem: Problem, cov, progress, learning_rate):
    if problem.minimum is None:
        return limit_flow(
            problem.loss_grad, cov, problem.alpha0, progress, learning_rate
        )
    return quadratic_flow(cov, problem.alpha0, problem.minimum, progress, learning_rate)
