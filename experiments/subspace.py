"""Theorem 1 against the truth, and two bounds that stay finite: a map over (p, t).

For a quadratic loss and for logistic regression with a ridge, both on R^r, G is drawn
many times at each p; the 95% quantile of ||alpha(t) - A(p t)|| is set beside Theorem 1
[BF24, Eq. 4] and beside our bounds, knowing G and a priori. What lies above a bound is
counted.

  python experiments/subspace.py --flagfile=experiments/flagfiles/subspace/laptop.flags
"""

import pathlib

import cli
import jax
import jax.numpy as jnp
import numpy as np
import shared_flags
from absl import flags

from scaletime_jax.analysis.subspace import (
    Comparison,
    compare_bounds,
    make_logistic,
    make_quadratic,
)
from scaletime_jax.plotting.subspace import plot_subspace
from scaletime_jax.theory.arguments import require_positive, require_probability

flags.adopt_module_key_flags(shared_flags)
SIZES = flags.DEFINE_list(
    "sizes", "10,30,100,300,1000,3000,10000", "Numbers of parameters p."
)
TIMES = flags.DEFINE_list(
    "times", "0.1,0.3,1,3,10,30,100,300,1000,3000", "Flow times t, in steps."
)
AMBIENT = flags.DEFINE_integer("ambient", 1000, "Dimension P of the large model.")
RANK = flags.DEFINE_integer("rank", 3, "Dimensions r that the loss depends on.")
RATE = flags.DEFINE_float("learning_rate", 1e-6, "Of the flows.")
SEED = flags.DEFINE_integer("seed", 101, "Of K, the losses and the draws.")
DRAWS = flags.DEFINE_integer("draws", 1000, "Of G, at each p.")
FAILURE = flags.DEFINE_float(
    "failure_probability", 0.05, "With which bounds that do not know G may fail."
)
RIDGE = flags.DEFINE_float("ridge", 0.1, "Of the logistic regression.")
POINTS = 30  # of the logistic regression


def make_problems(seed: int) -> tuple:
    """Returns Sigma and the two problems."""
    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), seed), 5)
    rank = RANK.value
    k = jax.random.normal(keys[0], (rank, AMBIENT.value))
    start = k @ jax.random.normal(keys[1], (AMBIENT.value,))
    star = jax.random.normal(keys[2], (rank,))
    inputs = jax.random.normal(keys[3], (POINTS, rank))
    signs = jnp.sign(inputs @ star + jax.random.normal(keys[4], (POINTS,)))
    near = start / jnp.linalg.norm(start)
    problems = [
        make_quadratic(start, star),
        make_logistic(inputs, signs, RIDGE.value, 3 * near),
    ]
    return k @ k.T, problems


def summarize(comparison: Comparison) -> list[dict]:
    """Returns a row for each bound, over the cells where the flows are under way."""
    here = comparison.under_way
    rows = []
    for name in comparison.bounds:
        ratio = comparison.ratio(name)[here]
        finite = ratio[np.isfinite(ratio)]
        above = comparison.violations[name]
        rows.append(
            {
                "loss": comparison.problem,
                "bound": name,
                "cells": int(here.sum()),
                "draws_a_cell": comparison.draws,
                "ratio_median": float(np.median(ratio)),
                "ratio_largest_finite": float(finite.max()),
                "cells_infinite": int(np.isinf(ratio).sum()),
                "violations": int(above.sum()),
                "violations_worst_cell": int(above.max()),
                "cells_above_distance_travelled": int(
                    (comparison.bounds[name] > comparison.travelled)[here].sum()
                ),
            }
        )
    return rows


def cell_rows(comparison: Comparison) -> list[dict]:
    """Returns the map's cells."""
    return [
        {
            "p": comparison.sizes[i],
            "t": comparison.times[j],
            "observed": comparison.observed[i, j],
            "travelled": comparison.travelled[i, j],
            **{name: bound[i, j] for name, bound in comparison.bounds.items()},
        }
        for i, j in np.ndindex(comparison.observed.shape)
    ]


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    sizes = sorted(shared_flags.numbers(SIZES, int))
    times = sorted(shared_flags.numbers(TIMES, float))
    require_positive("--sizes", sizes)
    require_positive("--times", times)
    for flag in (AMBIENT, RANK, RATE, DRAWS, RIDGE):
        require_positive(f"--{flag.name}", flag.value)
    require_probability("--failure_probability", FAILURE.value)
    if shared_flags.DRY_RUN.value:
        print(f"2 losses x {len(sizes)} sizes x {DRAWS.value} draws of G; a minute.")
        return
    cov, problems = make_problems(SEED.value)
    how = sizes, times, RATE.value, DRAWS.value, FAILURE.value, SEED.value
    comparisons = [compare_bounds(problem, cov, *how) for problem in problems]
    rows = [row for comparison in comparisons for row in summarize(comparison)]
    for row in rows:
        print(
            f"{row['loss']}, {row['bound']}: ratio to the observed 95% quantile "
            f"{row['ratio_median']:.3g} (median), {row['ratio_largest_finite']:.3g} "
            f"(largest finite); {row['violations']} violations in {row['cells']} cells "
            f"of {row['draws_a_cell']} draws"
        )
    cli.write_results(
        pathlib.Path(shared_flags.WORKDIR.value),
        {"experiment": "subspace", "flags": cli.flag_values(), "bounds": rows},
        {c.problem.replace(" ", "-"): cell_rows(c) for c in comparisons},
        plot_subspace(comparisons),
    )


if __name__ == "__main__":
    cli.run(main)
