"""The best that a budget buys, where it is known."""

import functools

import numpy as np
import pytest
from drawn import EPOCHS, SIZES, draw

from scaletime_jax.errors import InputError
from scaletime_jax.laws.budget import Budget, Limits
from scaletime_jax.laws.planner import (
    best_plan,
    choose_plan,
    make_plan,
    propose_plans,
)
from scaletime_jax.laws.ranking import dispute, rank_laws
from scaletime_jax.stats.estimates import t_quantile

A, B, a, b, E = 1.0, 0.2, 0.4, 0.7, 0.002


def added(n, t, d):
    return E + A * n**-a + B * (d / 500) ** -0.1 * t**-b


# Laws that have the planted one in them.
WITH_ADDITIVE = "additive", "additive, late", "interaction", "coupled"
ALL = draw(added, seeds=5, scatter=0.02, sizes=SIZES[::2])
CURVES = ALL.where(ALL.train_size < 3000)
FLOPS = Budget(6 * 2e4 * 50 * 500, "FLOP", lambda size: 6 * size)
LIMITS = Limits((1e3, 3e7), 3000.0, [500.0])


@functools.cache
def ranked(amount):
    """The laws for CURVES, ranked once for a budget."""
    return rank_laws(CURVES, FLOPS._replace(amount=amount), LIMITS)


def choice_of(name):
    return next(each for each in ranked(FLOPS.amount) if each.name == name)


def brute_force(law, budget, limits):
    """The least loss over 150 sizes, 40 times and all train sizes."""
    best = np.inf, None
    for n in limits.train_sizes:
        sizes = np.geomspace(*limits.num_params, 150)
        share = np.geomspace(np.exp(-3), 1, 40)
        size, part = (v.ravel() for v in np.meshgrid(sizes, share))
        epoch = part * np.minimum(budget.epochs(size, n), limits.epoch)
        loss = law.predict(size, epoch, n).mean
        k = np.nanargmin(loss)
        best = min(best, (loss[k], (size[k], epoch[k], n)))
    return best


def test_the_optimum_of_added_power_laws_is_the_closed_form():
    """a A N^-a = b B T^-b on N T = C [Hoffmann et al. 2022, Eq. 4]."""
    plan = make_plan(CURVES, FLOPS, choice_of("additive"))
    product = FLOPS.amount / (6 * 500)
    ratio = a * A / (b * B)
    expected = (ratio * product**b) ** (1 / (a + b))
    # of a fit with 2% of noise
    assert plan.best.num_params == pytest.approx(expected, rel=0.3)
    assert plan.best.loss == pytest.approx(
        added(expected, product / expected, 500), rel=0.05
    )
    assert plan.best.low < plan.best.loss < plan.best.high
    assert plan.as_good[0] <= plan.best.num_params <= plan.as_good[1]
    assert plan.beyond == {"num_params": 1.0, "epoch": 1.0}
    assert plan.at_limit == []


@pytest.mark.parametrize(
    "name", ["additive", "interaction", "scale-time", "unified law"]
)
def test_against_brute_force(name):
    limits = Limits((1e3, 3e6), 300.0, [500.0, 2000.0])
    choice = choice_of(name)._replace(limits=limits)
    plan = make_plan(CURVES, FLOPS, choice)
    least, where = brute_force(choice.law, FLOPS, limits)
    # scale-time jumps where another size becomes the nearest
    assert plan.best.loss <= least * (1.01 if name == "scale-time" else 1.0005)
    assert plan.best.train_size == where[2]
    used = plan.best.epoch / float(
        FLOPS.epochs(plan.best.num_params, plan.best.train_size)
    )
    assert used <= 1 + 1e-9


def test_more_data_is_bought_only_as_far_as_it_pays():
    limits = LIMITS._replace(train_sizes=[500.0, 2000.0])
    choice = choice_of("additive")._replace(limits=limits)
    plan = make_plan(CURVES, FLOPS, choice)
    least, (_, _, n) = brute_force(plan.choice.law, FLOPS, limits)
    assert plan.best.train_size == n and plan.best.loss <= least * 1.0005


