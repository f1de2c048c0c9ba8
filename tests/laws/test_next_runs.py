"""The runs that narrow a plan's interval, against dense algebra and in simulation."""

import functools
import itertools

import numpy as np
import pytest
from drawn import EPOCHS, draw

from scaletime_jax.errors import InputError
from scaletime_jax.laws.beyond import Beyond, Ends, Growth
from scaletime_jax.laws.budget import Limits, flops_budget
from scaletime_jax.laws.next_runs import (
    Aim,
    Candidates,
    choose,
    find_next_runs,
    make_candidates,
    widths_with,
)
from scaletime_jax.laws.planner import make_plan
from scaletime_jax.laws.power_laws import fit_additive
from scaletime_jax.laws.predictors import PREDICTORS
from scaletime_jax.laws.ranking import Choice

A, B, a, b, E = 1.0, 0.2, 0.4, 0.7, 0.002
SMALL = np.logspace(3, 4.5, 5)
N = 500.0
PLANNED = flops_budget(6 * 3e5 * 1000 * N, 6.0)
LIMITS = Limits((1e3, 1e6), 3000.0, [N])
ERRORS = {"num_params": 0.03, "epoch": 0.03}


def planted(n, t):
    return E + A * n**-a + B * t**-b


def outside(n, t):
    """A law that the additive one does not contain."""
    return planted(n, t) + 0.3 * n**-0.2 * t**-0.35


def measured(seeds=5, scatter=0.05, seed=0, law=planted):
    """Curves of small networks, of one train size, trained for a short time."""
    curves = draw(lambda n, t, d: law(n, t), seeds, scatter, seed=seed, sizes=SMALL)
    return curves.where(curves.train_size == N)


def planned(curves, errors=ERRORS):
    law = fit_additive(curves)
    choice = Choice("additive", law, errors, LIMITS, {}, 1.0)
    return make_plan(curves, PLANNED, choice)


