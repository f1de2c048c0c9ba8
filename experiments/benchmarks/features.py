"""The time that one factorisation for many sizes saves over one for each size.

    python experiments/benchmarks/features.py --output=experiments/results/benchmarks

Both ways take turns in one process, each compiled beforehand as one program: L(D) for D
= 32, 64, ..., 512, L(P) for the same P, and L(512, p) up to p = 512 and beyond. Both
must give the same numbers.
"""

import statistics

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from theory import ROUNDS, cli, report, timed

from scaletime_jax.theory.random_features import (
    losses_over_data,
    losses_over_features,
    teacher_student_loss,
)
from scaletime_jax.theory.student_losses import student_losses

INPUTS = flags.DEFINE_integer("inputs", 3000, "Number of inputs N of the population.")
POOL = flags.DEFINE_integer("features", 1500, "Number of features S of the pool.")
SIZES = list(range(32, 513, 32))
BOTH_SIDES = [64, 128, 256, 384, 512, 768, 1024]


def alone(features, points, projection):
    """Returns a loss computed separately."""
    return teacher_student_loss(points, projection, population_features=features)


def of_data(features, points, projection):
    """Returns L(D)."""
    return losses_over_data(points, population_features=features)[jnp.array(SIZES) - 1]


def of_data_alone(features, points, projection):
    """Returns L(D)."""
    eye = jnp.eye(features.shape[1])
    return jnp.stack([alone(features, points[:d], eye) for d in SIZES])


def of_features(features, points, projection):
    """Returns L(P)."""
    first = projection[: SIZES[-1]]
    losses = losses_over_features(first, population_features=features)
    return losses[jnp.array(SIZES) - 1]


def of_features_alone(features, points, projection):
    """Returns L(P)."""
    return jnp.stack([alone(features, features, projection[:p]) for p in SIZES])


def of_students(sizes):
    """Returns L(512, p), both ways."""

    def together(features, points, projection):
        return student_losses(points, projection, sizes, population_features=features)

    def one_by_one(features, points, projection):
        return jnp.stack([alone(features, points, projection[:p]) for p in sizes])

    return together, one_by_one


WAYS = {
    "L(D)": (of_data, of_data_alone),
    "L(P)": (of_features, of_features_alone),
    "L(512, p), p <= 512": of_students(SIZES),
    "L(512, p), both sides": of_students(BOTH_SIDES),
}


def compare(ways, *given) -> dict:
    """Times both ways in turn."""
    together, one_by_one = (jax.jit(way) for way in ways)
    difference = np.abs(np.asarray(together(*given) / one_by_one(*given)) - 1)
    rounds = [
        (timed(lambda: together(*given)), timed(lambda: one_by_one(*given)))
        for _ in range(ROUNDS.value)
    ]
    return {
        "largest_relative_difference": float(np.max(difference)),
        "seconds_together": statistics.median(fast for fast, _ in rounds),
        "seconds_one_by_one": statistics.median(slow for _, slow in rounds),
        "ratio": statistics.median(slow / fast for fast, slow in rounds),
        "ratio_range": [f(b / a for a, b in rounds) for f in (min, max)],
    }


def main() -> None:
    """Prints and writes the measurements."""
    jax.config.update("jax_enable_x64", True)
    keys = jax.random.split(jax.random.key(0), 3)
    scales = jnp.arange(1.0, POOL.value + 1) ** -0.75
    features = jax.random.normal(keys[0], (INPUTS.value, POOL.value)) * scales
    points = features[jax.random.permutation(keys[1], INPUTS.value)[: SIZES[-1]]]
    projection = jax.random.normal(keys[2], (BOTH_SIDES[-1], POOL.value))
    given = features, points, projection
    record = {name: compare(each, *given) for name, each in WAYS.items()}
    report(record, "features")


if __name__ == "__main__":
    cli.run(main)