@pytest.mark.slow
def test_a_loss_that_rises_again_ends_training_before_the_budget():
    def over(n, t, d):
        progress = np.cbrt(n) * t
        return (
            0.02
            + 0.08 * np.exp(-progress / 300)
            + 0.03 * (1 - np.exp(-progress / 9e3)) ** 2
        )

    curves = draw(over, seeds=3, scatter=0.01, sizes=SIZES[::3])
    budget = FLOPS._replace(amount=FLOPS.amount * 30)
    limits = Limits((1e3, 3e6), 300.0, [500.0])
    laws = rank_laws(curves, budget, limits)
    choice = next(each for each in laws if each.name == "unified law")
    plan = make_plan(curves, budget, choice._replace(limits=limits))
    progress = np.cbrt(plan.best.num_params) * plan.best.epoch
    assert 600 < progress < 3500  # where signal and noise balance
    used = plan.best.epoch / min(float(budget.epochs(plan.best.num_params, 500)), 300)
    assert used < 0.95


def test_the_best_law_is_that_of_the_data():
    choices = ranked(FLOPS.amount)
    assert choices[0].name in WITH_ADDITIVE
    errors = [np.mean(list(c.errors.values())) for c in choices]
    assert errors == sorted(errors) and errors[0] < 0.05


def test_exchange_is_size_for_time():
    plan = make_plan(CURVES, FLOPS, choice_of("additive"))
    products = [each.num_params * each.epoch for each in plan.exchange]
    np.testing.assert_allclose(products, products[0])
    losses = [each.loss for each in plan.exchange]
    assert min(losses) == pytest.approx(plan.best.loss, rel=1e-3)
    assert losses[0] > losses[1] > losses[2] < losses[3] < losses[4]


def test_beyond_the_runs_intervals_widen_and_it_is_said():
    far = FLOPS._replace(amount=FLOPS.amount * 1e4)
    near = make_plan(CURVES, FLOPS, choice_of("additive"))
    plan = make_plan(CURVES, far, choice_of("additive"))
    assert plan.beyond["num_params"] > 1.1 or plan.beyond["epoch"] > 1.1
    width = [np.log(p.best.high / p.best.low) for p in (near, plan)]
    assert width[1] > width[0]


def test_the_limits_are_kept_and_named():
    choice = choice_of("additive")
    small = choice._replace(limits=Limits((1e3, 4e3), 300.0, [500.0]))
    plan = make_plan(CURVES, FLOPS, small)
    assert plan.best.num_params <= 4e3 * (1 + 1e-9)
    assert "largest size" in plan.at_limit
    short = choice._replace(limits=Limits((1e3, 3e6), 5.0, [500.0]))
    plan = make_plan(CURVES, FLOPS, short)
    assert plan.best.epoch == pytest.approx(5.0) and "longest training" in plan.at_limit


@pytest.mark.slow
def test_where_a_law_is_off_by_a_factor_of_two_it_plans_nothing_beyond():
    """Curves whose exponent changes: a tenth of the time tells nothing of the rest."""

    def turning(n, t, d):
        return 0.001 + 0.09 * (n / 1e4) ** -0.2 / (1 + (t / 30) ** 3)

    curves = draw(turning, seeds=3, scatter=0.02, sizes=SIZES[:9:2])
    choices = rank_laws(curves, FLOPS, LIMITS)
    off = [c for c in choices if (c.errors["epoch"] or 0) > np.log(2)]
    assert off
    for choice in off:
        assert "epoch" in choice.kept_in
        assert choice.limits.epoch == pytest.approx(EPOCHS[-1])
    for choice in choices:
        kept = [d for d, error in choice.errors.items() if error > np.log(2)]
        assert set(kept) <= set(choice.kept_in)


def test_a_law_worse_than_no_change_plans_nothing_beyond():
    """Of curves that hardly fall, with noise, the last loss is the best guess."""
    flat = draw(lambda n, t, d: 0.05 * n**-0.001 * t**-0.001, scatter=0.1, sizes=SIZES)
    flat = flat.where(flat.train_size < 700)
    for choice in rank_laws(flat, FLOPS, LIMITS):
        if choice.name == "scale-time":  # shifts curves by a factor that is not there
            assert choice.error < np.log(2)
            assert choice.kept_in


def test_the_mean_is_surer_than_a_run():
    """And as sure where runs do not scatter."""
    plan = make_plan(CURVES, FLOPS, choice_of("additive"))
    low, high = plan.mean
    assert plan.best.low < low < plan.best.loss < high < plan.best.high
    law = choice_of("additive").law
    calm = law._replace(scatter=law.scatter._replace(deviation=law.scatter.misfit))
    at = plan.best[:3]
    one, of_mean = (calm.predict(*at, of_mean=each) for each in (False, True))
    np.testing.assert_allclose(one.high, of_mean.high)


def test_the_surest_law_plans():
    plan = best_plan(CURVES, FLOPS, ranked(FLOPS.amount))
    assert plan.choice.name in WITH_ADDITIVE
    assert plan.choice.error < 0.05