def at_random(seed):
    """Candidates and an aim with random covariances, within the runs."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=(13, 6)) @ rng.normal(size=(6, 40)) / 10
    at = np.array([np.full(12, 100.0), np.full(12, 10.0), np.full(12, N)])
    found = Candidates(at, rng.uniform(1, 3, 12), samples, rng.uniform(0.1, 2, 12))
    ends = Ends(np.array([1e3]), np.array([N]), np.array([1e3]))
    point = np.array([[100.0], [10.0], [N]])
    return found, Aim(point, 0.3, 0.0, Beyond(Growth(0.1, 0.1), ends))


@pytest.fixture
def random():
    return at_random(0)


def conditioned(found, chosen):
    """The variance at the plan by the precision of the joint Gaussian."""
    rows = [0, *(1 + k for k in chosen)]
    z = found.samples[rows]
    noise = np.append(0.0, found.noise[list(chosen)])
    joint = z @ z.T + np.diag(noise)
    return 1 / np.linalg.inv(joint)[0, 0]


def test_the_variance_left_is_that_of_the_conditioned_gaussian(random):
    found, _ = random
    for chosen in ([], [3], [3, 7]):
        left = found.left(chosen)
        assert left[0] == pytest.approx(conditioned(found, chosen))
        for k in set(range(12)) - set(chosen):
            assert left[1 + k] == pytest.approx(conditioned(found, [*chosen, k]))


@pytest.mark.parametrize("seed", [0, 8, 37, 51, 56])
def test_no_exchange_of_one_run_narrows_the_interval(seed):
    found, aim = at_random(seed)
    chosen = choose(found, aim, 6.0, 3)
    width = widths_with(found, aim, chosen)[0]
    for place, k in itertools.product(range(len(chosen)), range(12)):
        other = [*chosen[:place], k, *chosen[place + 1 :]]
        if len(set(other)) == len(other) and found.cost[other].sum() <= 6.0:
            assert widths_with(found, aim, other)[0] >= width * (1 - 1e-9)


def test_the_choice_is_nearly_the_best_of_all(random):
    found, aim = random
    chosen = choose(found, aim, 6.0, 3)
    assert len(set(chosen)) == len(chosen) and found.cost[chosen].sum() <= 6.0
    sets = [[*each] for k in (1, 2, 3) for each in itertools.combinations(range(12), k)]
    widths = [
        widths_with(found, aim, each)[0]
        for each in sets
        if found.cost[each].sum() <= 6.0
    ]
    # exchanges of single runs may end in a local optimum
    assert widths_with(found, aim, chosen)[0] <= min(widths) * 1.02
    assert min(widths) < 0.95 * np.median(widths)


def test_nearer_to_the_plan_the_error_beyond_the_runs_is_less(random):
    _, aim = random
    at = np.array([[2e3, 4e3, 8e3], [100.0] * 3, [N] * 3])
    known = Candidates(at, np.ones(3), np.zeros((4, 5)), np.ones(3))
    far = aim._replace(at=np.array([[8e3], [100.0], [N]]), reach=0.0)
    now, *then = widths_with(known, far, [])
    # a factor of 8 beyond, then of 4, of 2 and none
    growth = 1.959964 * 0.1 * np.log([8, 4, 2, 1])
    np.testing.assert_allclose([now, *then], growth, atol=1e-9)
    assert choose(known, far, 1.0, 1) == [2]


def test_a_train_size_without_a_recorded_time_is_judged_by_the_nearest():
    ends = Ends(np.array([1e3, 1e4]), np.array([500.0, 2000.0]), np.array([9.0, 90.0]))
    largest, longest = ends.near(np.full(3, 500.0), np.array([500.0, 600.0, 2000.0]))
    assert [*largest] == [1e3, 1e3, 1e4] and [*longest] == [9.0, 9.0, 90.0]


def test_candidates_are_new_within_limits_and_budget():
    curves = measured()
    plan = planned(curves)
    found = make_candidates(curves, plan, PLANNED)
    size, epoch, n = found.at
    assert (found.cost <= PLANNED.amount * (1 + 1e-9)).all()
    np.testing.assert_allclose(found.cost, 5 * 6 * size * epoch * n)
    assert size.min() >= 1e3 and size.max() <= 1e6 * 1.001 and epoch.max() <= 3000
    known = np.isclose(size[:, None], SMALL, rtol=0.04).any(axis=1)
    assert (epoch[known] > EPOCHS[-1]).all()
    # the fit's own error is what the products sum to
    logs = plan.choice.law.log_loss(*np.array(plan.best[:3])[:, None], slice(None))
    error = logs[1:].std(ddof=1) * np.sqrt(5 / 4)
    assert (found.samples[0] ** 2).sum() == pytest.approx(error**2)


def test_the_plan_itself_is_the_best_run_where_the_budget_pays_for_it():
    curves = measured(seeds=2)
    rich = PLANNED._replace(amount=PLANNED.amount * 2)
    plan = planned(curves)
    [run] = find_next_runs(curves, plan, rich, 1).runs
    assert run[0] > plan.best.num_params / 2.5 and run[1] > plan.best.epoch / 2.5


def test_what_cannot_be_chosen_is_refused():
    curves = measured()
    plan = planned(curves)
    few = curves._replace(logs=curves.logs[:, :, :1])
    few = few.where(few.num_params <= np.unique(few.num_params)[2])
    fit = next(p.fit for p in PREDICTORS if p.name == plan.choice.name)
    choice = plan.choice._replace(law=fit(few, "num_params"))
    with pytest.raises(InputError, match="single seed of fewer sizes") as error:
        find_next_runs(few, plan._replace(choice=choice), PLANNED, 1)
    assert error.value.quantities == {"next_runs": 0}
    poor = PLANNED._replace(amount=1e3)
    with pytest.raises(InputError, match="1000 FLOP pay for no new run with 5 seeds"):
        find_next_runs(curves, plan, poor, 1)


def with_runs(curves, runs, law, scatter, rng):
    """The curves with new ones of the planted law, up to each run's end."""
    longest = max(curves.epoch[-1], *(run[1] for run in runs))
    steps = int(np.ceil(10 * np.log10(longest / EPOCHS[-1]) + 1e-9))
    epoch = EPOCHS[0] * 10 ** (np.arange(len(EPOCHS) + max(steps, 0)) / 10)
    seeds = curves.seeds
    logs = np.full((len(curves.logs) + len(runs), len(epoch), seeds), np.nan)
    logs[: len(curves.logs), : len(EPOCHS)] = curves.logs
    for k, (size, end, _) in enumerate(runs, start=len(curves.logs)):
        own = scatter * rng.normal(size=(1, seeds))
        there = epoch <= end * 1.13  # the grid's next point, as if interpolated
        logs[k, there] = np.log(law(size, epoch[there]))[:, None] + own
    sizes = np.append(curves.num_params, [run[0] for run in runs])
    order = np.argsort(sizes, kind="stable")
    trained = np.full(len(sizes), N)
    return curves._replace(
        num_params=sizes[order], train_size=trained, epoch=epoch, logs=logs[order]
    )


