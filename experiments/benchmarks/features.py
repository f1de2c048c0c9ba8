"""What one factorisation saves: losses at many sizes, against each size on its own.

    python experiments/benchmarks/features.py --output=experiments/results/benchmarks

Both ways take turns in one process, each compiled beforehand as one program: L(D) for D
= 16, 32, ..., 512, L(P) likewise, and L(512, p) up to p = 512 and beyond it. They must
be the same numbers.
"""

import json
import pathlib
import statistics

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from theory import OUTPUT, ROUNDS, cli, timed

from scaletime_jax.theory.random_features import (
    losses_over_data,
    losses_over_features,
    teacher_student_loss,
)
from scaletime_jax.theory.student_losses import student_losses

INPUTS = flags.DEFINE_integer("inputs", 3000, "N of the population.")
POOL = flags.DEFINE_integer("features", 1500, "S of the pool.")
SIZES = np.arange(16, 513, 16)
BOTH_SIDES = (64, 128, 256, 384, 512, 768, 1024)


def make_ways(features, points, projection) -> dict:
    """Returns, for each loss, all sizes at once and one by one."""
    known = {"population_features": features}
    at, some = SIZES - 1, BOTH_SIDES

    def alone(d, p):
        return teacher_student_loss(points[:d], projection[:p], **known)

    eye = jnp.eye(features.shape[1])
    return {
        "L(D)": (
            lambda: losses_over_data(points[: SIZES[-1]], **known)[at],
            lambda: jnp.stack(
                [teacher_student_loss(points[:d], eye, **known) for d in SIZES]
            ),
        ),
        "L(P)": (
            lambda: losses_over_features(projection[: SIZES[-1]], **known)[at],
            lambda: jnp.stack(
                [teacher_student_loss(features, projection[:p], **known) for p in SIZES]
            ),
        ),
        "L(512, p), p <= 512": (
            lambda: student_losses(points, projection, list(SIZES), **known),
            lambda: jnp.stack([alone(len(points), p) for p in SIZES]),
        ),
        "L(512, p), both sides": (
            lambda: student_losses(points, projection, some, **known),
            lambda: jnp.stack([alone(len(points), p) for p in some]),
        ),
    }


def compare(ways) -> dict:
    """Times both in turn."""
    together, alone = (jax.jit(way) for way in ways)
    difference = np.max(np.abs(np.asarray(together() / alone()) - 1))
    rounds = [(timed(together), timed(alone)) for _ in range(ROUNDS.value)]
    return {
        "largest_relative_difference": float(difference),
        "seconds_together": statistics.median(fast for fast, _ in rounds),
        "seconds_one_by_one": statistics.median(slow for _, slow in rounds),
        "ratio": statistics.median(slow / fast for fast, slow in rounds),
        "ratio_range": [f(b / a for a, b in rounds) for f in (min, max)],
    }


def main() -> None:
    """Prints and writes what was measured."""
    jax.config.update("jax_enable_x64", True)
    keys = jax.random.split(jax.random.key(0), 3)
    scales = jnp.arange(1.0, POOL.value + 1) ** -0.75
    features = jax.random.normal(keys[0], (INPUTS.value, POOL.value)) * scales
    points = features[jax.random.permutation(keys[1], INPUTS.value)[: SIZES[-1]]]
    projection = jax.random.normal(keys[2], (BOTH_SIDES[-1], POOL.value))
    ways = make_ways(features, points, projection)
    record = {name: compare(each) for name, each in ways.items()}
    print(json.dumps(record, indent=1))
    if OUTPUT.value:
        folder = pathlib.Path(OUTPUT.value)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "features.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    cli.run(main)