def test_only_what_was_run_is_measured():
    """On one budget throughout the largest ran for a short time, the smallest long."""
    logs = CURVES.logs.copy()
    longest = 3e5 / CURVES.num_params
    logs[CURVES.epoch > 1.001 * longest[:, None]] = np.nan
    curves = CURVES._replace(logs=logs)
    choice = choice_of("additive")
    rich = FLOPS._replace(amount=FLOPS.amount * 10)
    plan = make_plan(curves, rich, choice)
    assert plan.beyond["epoch"] > 5 and plan.best.epoch < EPOCHS[-1]
    width = np.log(plan.best.high / plan.best.loss)
    inside = choice.law.predict(*plan.best[:3])
    assert width > 1.05 * np.log(inside.high / inside.mean)[0]


def test_what_the_runs_cannot_carry_is_refused():
    small = CURVES.where(CURVES.num_params < 5e3)
    with pytest.raises(InputError, match="2 sizes"):
        rank_laws(small, FLOPS, LIMITS)
    poor = FLOPS._replace(amount=10.0)
    with pytest.raises(InputError, match="range: it is too small"):
        make_plan(CURVES, poor, choice_of("additive"))
    short = [c._replace(reaches=0.4) for c in ranked(FLOPS.amount)]
    with pytest.raises(InputError, match="no law predicts losses for"):
        best_plan(CURVES, FLOPS, short)
    errors = {"num_params": 2.0, "epoch": 2.0}
    far = FLOPS._replace(amount=FLOPS.amount * 1e4)
    poor = [c._replace(errors=errors) for c in ranked(FLOPS.amount)]
    with pytest.raises(
        InputError, match=r"within a factor of 2: the law with .*, gives"
    ):
        best_plan(CURVES, far, poor)
    flat = draw(lambda n, t, d: 0.09 + 0 * n * t, ceiling=0.09, scatter=0.0)
    with pytest.raises(InputError, match="too short for a plan"):
        rank_laws(flat, FLOPS, LIMITS)


def test_a_law_that_knows_its_loss_comes_before_a_surer_one_that_does_not():
    """The narrowest law is refused only where no law knows its loss."""
    proposals = propose_plans(CURVES, FLOPS, ranked(FLOPS.amount))
    best = choose_plan(proposals)
    wide = best._replace(mean=(0.5, 2.0))
    [first] = [each for each in proposals if each.plan is best]
    others = [each for each in proposals if each.plan is not best]
    unsure = first._replace(plan=wide, width=0.0)
    chosen = choose_plan([unsure, *others])
    assert chosen is not wide and chosen.mean[1] < 2 * chosen.mean[0]
    with pytest.raises(InputError, match=f"interval, {best.choice.name}, gives"):
        choose_plan([unsure])


def test_the_interval_grows_with_the_distance_beyond_the_runs():
    """By the error on held-out runs, in proportion: those were tried over a decade."""
    errors = {"num_params": 0.1, "epoch": 0.2}
    choice = choice_of("additive")._replace(errors=errors)
    plan = make_plan(CURVES, FLOPS, choice)
    size, epoch, n, mean, low, high = np.array(plan.frontier).T
    within = choice.law.predict(size, epoch, n)
    # sizes: eight of SIZES[::2], of which the lower four predict the rest
    decades = np.log(CURVES.num_params.max() / np.unique(CURVES.num_params)[3])
    further = np.maximum(np.log(size / CURVES.num_params.max()), 0) / decades
    longer = np.maximum(np.log(epoch / EPOCHS[-1]), 0) / np.log(10)
    miss = np.sqrt(np.pi / 2) * np.hypot(0.1 * further, 0.2 * longer)
    expected = np.hypot(np.log(within.high / within.mean), 1.96 * miss)
    np.testing.assert_allclose(np.log(high / mean), expected, rtol=1e-3)
    np.testing.assert_allclose(high * low, mean**2)
    assert further.max() > 0 and longer.max() > 0


@pytest.mark.slow
def test_sizes_that_do_as_well_are_few_where_the_fit_is_sharp():
    low, high = make_plan(CURVES, FLOPS, choice_of("additive")).as_good
    assert high < 10 * low
    rng = np.random.default_rng(0)
    noise = 0.3 * rng.normal(size=(len(CURVES.num_params), 1, CURVES.seeds))
    loose = CURVES._replace(logs=CURVES.logs + noise)
    choices = rank_laws(loose, FLOPS, LIMITS)
    plan = make_plan(loose, FLOPS, next(c for c in choices if c.name == "additive"))
    assert np.log(plan.as_good[1] / plan.as_good[0]) > np.log(high / low)


