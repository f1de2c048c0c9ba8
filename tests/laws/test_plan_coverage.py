"""How often a plan's intervals hold, on laws that none of ours contains."""

import numpy as np
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.laws.budget import flops_budget, make_limits
from scaletime_jax.laws.planner import best_plan
from scaletime_jax.laws.ranking import rank_laws
from scaletime_jax.runs.learning_curves import LearningCurves

OUTSIDE = {
    "three powers": lambda n, t: (
        0.02 + 8 * n**-0.5 + 0.25 * t**-0.6 + 0.05 / (n * t) ** 0.1
    ),
    "stretched": lambda n, t: 0.02 + 3 * n**-0.4 + 0.5 * np.exp(-((t / 2) ** 0.35)),
    "slower of two": lambda n, t: 0.02 + np.maximum(3 * n**-0.4, 0.3 * t**-0.5),
    "Kaplan's": lambda n, t: ((1e3 / n) ** 0.8 + 0.05 / t**0.6) ** 0.5,
    "bottleneck": lambda n, t: 0.02 + 6 * n**-0.45 * (1 + 0.3 * n**0.5 / t) ** 0.5,
    "bent in time": lambda n, t: (
        0.01 + 3 * n**-0.4 + 0.2 * t**-0.1 * (1 + (t / 10) ** 1.5) ** -0.4
    ),
    "warm-up": lambda n, t: 0.02 + 3 * n**-0.4 + 0.2 * t**-0.6 + 0.4 * np.exp(-t / 1.5),
    "step": lambda n, t: (
        0.02
        + 0.1 * (n / 1e4) ** -0.3 * t**-0.2
        + 0.1 / (1 + ((n / 1e4) ** 0.4 * t / 20) ** 2)
    ),
    "logarithms": lambda n, t: (
        0.05 + 0.5 / np.log(n / 50) ** 1.5 * (1 + 1 / np.log(2 + 3 * t))
    ),
    "product that bends": lambda n, t: (
        0.02 + 0.15 * (1 + t * (n / 1e4) ** (0.5 - 0.05 * np.log(n / 1e4)) / 5) ** -0.5
    ),
}
SIZES, EPOCHS = np.logspace(3.5, 5.5, 7), np.logspace(-0.3, 2, 24)
STEP = 1.15  # of sizes on the frontier
SPEED, SCATTER, EXAMPLES = 0.1, 0.01, 1000.0
BEYOND = {"within": 1.0, "beyond": 10.0}  # budgets over that of the largest run


def planted(law, seeds, rng):
    """Curves whose runs differ in speed by 10% and in loss by 1%."""
    shape = len(SIZES), 1, seeds
    speed = np.exp(SPEED * rng.normal(size=shape))
    logs = np.log(law(SIZES[:, None, None], EPOCHS[:, None] * speed))
    logs += SCATTER * rng.normal(size=shape)
    return LearningCurves(SIZES, np.full(len(SIZES), EXAMPLES), EPOCHS, logs)


def share_inside(law, option, rng, runs=50):
    """The share of new runs inside an option's interval."""
    speed = np.exp(SPEED * rng.normal(size=runs))
    loss = law(option.num_params, option.epoch * speed)
    loss = loss * np.exp(SCATTER * rng.normal(size=runs))
    return np.mean((option.low <= loss) & (loss <= option.high))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize("where", BEYOND)
def test_coverage_of_plans_outside_every_family(where, seeds):
    """Printed with -s. Refused plans are counted, and have no interval to cover.

    Measured once, with seven draws of the noise for each law, 45 to 65 plans behind
    each number: the run at the best point is inside its interval in 0.97 (one seed) and
    0.97 (five seeds) of cases within the runs, in 0.91 and 0.86 beyond; along the
    frontier in 0.97, 0.97, 0.95 and 0.89. The best size is among those that do as well
    in 0.98, 0.98, 1.00 and 0.98 of plans, over factors of 5.6, 3.6, 4.0 and 2.0. With
    the mean of widths instead of the median, and sizes compared with the best alone, it
    was among them in 1.00, 0.98, 1.00 and 1.00, over 10.0, 4.5, 5.4 and 2.2, and the
    best points were covered in 0.97, 0.95, 0.91 and 0.84.
    """
    best, frontier, ranges, wide, refused = [], [], [], [], []
    for number, (name, law) in enumerate(OUTSIDE.items()):
        rng = np.random.default_rng(number)
        curves = planted(law, seeds, rng)
        largest = 6 * SIZES[-1] * EPOCHS[-1] * EXAMPLES
        budget = flops_budget(BEYOND[where] * largest, 6.0)
        choices = rank_laws(curves, budget, make_limits(curves))
        try:
            plan = best_plan(curves, budget, choices)
        except InputError:
            refused.append(name)
            continue
        best.append(share_inside(law, plan.best, rng))
        known = [each for each in plan.frontier if np.isfinite(each.high)]
        frontier.append(np.mean([share_inside(law, each, rng) for each in known]))
        size, epoch = np.array(plan.frontier).T[:2]
        right = size[np.argmin(law(size, epoch))]
        low, high = plan.as_good
        ranges.append(low / STEP <= right <= high * STEP)
        wide.append(np.log(high / low))
        print(
            f"{name}: {plan.choice.name}, best {best[-1]:.2f}, all {frontier[-1]:.2f}"
        )
    print(
        f"{where} the runs, {seeds} seeds: best {np.mean(best):.3f}, frontier "
        f"{np.mean(frontier):.3f}, best size among those that do as well "
        f"{np.mean(ranges):.2f}, a factor of {np.exp(np.median(wide)):.1f} wide, "
        f"refused {len(refused)}: {', '.join(refused)}"
    )
    assert np.mean(best) > 0.5 and np.mean(frontier) > 0.75 and len(refused) <= 6
