import pandas as pd
import pytest
from planted import decayed, planted_table

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import make_runs
from scaletime_jax.studies import tradeoff
from scaletime_jax.studies.later_levels import later_levels

UNITS = [{"configs": [{"dataset": "planted", "loss": "mse"}], "num_classes": 10}]


def ends():
    table = decayed(planted_table(seeds=3))
    unit = {**UNITS[0], "run_ids": list(table.run_id.unique())}
    return make_runs(table, [unit]).select({}, any_length=True)


def test_levels_below_which_the_shortest_runs_end_are_left_out():
    runs = ends()
    first = runs.table[runs.table.epoch == 10].test_loss
    share = 1 - 0.9 * float(first.min()) / 0.09
    levels, said = later_levels(runs, runs.levels(None, [0.05, share]))
    assert [level.share for level in levels] == [share]
    assert len(said) == 2 and "the threshold 0.09:" in said[0]
    assert "the share 0.05 of the guessing loss removed: 12 curves of 12" in said[1]


def test_curves_that_begin_before_training_keep_all_levels():
    table = planted_table(seeds=3)
    runs = make_runs(table, [{**UNITS[0], "run_ids": list(table.run_id.unique())}])
    levels, said = later_levels(runs, runs.levels(None, [0.05]))
    assert len(levels) == 2 and said == []


def test_a_level_that_untrained_networks_have_passed_is_left_out():
    table = planted_table(seeds=3)
    lucky = (table.run_id == table.run_id.iloc[0]) & (table.epoch == 0)
    table.loc[lucky, "test_loss"] = 0.0899
    assert lucky.sum() == 1
    runs = make_runs(table, [{**UNITS[0], "run_ids": list(table.run_id.unique())}])
    levels, said = later_levels(runs, runs.levels(None, [0.05]))
    assert [level.share for level in levels] == [0.05]
    assert said == [
        "Without the threshold 0.09: 1 curve of 12 begin below it, before training."
    ]
    assert later_levels(runs, runs.levels(0.09)) == (runs.levels(0.09), [])


def test_networks_may_be_evaluated_on_other_test_sets():
    """Of one dataset a CNN has 1,000 test images and an MLP has all."""
    table = planted_table(seeds=3)
    other = table.assign(architecture="cnn", run_id="b" + table.run_id, test_size=1000)
    units = [
        {**UNITS[0], "run_ids": list(table.run_id.unique())},
        {**UNITS[0], "run_ids": list(other.run_id.unique())},
    ]
    other["guessing_loss"] = 0.9 * table.guessing_loss
    both = pd.concat([table, other], ignore_index=True)
    runs = make_runs(both, units)
    levels, said = later_levels(runs, runs.levels(None, [0.05]))
    assert len(levels) == 2 and said == []


def test_no_level_is_refused():
    with pytest.raises(InputError, match="shortest runs end below every threshold"):
        later_levels(ends(), ends().levels(None, [0.05]))


def test_larger_networks_are_sooner_at_their_ends_too():
    result = tradeoff.study(ends(), None, [0.05, 0.9, 0.95])
    assert sum(note.startswith("Without the") for note in result.notes) == 2
    curves = result.figure["curves"]
    assert {curve.share for curve in curves} == {0.9, 0.95}
    for curve in curves:
        times = [point.epochs_mean for point in curve.points if point.reached]
        assert times == sorted(times, reverse=True) and times[0] > times[-1] > 10
