"""Laws on what was held out, where the right one is known."""

import numpy as np
import pandas as pd
import pytest
from planted import planted_runs

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import (
    BASELINE,
    DIRECTIONS,
    Split,
    backtest,
    divide,
    score,
)
from scaletime_jax.laws.predictors import PREDICTORS
from scaletime_jax.runs.learning_curves import learning_curves
from scaletime_jax.studies.backtest import make_claims

EPOCHS = np.logspace(-1, 2, 31)


def product(p, t, n, _):
    loss = 0.005 + 0.09 * (1 + p * t / 100) ** -0.5
    return loss, loss


def added(p, t, n, _):
    loss = 0.005 + 40 * p**-2.5 + 0.02 * t**-0.6
    return loss, loss


def scores(law, **how):
    table = planted_runs(law, EPOCHS, scatter=0.02, **how)
    made = score(backtest(table, Split(), np.inf))
    return {(each.direction, each.predictor): each for each in made}


def test_where_size_and_time_are_one_product_scale_time_wins():
    made = scores(product)
    best = min(
        (each for key, each in made.items() if key[0] == "num_params"),
        key=lambda each: each.error.value,
    )
    assert best.predictor in ("scale-time", "scale-time, fitted", "unified law")
    claimed = made["num_params", "scale-time"]
    assert claimed.error.value < 0.02 and claimed.covered > 0.8
    claims = {c.statement: c for c in make_claims(list(made.values()))}
    against = claims["Scale-time predicts larger networks better than additive."]
    assert against.verdict == "holds" and len(claims) == 2 * (len(PREDICTORS) - 1)


def test_where_they_are_added_it_does_not():
    made = scores(added)
    for direction in DIRECTIONS:
        right, claimed = (made[direction, name] for name in ("additive", "scale-time"))
        assert right.error.value < 0.05 < claimed.error.value
        assert right.against_claimed.interval[0] > 0
        assert right.converged and right.covered > 0.7


def test_what_a_law_does_not_reach_counts_as_no_change():
    made = scores(product)
    none, bnsl = (made["num_params", name] for name in (BASELINE, "BNSL"))
    assert bnsl.reached == 0 and bnsl.covered is None and not bnsl.identified
    assert bnsl.error == none.error
    assert none.reached == 1


def test_the_error_of_no_change_is_what_it_should_be():
    table = planted_runs(product, EPOCHS, seeds=2)
    trials = backtest(table, Split(sizes=2), np.inf)
    [none] = [
        t for t in trials if t.predictor == BASELINE and t.direction == "num_params"
    ]
    curves = learning_curves(table)
    expected = np.mean(np.abs(curves.mean[2:] - curves.mean[1]))
    assert none.errors[0] == pytest.approx(expected)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_whole_sizes_or_times_are_left_out(direction):
    """What is held out may be anything: no law sees it."""
    curves = learning_curves(planted_runs(product, EPOCHS, scatter=0.02))
    known, held_out = divide(curves, direction, Split())
    if direction == "num_params":
        assert max(known.num_params) < min(held_out.num_params)
        assert len(known.num_params) == 3 and len(held_out.num_params) == 1
    else:
        assert known.epoch[-1] == pytest.approx(10) and held_out.epoch[0] > 10.1
    spoiled = curves._replace(logs=curves.logs.copy())
    at = (
        (slice(3, 4),)
        if direction == "num_params"
        else (slice(None), curves.epoch > 10.1)
    )
    spoiled.logs[at] += 1.0
    for each in PREDICTORS:
        laws = [
            each.fit(divide(c, direction, Split())[0], direction)
            for c in (curves, spoiled)
        ]
        ends = [law.predict(curves.num_params, 100.0, 1000.0).mean for law in laws]
        np.testing.assert_array_equal(*ends)


def test_the_split_can_be_chosen():
    curves = learning_curves(planted_runs(product, EPOCHS, seeds=2))
    assert len(divide(curves, "num_params", Split(sizes=2))[0].num_params) == 2
    assert divide(curves, "epoch", Split(epochs=1.0))[0].epoch[-1] == pytest.approx(1)
    assert divide(curves, "num_params", Split(sizes=4)) is None
    assert divide(curves, "epoch", Split(epochs=100.0)) is None


