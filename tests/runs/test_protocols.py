"""Runs of several protocols are cut into runs that can be compared."""

import pandas as pd
import pytest
from planted import decayed, planted_table

from scaletime_jax.errors import InputError
from scaletime_jax.runs.protocols import split_protocols
from scaletime_jax.runs.read import Runs, together


def few(**columns):
    table = planted_table(seeds=2)
    table = table[table.epoch % 10 == 0]
    suffix = "-".join(map(str, columns.values()))
    return table.assign(**columns, run_id=table.run_id + suffix)


def test_what_may_not_be_mixed_is_a_protocol_of_its_own():
    parts = few(), few(init="he"), few(batch_size=8), few(learning_rate=0.1)
    made = split_protocols(Runs(pd.concat(parts, ignore_index=True), [], []))
    told = [(f["init"], f["batch_size"], f["learning_rate"]) for f, _ in made]
    assert sorted(told) == [
        ("he", 32, 0.01),
        ("pytorch", 8, 0.01),
        ("pytorch", 32, 0.01),
        ("pytorch", 32, 0.1),
    ]
    assert [runs.num_runs for _, runs in made] == [8] * 4
    assert all("train_size" not in fields for fields, _ in made)


def test_ends_of_several_lengths_are_one_protocol():
    [(_, runs)] = split_protocols(Runs(decayed(), [], []))
    assert runs.joined and runs.table.groupby("run_id").epoch.nunique().eq(3).all()


def test_a_run_in_two_tables_counts_once_and_another_one_of_its_place_is_refused():
    table = few().assign(step=lambda rows: rows.epoch)
    both = together([Runs(table, [], []), Runs(table, [], [])])
    assert len(both.table) == len(table)
    other = table.assign(run_id=table.run_id + "-again")
    with pytest.raises(InputError, match="several runs have"):
        split_protocols(together([Runs(table, [], []), Runs(other, [], [])]))
