import numpy as np
import pandas as pd
import pytest
from planted import planted_table

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import make_runs
from scaletime_jax.runs.select import (
    check_protocol,
    choose_runs,
    find_gaps,
    missing_runs,
    split_table,
)


def select_runs(table, wanted):
    chosen = choose_runs(table, wanted)
    check_protocol(chosen)
    return chosen


@pytest.fixture(scope="module")
def table():
    return planted_table(seeds=2, sizes=(500, 1000))


def test_numbers_and_names_select(table):
    rows = select_runs(table, {"width": [1, 5], "architecture": ["mlp"]})
    assert set(rows.width) == {1, 5} and set(rows.train_size) == {500, 1000}
    assert set(rows.epochs) == {100}
    single = table.assign(learning_rate=np.float32(0.01))
    assert len(select_runs(single, {"learning_rate": [0.01]})) == len(table)


def test_nothing_left_says_what_is_there(table):
    with pytest.raises(InputError, match="width 3; the runs left have 1, 2, 5"):
        select_runs(table, {"width": [3]})
    with pytest.raises(InputError, match="no run has architecture cnn"):
        select_runs(table, {"architecture": ["cnn"]})


@pytest.mark.parametrize(
    ("name", "value"), [("init", "lecun"), ("loss", "cross_entropy"), ("test_size", 7)]
)
def test_two_protocols_are_refused_unless_one_is_chosen(table, name, value):
    other = table.assign(**{name: value, "run_id": "other-" + table.run_id})
    both = pd.concat([table, other])
    with pytest.raises(InputError, match=f"mix {name} ") as refused:
        select_runs(both, {})
    assert set(refused.value.quantities) == {name}
    assert set(select_runs(both, {name: [value]})[name]) == {value}
    # other families may differ, but for the loss that one axis shows
    apart = pd.concat([table, other.assign(optimizer="adam")])
    if name == "loss":
        with pytest.raises(InputError, match="mix loss"):
            select_runs(apart, {})
    else:
        select_runs(apart, {})


def test_runs_of_two_lengths_are_two_protocols(table):
    short = table[table.epoch <= 50].assign(run_id="short-" + table.run_id)
    with pytest.raises(InputError, match="mix epochs 50 and 100") as refused:
        select_runs(pd.concat([table, short]), {})
    assert refused.value.quantities == {"epochs": "50"}


def test_a_run_that_is_there_twice_is_refused(table):
    twin = table.assign(run_id="twin-" + table.run_id)
    with pytest.raises(InputError, match=r"several runs have dataset planted.*seed 0"):
        select_runs(pd.concat([table, twin]), {})


def test_a_gap_says_what_trains_it(table):
    gone = (table.width == 5) & (table.train_size == 500)
    part = select_runs(table[~gone], {})
    missing = missing_runs(part, {})
    assert len(missing) == 2 and set(missing.width) == {5}
    [gap] = find_gaps(part, {})
    assert (gap.family, gap.num_runs) == ("planted mlp sgd", 2)
    trained_by = {"width": ["5"], "train_size": ["500"], "epochs": ["100"]}
    assert trained_by.items() <= gap.trained_by.items()
    assert len(missing_runs(part, {"seed": [0, 1, 2]})) == 2 + 8
    assert len(missing_runs(select_runs(table, {}), {})) == 0


def test_a_gap_names_the_settings_that_are_not_the_default(table):
    """Without them the printed command would train other runs."""
    other = table.assign(batching="full", schedule="cosine", shuffled_labels=True)
    [gap] = find_gaps(select_runs(other[other.width != 5], {}), {"width": [5]})
    trained_by = {
        "batching": ["full"],
        "schedule": ["cosine"],
        "shuffled_labels": ["true"],
    }
    assert trained_by.items() <= gap.trained_by.items()
    assert "activation" not in gap.trained_by


def test_parts_have_plain_values(table):
    parts = list(split_table(table, ("train_size", "loss")))
    assert [fields["train_size"] for fields, _ in parts] == [500, 1000]
    assert all(type(fields["train_size"]) is int for fields, _ in parts)
    assert sum(len(rows) for _, rows in parts) == len(table)


def test_a_family_that_is_wholly_absent_is_missing_too(table):
    rows = select_runs(table, {})
    missing = missing_runs(rows, {"architecture": ["mlp", "cnn"]})
    assert set(missing.architecture) == {"cnn"} and len(missing) == 2 * 4 * 2
    [gap] = find_gaps(rows, {"architecture": ["mlp", "cnn"]})
    assert (gap.family, gap.num_runs) == ("planted cnn sgd", 16)
    assert gap.trained_by["epochs"] == ["100"]
    assert len(missing_runs(rows, {"architecture": ["mlp"]})) == 0


def test_whole_numbers_select_exactly(table):
    large = table.assign(seed=table.seed + 200_000)
    assert set(select_runs(large, {"seed": [200_000]}).seed) == {200_000}


def test_unknown_values_are_one_part_and_none(table):
    """What a user's log does not say."""
    unknown = table.assign(optimizer=None, learning_rate=np.nan)
    [(fields, rows)] = split_table(unknown, ("optimizer", "learning_rate"))
    assert fields == {"optimizer": None, "learning_rate": None}
    assert len(rows) == len(table)
    assert len(select_runs(unknown, {})) == len(table)


def ended(table, until):
    """Runs of different lengths, each ended at a test loss."""
    kept = table.epoch <= 10 + 2 * table.seed
    return table[kept].assign(until_test_loss=until)


def test_how_long_a_run_is_that_ended_at_a_loss_is_no_protocol():
    table = planted_table()
    chosen = select_runs(ended(table, 0.05), {})
    assert chosen.epochs.isna().all() and chosen.run_id.nunique() == 20
    with pytest.raises(InputError, match=r"mix epochs 10 and 12"):
        select_runs(ended(table, 0.0), {})


def test_runs_that_ended_at_a_loss_and_runs_that_did_not_do_not_mix():
    table = planted_table()
    both = pd.concat([table, ended(table[table.width == 1], 0.05)])
    with pytest.raises(InputError, match=r"mix until_test_loss 0 and 0.05"):
        select_runs(both, {})


def test_what_is_missing_of_ended_runs_names_no_length():
    table = ended(planted_table(), 0.05).assign(epochs=np.nan)
    [gap] = find_gaps(table[(table.width != 5) | (table.seed != 2)], {})
    assert gap.num_runs == 1 and "epochs" not in gap.trained_by
    assert gap.trained_by["until_test_loss"] == ["0.05"]


def test_controls_are_chosen_with_their_runs_and_of_any_length():
    table = planted_table()
    control = table[table.epoch <= 50].assign(shuffled_labels=True)
    control["run_id"] = "shuffled-" + control.run_id
    runs = make_runs(pd.concat([table, control]), [{"run_ids": []}])
    chosen = runs.select({"width": [1, 2], "epochs": [100]})
    assert set(chosen.controls.width) == set(chosen.table.width) == {1, 2}
    assert not chosen.table.shuffled_labels.any()
    assert chosen.controls.shuffled_labels.all()
    with pytest.raises(InputError, match="all runs have shuffled labels"):
        make_runs(control, [])