def test_train_sizes_count_alike():
    made = backtest(
        planted_runs(product, EPOCHS, (500, 1000), seeds=2), Split(), np.inf
    )
    mine = [t for t in made if (t.predictor, t.direction) == (BASELINE, "epoch")]
    assert [t.fields["train_size"] for t in mine] == [500, 1000]
    [total] = [
        s for s in score(made) if (s.predictor, s.direction) == (BASELINE, "epoch")
    ]
    assert total.error.value == pytest.approx(np.mean([t.errors[0] for t in mine]))
    assert "train_size" not in total.fields


def test_points_at_which_nothing_was_learned_do_not_count():
    def late(p, t, n, _):
        loss = np.minimum(0.09, 0.09 * (p * t / 400) ** -0.5)
        return loss, loss

    table = planted_runs(late, EPOCHS, seeds=2)
    more = table[table.epoch == table.epoch.min()].assign(epoch=0.01)
    longer = pd.concat([table, more.assign(test_loss=0.5)], ignore_index=True)
    errors = [
        [t.errors[0] for t in backtest(each, Split(epochs=10.0))]
        for each in (table, longer)
    ]
    # the grid of times is another, and the plateau ten times as long
    np.testing.assert_allclose(errors[0][0], errors[1][0], rtol=0.05)


def test_nothing_to_predict_is_refused():
    def flat(p, t, n, _):
        return np.full_like(t, 0.09), np.full_like(t, 0.09)

    table = planted_runs(flat, EPOCHS, seeds=2)
    with pytest.raises(InputError, match="no setting has two sizes"):
        backtest(table, Split())
    one = planted_runs(product, EPOCHS, seeds=2)
    with pytest.raises(InputError, match="no setting has two sizes"):
        backtest(one[one.width == 1], Split(), np.inf)


def test_evaluations_after_the_cut_tell_nothing_of_before_it():
    """Evaluated at 8 and 16 epochs and cut at 10: what the grid has at 9 is of both."""
    epochs = np.array([0.5, 1, 2, 4, 8, 16, 32, 64, 100])
    table = planted_runs(product, epochs, seeds=2)
    spoiled = table.assign(test_loss=table.test_loss * np.where(table.epoch > 10, 3, 1))
    parts = [
        divide(learning_curves(each), "epoch", Split(epochs=10.0))[0]
        for each in (table, spoiled)
    ]
    np.testing.assert_array_equal(parts[0].logs, parts[1].logs)
    assert np.isfinite(parts[0].logs).any(axis=(0, 2)).sum() > 10


def test_all_laws_are_asked_the_same_points():
    """Larger networks ran longer: at late times no small one stands in."""
    table = planted_runs(product, EPOCHS, seeds=2)
    part = table[(table.epoch <= 30) | (table.width == 10)]
    curves = learning_curves(part)
    [none] = [
        t
        for t in backtest(part, Split(), np.inf)
        if (t.predictor, t.direction) == (BASELINE, "num_params")
    ]
    early = curves.epoch <= 30 * 1.001
    expected = np.mean(np.abs(curves.mean[3] - curves.mean[2])[early])
    assert none.errors[0] == pytest.approx(expected)
    [unified] = [
        t
        for t in backtest(part, Split(), np.inf)
        if (t.predictor, t.direction) == ("unified law", "num_params")
    ]
    shorter = backtest(table[table.epoch <= 30], Split(), np.inf)
    [alone] = [
        t
        for t in shorter
        if (t.predictor, t.direction) == ("unified law", "num_params")
    ]
    assert unified.errors[0] == pytest.approx(alone.errors[0], rel=0.05)


def test_more_sources_than_there_are_sizes_are_refused():
    table = planted_runs(product, EPOCHS, seeds=2)
    with pytest.raises(InputError, match="no setting has more than 9 sizes"):
        backtest(table, Split(sizes=9), np.inf)
