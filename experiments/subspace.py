"""Theorem 1 against the truth, and two bounds that stay finite: a map over (p, t).

For a quadratic loss and for logistic regression with a ridge, both on R^r, G is drawn
many times at each p; the 95% quantile of ||alpha(t) - A(p t)|| is set beside Theorem 1
[BF24, Eq. 4] and beside our bounds, knowing G and a priori. What lies above a bound is
counted.

  python experiments/subspace.py --flagfile=experiments/flagfiles/subspace/laptop.flags
"""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from shell import cli
from shell import flags as shared_flags

from scaletime_jax.arguments import require_probability
from scaletime_jax.plotting.subspace import plot_subspace
from scaletime_jax.studies.subspace import (
    Comparison,
    compare_bounds,
    make_logistic,
    make_quadratic,
)

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


def cells(comparison: Comparison) -> list[dict]:
    """Returns the map's cells."""
    p, t = np.meshgrid(comparison.sizes, comparison.times, indexing="ij")
    seen = {"observed": comparison.observed, "travelled": comparison.travelled}
    columns = {"p": p, "t": t, **seen, **comparison.bounds}
    return cli.records(**{name: values.ravel() for name, values in columns.items()})


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    sizes = shared_flags.positive_numbers(SIZES, int)
    times = shared_flags.positive_numbers(TIMES, float)
    shared_flags.check_positive(AMBIENT, RANK, RATE, DRAWS, RIDGE)
    require_probability("--failure_probability", FAILURE.value)
    if shared_flags.DRY_RUN.value:
        print(f"2 losses x {len(sizes)} sizes x {DRAWS.value} draws of G; a minute.")
        return
    cov, problems = make_problems(SEED.value)
    how = sizes, times, RATE.value, DRAWS.value, FAILURE.value, SEED.value
    comparisons = [compare_bounds(problem, cov, *how) for problem in problems]
    rows = [each.summary(name) for each in comparisons for name in each.bounds]
    for row in rows:
        median, largest = row["ratio_median"], row["ratio_largest_finite"]
        print(
            f"{row['loss']}, {row['bound']}: {median or np.nan:.3g} times the observed "
            f"95% quantile (median), {largest or np.nan:.3g} (largest finite); "
            f"{row['violations']} violations in {row['cells']} cells of "
            f"{row['draws_a_cell']} draws"
        )
    cli.write_results(
        pathlib.Path(shared_flags.WORKDIR.value),
        {"experiment": "subspace", "flags": cli.flag_values(), "bounds": rows},
        {c.problem.replace(" ", "-"): cells(c) for c in comparisons},
        plot_subspace,
        comparisons,
    )


if __name__ == "__main__":
    cli.run(main)
