"""Theorem 1 and our bounds on the distance between a flow and its limit, by name."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from scaletime_jax.studies.subspace_problems import Problem
from scaletime_jax.theory.flow_bounds import (
    quadratic_bound,
    quadratic_bound_apriori,
    strongly_convex_bound,
    strongly_convex_bound_apriori,
    theorem1_bound,
)

KNOWN, GAUSSIAN, MARKOV = "G known", "Gaussian", "Markov"
THEOREM1 = "Theorem 1"


def bound_distances(
    problem: Problem, grams, cov, p, times, learning_rate, failure_probability
) -> dict[str, Array]:
    """Returns the bounds by name: [draws, times] if they use G, else [1, times].

    Args:
        problem: the loss.
        grams: [draws, r, r] G.
        cov: [r, r] Sigma.
        p: number of parameters.
        times: [times] t.
        learning_rate: eta.
        failure_probability: eps of the bounds that do not use G.
    """
    theorem = theorem1_bound(
        cov,
        p,
        times,
        learning_rate,
        problem.lipschitz,
        problem.smoothness,
        failure_probability,
    )
    known, apriori = _own_bounds(
        problem, cov, p, times, learning_rate, failure_probability
    )
    return {
        THEOREM1: theorem[None],
        KNOWN: jax.vmap(known)(grams),
        GAUSSIAN: apriori("gaussian")[None],
        MARKOV: apriori("markov")[None],
    }


def _own_bounds(
    problem: Problem, cov, p, times, learning_rate, failure_probability
) -> tuple[Callable, Callable]:
    """Returns our bounds: a function of G, and a function of an estimate's name."""
    if problem.minimum is None:

        def known(gram):
            return strongly_convex_bound(
                gram,
                cov,
                p,
                times,
                learning_rate,
                problem.lipschitz,
                problem.convexity,
            )

        def apriori(estimate):
            return strongly_convex_bound_apriori(
                cov,
                p,
                times,
                learning_rate,
                problem.lipschitz,
                problem.convexity,
                failure_probability,
                estimate,
            )

        return known, apriori
    distance = jnp.linalg.norm(problem.alpha0 - problem.minimum)

    def known_quadratic(gram):
        return quadratic_bound(gram, cov, p, times, learning_rate, distance)

    def apriori_quadratic(estimate):
        return quadratic_bound_apriori(
            cov, p, times, learning_rate, distance, failure_probability, estimate
        )

    return known_quadratic, apriori_quadratic
