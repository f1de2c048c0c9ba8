import numpy as np
import pandas as pd
import pytest
from planted import LENGTHS, decayed, planted_table

from scaletime_jax.errors import InputError
from scaletime_jax.runs.ends import join_ends, refuse_parts
from scaletime_jax.runs.read import make_runs


def test_ends_of_falling_rates_are_one_curve_for_each_size_and_seed():
    table = planted_table(seeds=2)
    joined = join_ends(decayed(table))
    assert joined.run_id.nunique() == 4 * 2 and len(joined) == 3 * 4 * 2
    assert set(joined.steps) == {100}
    assert set(joined.run_id) == {f"100-{name}" for name in table.run_id}
    merged = joined.merge(
        table, on=["width", "seed", "epoch"], suffixes=("", "_inside")
    )
    assert len(merged) == len(joined) and set(joined.epoch) == {*LENGTHS}
    np.testing.assert_allclose(merged.test_loss, 0.5 * merged.test_loss_inside)


def test_whole_curves_stay_where_ends_say_nothing():
    constant = decayed().assign(schedule="constant")
    assert join_ends(constant) is constant
    single = decayed().query("steps == 40")
    assert join_ends(single) is single
    ended = decayed().assign(until_test_loss=0.05)
    assert join_ends(ended) is ended
    unknown = decayed().assign(schedule=None)
    assert join_ends(unknown) is unknown
    # beside runs at a constant rate, which are another setting
    other = planted_table(seeds=2).assign(steps=100)
    both = join_ends(pd.concat([decayed(), other], ignore_index=True))
    assert (both.schedule == "constant").sum() == len(other)
    assert (both.schedule == "cosine").sum() == 3 * 4 * 2


def test_settings_and_seeds_are_not_joined():
    """A run of another seed, or rate, is no shorter run of this one."""
    apart = decayed()
    apart["seed"] = 10 * apart.steps + apart.seed
    assert join_ends(apart) is apart
    apart = decayed()
    apart["learning_rate"] = apart.steps / 100
    assert join_ends(apart) is apart


def test_runs_count_all_that_were_trained():
    table = decayed()
    units = [{"run_ids": [name]} for name in table.run_id.unique()]
    runs = make_runs(table, units).select({}, any_length=True)
    assert runs.num_runs == 3 * 4 * 2 and len(runs.metadata) == 3 * 4 * 2
    assert runs.table.run_id.nunique() == 4 * 2
    assert runs.notes == [
        "Where lengths differ and the learning rate falls, only the ends of runs are "
        "compared."
    ]
    chosen = make_runs(table, units).select({"steps": [10, 40]}, any_length=True)
    assert set(chosen.table.epoch) == {10, 40} and chosen.num_runs == 2 * 4 * 2
    [one] = {*make_runs(table, units).select({"steps": [40]}, True).table.steps}
    assert one == 40
    with pytest.raises(InputError, match="mix steps 10 and 40 and 100"):
        make_runs(table, units).select({})


def test_lengths_in_epochs_are_joined_too():
    table = decayed()
    runs = make_runs(table.assign(steps=0), []).select({}, any_length=True)
    assert set(runs.table.epochs) == {100} and runs.num_runs == 3 * 4 * 2


def test_a_run_that_is_the_start_of_another_is_not_trained():
    grid = pd.DataFrame({"schedule": ["cosine", "constant"], "steps": [10, 20]})
    refuse_parts(grid)
    grid = pd.concat([grid, grid.assign(steps=[30, 40])])
    with pytest.raises(InputError, match="of 20 steps is the start of a run of 40"):
        refuse_parts(grid)