def test_a_law_that_no_other_agrees_with_is_not_chosen():
    """A copy of the chosen law that predicts losses lower by a factor of 1.6."""
    choices = ranked(FLOPS.amount)
    best = best_plan(CURVES, FLOPS, choices)
    law = best.choice.law
    off = law._replace(log_loss=lambda *at: law.log_loss(*at) - 0.5)
    wild = best.choice._replace(name="wild", law=off)
    chosen = best_plan(CURVES, FLOPS, [wild, *choices])
    assert chosen.choice.name == best.choice.name
    assert dispute(wild, *np.array(best.best[:3])[:, None]) == pytest.approx(
        0.5, abs=0.1
    )
    others = [each for each in choices if each.name != best.choice.name]
    alone = [each._replace(rivals=()) for each in (wild, *others)]
    assert dispute(alone[0], *np.array(best.best[:3])[:, None]) == 0
    assert best_plan(CURVES, FLOPS, alone).choice.name == "wild"


def test_sizes_that_do_as_well_surround_the_best():
    """Not those beyond sizes that are worse, of which little is known."""
    plan = make_plan(CURVES, FLOPS, choice_of("additive"))
    law = plan.choice.law

    def unsure(n, t, d, which):
        logs = law.log_loss(n, t, d, which)
        far = np.where(n > 30 * plan.best.num_params, 5.0, 0.0)
        return logs + far * np.linspace(-1, 1, len(logs))[:, None] * (len(logs) > 1)

    other = plan.choice._replace(law=law._replace(log_loss=unsure))
    assert make_plan(CURVES, FLOPS, other).as_good == pytest.approx(plan.as_good)


def test_no_size_is_surely_better_than_one_that_does_as_well():
    """By a loop over pairs; fewer sizes are left than by comparison with the best.

    The resamples differ in their slope over size, as those of uncertain exponents do.
    """
    choice = choice_of("additive")._replace(rivals=())
    sharp = choice.law.log_loss
    slopes = 0.1 * np.random.default_rng(0).normal(size=choice.law.resamples.rows)
    slopes[0] = 0.0

    def log_loss(n, t, d, which):
        return sharp(n, t, d, which) + slopes[which, None] * np.log(n)

    law = choice.law._replace(log_loss=log_loss)
    plan = make_plan(CURVES, FLOPS, choice._replace(law=law))
    options = sorted([*plan.frontier, plan.best])
    size, time, n = np.array(options).T[:3]
    logs, misfit = law.log_loss(size, time, n, slice(None)), law.scatter.at(time, n)[1]

    def surely_better(one, other):
        above = logs[:, other] - logs[:, one]
        reach = t_quantile(law.resamples.freedom) * law.resamples.error(above)
        return above[0] > np.sqrt(reach**2 + misfit[one] ** 2 + misfit[other] ** 2)

    best, every = options.index(plan.best), range(len(options))
    for rivals, narrower in ((every, False), ([best], True)):
        good = [not any(surely_better(k, each) for k in rivals) for each in every]
        first = best - next(k for k in every if k == best or not good[best - k - 1])
        last = next(k for k in every[best:] if k == every[-1] or not good[k + 1])
        low, high = plan.as_good
        if narrower:
            assert high / low < 0.9 * size[last] / size[first]
        else:
            assert (low, high) == (size[first], size[last])


def test_one_law_that_plans_far_away_does_not_decide_the_comparison():
    """A law that is sure where all others plan is not wider for being unsure there."""
    choices = ranked(FLOPS.amount)
    best = best_plan(CURVES, FLOPS, choices)
    law, far = best.choice.law, 30 * best.best.num_params

    def astray(n, *rest):
        return law.log_loss(n, *rest) + np.log(LIMITS.num_params[1] / n)

    def unsure(n, t, d, which):
        logs = law.log_loss(n, t, d, which)
        rows = np.linspace(-3, 3, len(logs))[:, None] * (len(logs) > 1)
        return logs + np.where(n > far, rows, 0.0)

    wild, mine = (
        best.choice._replace(name=each.__name__, law=law._replace(log_loss=each))
        for each in (astray, unsure)
    )
    without, found = (
        {each.choice.name: each for each in propose_plans(CURVES, FLOPS, some)}
        for some in ([*choices, mine], [*choices, mine, wild])
    )
    assert found["astray"].plan.best.num_params > far
    assert found["unsure"].width == pytest.approx(without["unsure"].width, rel=0.05)
