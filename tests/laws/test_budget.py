"""What an example costs, from how long runs took; and where a plan may look."""

import numpy as np
import pandas as pd
import pytest
from drawn import EPOCHS, draw

from scaletime_jax.errors import InputError
from scaletime_jax.laws.budget import (
    examples_budget,
    fit_rate,
    flops_budget,
    make_limits,
    seconds_budget,
)
from scaletime_jax.runs.read import Runs

CURVES = draw(lambda n, t, d: 1 / (n * t * d))


def runs_of(sizes, metadata):
    ids = [f"run {size}" for size in sizes]
    table = pd.DataFrame({"run_id": ids, "num_params": sizes})
    table = table.assign(train_size=10, epoch=2.0)
    return Runs(table, metadata, [])


def rate(size, seconds, examples=10.0):
    return {
        "run_id": f"run {size}",
        "num_params": size,
        "examples": examples,
        "seconds": seconds,
    }


def test_a_budget_lasts_for_what_it_pays():
    assert flops_budget(6e6, 6.0).epochs(1000, 100) == pytest.approx(10)
    assert examples_budget(1e3).epochs(np.array([1, 1e9]), 100) == pytest.approx(10)
    assert str(flops_budget(1e12, 6.0)) == "1e12 FLOP"


def test_seconds_are_those_of_a_power_law_through_the_runs():
    rates = [rate(size, 0.01 * size**0.5) for size in (100, 1000, 10_000)]
    gone = rate(7, 1e9)  # of a run that was not selected
    runs = runs_of([100, 1000, 10_000], [{"logs": [], "rates": [*rates, gone]}])
    line = fit_rate(runs)
    assert line.slope == pytest.approx(0.5)
    budget = seconds_budget(8.0, runs)
    np.testing.assert_allclose(budget.epochs(400, 20), 8 / (0.02 * 20))


def test_the_seconds_of_our_own_runs_are_those_of_their_units():
    """Of the share of a unit that is read, to where its runs ended; of no control."""
    configs = [{"train_size": 10, "epochs": 50}]
    early = {"configs": configs, "run_ids": ["run 100"], "wall_seconds": 2.0}
    unit = {**early, "run_ids": ["run 900", "left out"], "device_seconds": 12.0}
    control = {**early, "run_ids": ["shuffled"]}
    line = fit_rate(runs_of([100, 900], [early, unit, control]))
    assert line.slope == pytest.approx(0.5)
    assert np.exp(line.intercept + line.slope * np.log(100)) == pytest.approx(0.1)


def test_of_one_size_seconds_are_in_proportion():
    line = fit_rate(runs_of([100], [{"logs": [], "rates": [rate(100, 5.0)]}]))
    assert line.slope == 1.0
    assert np.exp(line.intercept) == pytest.approx(0.005)


def test_runs_that_do_not_say_how_long_they_took_are_refused():
    with pytest.raises(InputError, match=r"durations of .* seconds") as error:
        seconds_budget(1.0, runs_of([100], [{"logs": []}]))
    assert error.value.quantities == {"budget_flops": None}


def test_limits_are_ten_times_beyond_or_as_told():
    limits = make_limits(CURVES)
    sizes = CURVES.num_params
    assert limits.num_params == pytest.approx((sizes.min(), 10 * sizes.max()))
    assert limits.epoch == pytest.approx(10 * EPOCHS[-1])
    assert limits.train_sizes == [500.0, 2000.0, 8000.0, 32000.0]
    told = make_limits(CURVES, 5e3, 7.0, 8000.0)
    assert (told.num_params[1], told.epoch) == (5e3, 7.0)
    assert told.train_sizes == [500.0, 2000.0, 8000.0]


@pytest.mark.parametrize(
    ("told", "would_do"),
    [({"max_num_params": 10.0}, "1000"), ({"max_train_size": 10.0}, "500")],
)
def test_limits_below_all_runs_are_refused_with_one_that_would_do(told, would_do):
    [name] = told
    with pytest.raises(InputError, match=f"{name} 10 is below") as error:
        make_limits(CURVES, **told)
    assert error.value.quantities == {name: would_do}
