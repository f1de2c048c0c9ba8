"""How far the random subspace model is from its limit, and what bounds say of it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scaletime_jax.theory.flow_bounds import (
    quadratic_bound,
    quadratic_bound_apriori,
    strongly_convex_bound,
    strongly_convex_bound_apriori,
    theorem1_bound,
)
from scaletime_jax.theory.random_subspace import (
    gradient_flow,
    limit_flow,
    quadratic_flow,
    sample_gram,
)

# Below this share of the way travelled both flows have arrived: what is left of their
# distance is the solver's error, which no bound has to hold for.
ARRIVED = 1e-8
QUANTILE = 0.95
KNOWN, GAUSSIAN, MARKOV = "G known", "Gaussian", "Markov"
THEOREM1 = "Theorem 1"


class Problem(NamedTuple):
    """A loss on R^r, and what the bounds need to know of it.

    Attributes:
        name: for people.
        loss_grad: grad L, [r] -> [r].
        alpha0: [r] where the flows start.
        minimum: [r] if L = ||alpha - minimum||^2, else None.
        lipschitz: l, of L where the flows are; both only ever descend.
        smoothness: h, of grad L.
        convexity: mu.
    """

    name: str
    loss_grad: Callable[[Array], Array]
    alpha0: Float[Array, "r"]
    minimum: Float[Array, "r"] | None
    lipschitz: float
    smoothness: float
    convexity: float


class Comparison(NamedTuple):
    """Observed distances ||alpha(t) - A(p t)|| beside their bounds.

    Attributes:
        problem: its name.
        sizes: [sizes] p.
        times: [times] t.
        draws: of G, at each size.
        observed: [sizes, times] 95% quantile over draws.
        travelled: [sizes, times] ||A(p t) - A(0)||.
        bounds: [sizes, times] by name; the 95% quantile where a bound knows G.
        violations: [sizes, times] by name, draws whose distance is above the bound.
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
        """[sizes, times] where the flows have not both arrived."""
        return self.observed > ARRIVED * self.travelled

    def ratio(self, name: str) -> np.ndarray:
        """Returns [sizes, times] bound over observed distance, NaN where arrived."""
        here = self.under_way
        observed = np.where(here, self.observed, 1)
        return np.where(here, self.bounds[name] / observed, np.nan)

    @property
    def vacuous(self) -> np.ndarray:
        """[sizes, times] where Theorem 1 is above the distance travelled."""
        return self.bounds[THEOREM1] > self.travelled

    def summary(self, name: str) -> dict:
        """Returns what holds of a bound where the flows are under way."""
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


def make_quadratic(alpha0: Array, minimum: Array) -> Problem:
    """Returns L = ||alpha - minimum||^2; its flows stay within ||alpha0 - minimum||."""
    reach = float(jnp.linalg.norm(alpha0 - minimum))
    return Problem(
        "quadratic",
        lambda alpha: 2 * (alpha - minimum),
        alpha0,
        minimum,
        lipschitz=2 * reach,
        smoothness=2.0,
        convexity=2.0,
    )


def make_logistic(inputs: Array, signs: Array, ridge: float, alpha0: Array) -> Problem:
    """Returns L = mean_j log(1 + exp(-y_j x_j alpha)) + (ridge / 2) ||alpha||^2.

    As L falls, (ridge / 2) ||alpha||^2 <= L(alpha0), which bounds the gradient.

    Args:
        inputs: [n, r] x_j.
        signs: [n] y_j, -1 or 1.
        ridge: mu, > 0.
        alpha0: [r] where the flows start.
    """

    def loss(alpha):
        margins = signs * (inputs @ alpha)
        return jnp.mean(jax.nn.softplus(-margins)) + ridge / 2 * alpha @ alpha

    reach = jnp.sqrt(2 * loss(alpha0) / ridge)
    steepest = jnp.mean(jnp.linalg.norm(inputs, axis=1))
    curvature = jnp.linalg.eigvalsh(inputs.T @ inputs)[-1] / (4 * len(inputs))
    return Problem(
        "logistic with ridge",
        jax.grad(loss),
        alpha0,
        None,
        lipschitz=float(steepest + ridge * reach),
        smoothness=float(curvature + ridge),
        convexity=ridge,
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
) -> Comparison:
    """Draws G at each size, and sets distances beside Theorem 1 and two of our bounds.

    Args:
        problem: the loss.
        cov: [r, r] Sigma = K K^T.
        sizes: p, >= 1.
        times: t >= 0, increasing.
        learning_rate: eta.
        draws: of G, at each size.
        failure_probability: eps of the bounds that do not know G.
        seed: of the draws.
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
        bounds = _bounds(
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

    each = [measure(jnp.asarray(p)) for p in sizes]
    stacked = jax.tree.map(lambda *rows: np.stack(rows), *each)
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


def _bounds(problem: Problem, grams, cov, p, times, learning_rate, failure_probability):
    """Returns the bounds by name, [draws, times] or [1, times]."""
    where = cov, p, times, learning_rate
    steepness = problem.lipschitz, problem.smoothness
    with_gram: Callable = strongly_convex_bound
    apriori: Callable = strongly_convex_bound_apriori
    constants = [problem.lipschitz, problem.convexity]
    if problem.minimum is not None:
        with_gram, apriori = quadratic_bound, quadratic_bound_apriori
        constants = [jnp.linalg.norm(problem.alpha0 - problem.minimum)]
    theorem = theorem1_bound(*where, *steepness, failure_probability)
    bounds = {
        THEOREM1: theorem[None],
        KNOWN: jax.vmap(lambda gram: with_gram(gram, *where, *constants))(grams),
    }
    for name in (GAUSSIAN, MARKOV):
        bound = apriori(*where, *constants, failure_probability, name.lower())
        bounds[name] = bound[None]
    return bounds
