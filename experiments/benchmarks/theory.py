"""The time that theory saves: steps of Figure 1 without descent, Gram matrices.

    python experiments/benchmarks/theory.py --output=experiments/results/benchmarks

Both ways to the steps of Figure 1 take turns in one process, compiled beforehand: our
function, with all sizes, trials and thresholds in one call; and descent on theta, a
jitted loop for each size and trial that stops at the smallest threshold. A round of our
function is the mean of 50 calls; drawing R is not timed.
"""

import json
import pathlib
import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from scaletime_jax.theory.random_subspace import sample_gram, steps_to_loss

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from shell import cli

OUTPUT = flags.DEFINE_string("output", None, "Folder for the measurements, as JSON.")
ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds, after one untimed round.")
TRIALS = flags.DEFINE_integer("trials", 5, "Draws of K and R at each p.")
AMBIENT, RANK, RATE = 1000, 3, 1e-6
CALLS = 50  # calls in a round, for functions of less than a millisecond
SIZES = (10, 20, 50, 100, 200, 300, 500, 700, 900)
THRESHOLDS = np.array([1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0])


def draw(p: int, trial: int) -> dict:
    """Draws the linear model of [BF24, C.2]."""
    rng = np.random.default_rng([p, trial])
    return {
        "k": rng.normal(size=(RANK, AMBIENT)),
        "r": rng.normal(size=(AMBIENT, p)),
        "beta": rng.normal(size=AMBIENT),
        "star": rng.normal(size=RANK),
        "theta": rng.normal(size=p),
    }


@jax.jit
def descend(k, r, beta, star, theta):
    """Iterates theta by the gradient, and counts steps to each threshold."""

    def loss(theta):
        return jnp.sum((k @ (r @ theta + beta) - star) ** 2)

    def step(state):
        number, theta, steps, value = state
        gradient = jax.grad(loss)(theta)
        theta = theta - RATE * gradient
        value = loss(theta)
        number += 1
        steps = jnp.where((steps < 0) & (value <= THRESHOLDS), number, steps)
        return number, theta, steps, value

    def goes_on(state):
        return jnp.any(state[2] < 0)

    first = loss(theta)
    steps = jnp.where(first <= THRESHOLDS, 0, jnp.full(len(THRESHOLDS), -1))
    return jax.lax.while_loop(goes_on, step, (0, theta, steps, first))[2]


def reduce(problem: dict):
    """Returns the same problem in r dimensions."""
    b = problem["k"] @ problem["r"]
    start = b @ problem["theta"] + problem["k"] @ problem["beta"]
    return b @ b.T, start, problem["star"]


def timed(function, calls: int = 1) -> float:
    """Returns the mean seconds of several calls."""
    start = time.perf_counter()
    for _ in range(calls):
        jax.block_until_ready(function())
    return (time.perf_counter() - start) / calls


def measure_steps() -> dict:
    """Times the numbers of Figure 1 both ways, which must agree."""
    problems = [draw(p, trial) for p in SIZES for trial in range(TRIALS.value)]
    problems = [jax.device_put(problem) for problem in problems]
    batch = [jnp.stack(column) for column in zip(*map(reduce, problems), strict=True)]
    count = jax.jit(
        jax.vmap(lambda g, a, s: steps_to_loss(g, a, s, RATE, jnp.array(THRESHOLDS)))
    )

    def iterate():
        return [descend(**problem) for problem in problems]

    same = bool(np.array_equal(np.stack(iterate()), count(*batch)))
    timed(lambda: count(*batch))
    rounds = [
        (timed(iterate), timed(lambda: count(*batch), CALLS))
        for _ in range(ROUNDS.value)
    ]
    return {
        "same_steps": same,
        "most_steps": int(count(*batch).max()),
        "seconds_descent": statistics.median(slow for slow, _ in rounds),
        "seconds_ours": statistics.median(fast for _, fast in rounds),
        "ratio": statistics.median(slow / fast for slow, fast in rounds),
        "ratio_range": [f(a / b for a, b in rounds) for f in (min, max)],
    }


def measure_grams() -> dict:
    """Times a thousand Gram matrices at p = 10 and at p = 10^12, in turn."""
    k = jnp.array(np.random.default_rng(0).normal(size=(RANK, AMBIENT)))
    cov = k @ k.T
    keys = jax.random.split(jax.random.key(0), 1000)
    sample = jax.jit(jax.vmap(sample_gram, (0, None, None)))

    def run(p):
        return timed(lambda: sample(keys, cov, p), CALLS)

    rounds = [(run(10.0), run(1e12)) for _ in range(ROUNDS.value + 1)][1:]
    return {
        "seconds_p_10": statistics.median(small for small, _ in rounds),
        "seconds_p_1e12": statistics.median(large for _, large in rounds),
        "ratio": statistics.median(large / small for small, large in rounds),
    }


def report(record: dict, name: str) -> None:
    """Prints a record, and writes the record to the folder of the flag."""
    text = json.dumps(record, indent=1)
    print(text)
    if OUTPUT.value:
        folder = pathlib.Path(OUTPUT.value)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(text + "\n")


def main() -> None:
    """Prints and writes the measurements."""
    jax.config.update("jax_enable_x64", True)
    record = {"figure_1": measure_steps(), "sample_gram": measure_grams()}
    report(record, "theory")


if __name__ == "__main__":
    cli.run(main)