def by_chance(found, amount, count, rng):
    """A set of candidates, drawn until its cost is 80% or more of the amount."""
    while True:
        chosen = rng.choice(len(found.cost), count, replace=False)
        if 0.8 * amount <= found.cost[chosen].sum() <= amount:
            return found.at[:, chosen].T


def log_grid(curves, amount, count):
    """Sizes evenly spaced in their logarithm up to the largest, each for a share."""
    sizes = np.geomspace(curves.num_params.max(), LIMITS.num_params[1], count + 1)[1:]
    share = PLANNED._replace(amount=amount / count / curves.seeds)
    return [(s, min(float(share.epochs(s, N)), LIMITS.epoch), N) for s in sizes]


@functools.cache
def simulate(draws, share, seeds=5, law=planted, scatter=0.05):
    """Root mean square error and median width at the plan after runs of each choice."""
    errors, widths, amount = {}, {}, share * PLANNED.amount
    for draw_ in range(draws):
        rng = np.random.default_rng([1, draw_])
        curves = measured(seeds, scatter, draw_, law)
        plan = planned(curves)
        budget = PLANNED._replace(amount=amount)
        found = make_candidates(curves, plan, budget)
        choices = {
            "none": [],
            "proposed": find_next_runs(curves, plan, budget, 3).runs,
            "chance": by_chance(found, amount, 3, rng),
            "log grid": log_grid(curves, amount, 3),
        }
        truth = law(*plan.best[:2])
        for name, runs in choices.items():
            more = with_runs(curves, runs, law, scatter, rng) if len(runs) else curves
            there = fit_additive(more).predict(*plan.best[:3], of_mean=True)
            errors.setdefault(name, []).append(abs(np.log(there.mean[0] / truth)))
            wide = np.log(there.high[0] / there.low[0])
            widths.setdefault(name, []).append(wide)
    error = {k: np.sqrt(np.mean(np.square(v))) for k, v in errors.items()}
    width = {k: np.median(v) for k, v in widths.items()}
    for name in error:
        print(f"{name}: error {error[name]:.3f}, width {width[name]:.3f}")
    return error, width


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_following_the_proposal_beats_chance_at_equal_cost(share):
    """By the true error and by the interval at the plan; by the interval even sizes."""
    error, width = simulate(30, share)
    for other in ("none", "chance"):
        assert error["proposed"] < error[other]
    for other in ("none", "chance", "log grid"):
        assert width["proposed"] < width[other]


# A known defect: even sizes have an error of 0.128, the proposal 0.136.
BEHIND = pytest.mark.xfail(reason="even sizes have a smaller error", strict=True)


@pytest.mark.slow
@pytest.mark.parametrize("share", [pytest.param(0.1, marks=BEHIND), 1.0])
def test_following_the_proposal_beats_even_sizes_by_the_error(share):
    error, _ = simulate(30, share)
    assert error["proposed"] < error["log grid"]


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "law"), [(3, planted), (5, outside)])
def test_with_few_seeds_or_a_wrong_law_the_proposal_is_no_worse(seeds, law):
    error, _ = simulate(40, 0.3, seeds, law)
    assert error["proposed"] < 0.9 * error["none"]
    for other in ("chance", "log grid"):
        assert error["proposed"] < 1.05 * error[other]
