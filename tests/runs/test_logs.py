"""A user's own logs: what is taken, and what each mistake is answered."""

import numpy as np
import pandas as pd
import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import Split, backtest
from scaletime_jax.laws.threshold_scan import scan_thresholds
from scaletime_jax.runs import store
from scaletime_jax.runs.fields import describe, schema, setting_of
from scaletime_jax.runs.read import read_runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.studies.backtest import study
from scaletime_jax.studies.equivalence import find_collapses


def logs(**columns):
    """Two sizes, two seeds, four epochs."""
    index = pd.MultiIndex.from_product(
        [[100, 1000], [1, 2], [0, 1, 2, 4]], names=["num_params", "seed", "epoch"]
    )
    table = index.to_frame(index=False)
    table["test_loss"] = 1 / (1 + table.epoch) + table.seed / 100
    return table.assign(**columns)


def read(folder, table, name="mine.csv"):
    if name.endswith(".csv"):
        table.to_csv(folder / name, index=False)
    else:
        table.to_parquet(folder / name)
    return read_runs(folder / name)


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet"])
def test_what_is_needed_is_enough(tmp_path, name):
    table, [known], *_ = read(tmp_path, logs(), name)
    assert list(table.columns) == schema().names
    assert set(table.dataset) == {"mine"}
    assert list(table.width) == list(table.num_params)
    assert table.run_id.nunique() == 4 and set(known["run_ids"]) == set(table.run_id)
    assert known["columns"] == ["num_params", "seed", "epoch", "test_loss"]
    run = table[(table.num_params == 1000) & (table.seed == 2)]
    np.testing.assert_allclose(run.test_loss, 1 / (1 + run.epoch) + 0.02)
    assert list(run.step) == [0, 1, 2, 3] and not table.diverged.any()


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet"])
def test_what_is_not_known_is_null(tmp_path, name):
    """Neither 0 nor a word: no figure and no claim says what the log does not."""
    table = read(tmp_path, logs(), name).table
    words = ["architecture", "optimizer", "init", "loss"]
    assert all(value is None for value in table[words].to_numpy().ravel())
    numbers = ["learning_rate", "train_size", "test_size", "batch_size", "label_noise"]
    assert np.isnan(table[numbers].to_numpy(float)).all()
    assert describe(next(split_table(table, setting_of(table)))[0]) == "mine"


def test_without_train_size_laws_and_equivalence_take_the_curves_as_of_one(tmp_path):
    epochs = np.geomspace(0.1, 100, 13)
    sizes = pd.DataFrame({"num_params": [100, 1000, 10_000, 100_000]})
    rows = sizes.merge(pd.DataFrame({"seed": [1, 2, 3]}), how="cross")
    rows = rows.merge(pd.DataFrame({"epoch": epochs}), how="cross")
    progress = np.cbrt(rows.num_params) * rows.epoch * (1 + 0.01 * rows.seed)
    runs = read(tmp_path, rows.assign(test_loss=(1 + progress) ** -0.5))
    [collapse] = find_collapses(runs.table)
    assert collapse.fields["train_size"] is None
    assert collapse.kappa.value == pytest.approx(1 / 3, abs=0.02)
    assert [scan.fields["train_size"] for scan in scan_thresholds(runs.table)] == [None]
    trials = backtest(runs.table, Split(), np.inf)
    assert {trial.fields["train_size"] for trial in trials} == {None}
    result = study(runs)
    assert result.notes[0] == "mine, along num_params:"
    assert result.summary["scores"][0]["optimizer"] is None


@pytest.mark.parametrize(
    "how", [{"sep": ";"}, {"sep": "\t"}, {"encoding": "utf-8-sig"}, {"index": True}]
)
def test_as_other_programs_write_it(tmp_path, how):
    logs().to_csv(tmp_path / "mine.csv", **{"index": False, **how})
    other = read_runs(tmp_path / "mine.csv").table
    ours = read(tmp_path, logs()).table
    pd.testing.assert_frame_equal(other, ours)


def test_seeds_may_be_words(tmp_path):
    words = logs()
    words["seed"] = words.seed.map({1: "first", 2: "second"})
    table = read(tmp_path, words).table
    assert table.run_id.nunique() == 4 and set(table.seed) == {0, 1}


def test_rows_in_any_order(tmp_path):
    ours = read(tmp_path, logs()).table
    mixed = read(tmp_path, logs().sample(frac=1, random_state=0)).table
    for table in (ours, mixed):
        run = table[(table.num_params == 1000) & (table.seed == 2)]
        assert list(run.epoch) == [0, 1, 2, 4] and list(run.step) == [0, 1, 2, 3]


def test_what_else_is_known_is_kept(tmp_path):
    more = {"optimizer": "lion", "learning_rate": 3e-4, "train_size": 50}
    given = logs(**more, dataset="text", label_noise=0.1, note="x")
    table = read(tmp_path, given.assign(width=given.num_params // 100)).table
    assert list(table.width) == list(table.num_params // 100)
    for name, value in {**more, "dataset": "text", "label_noise": 0.1}.items():
        assert set(table[name]) == {value}


def test_networks_of_one_width_that_differ_in_depth(tmp_path):
    table = read(tmp_path, logs(width=64)).table
    assert list(table.width) == list(table.num_params)


def test_a_folder_of_logs_is_one_table(tmp_path):
    for seed, piece in logs().groupby("seed"):
        piece.to_csv(tmp_path / f"seed{seed}.csv", index=False)
    table, [known], *_ = read_runs(tmp_path)
    assert table.run_id.nunique() == 4 and len(known["logs"]) == 2
    assert set(table.dataset) == {tmp_path.name}


def test_a_loss_that_stays_no_number_is_a_run_that_diverged(tmp_path):
    table = logs()
    table.loc[[2, 3], "test_loss"], table.loc[15, "test_loss"] = np.nan, np.inf
    table = read(tmp_path, table).table
    assert table[table.diverged].run_id.nunique() == 2
    first = table[table.run_id == table.run_id.iloc[0]]
    assert list(first.diverged) == [False, False, True, True]
    assert list(np.isnan(first.test_loss)) == [False, False, True, True]


def test_a_gap_that_ends_was_not_evaluated(tmp_path):
    """As trackers write it that log the training loss more often."""
    table = logs(train_loss=0.5)
    table.loc[table.epoch == 2, "test_loss"] = np.nan
    table = read(tmp_path, table).table
    assert not table.diverged.any() and set(table.epoch) == {0, 1, 4}
    assert table.run_id.nunique() == 4


def test_a_run_that_still_trains_after_its_last_evaluation_has_not_diverged(tmp_path):
    table = logs(train_loss=0.5)
    table.loc[table.epoch == 4, "test_loss"] = np.nan
    table.loc[(table.epoch == 4) & (table.seed == 2), "train_loss"] = np.nan
    table = read(tmp_path, table).table
    assert set(table[table.diverged].seed) == {2}
    assert set(table[table.seed == 1].epoch) == {0, 1, 2}


def test_seconds_give_the_rate(tmp_path):
    table = logs(train_size=50)
    table["seconds"] = table.epoch * table.num_params / 1000
    _, [known], *_ = read(tmp_path, table)
    rates = pd.DataFrame(known["rates"])
    assert list(rates.num_params) == [100, 100, 1000, 1000]
    np.testing.assert_allclose(rates.examples, 200)
    np.testing.assert_allclose(rates.seconds, [0.4, 0.4, 4, 4])


def changed(row=None, column=None, value=None, drop=(), rename=None):
    table = logs(learning_rate=0.1, optimizer="sgd").drop(columns=list(drop))
    if row is not None:
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
    return table.rename(columns=rename or {})


# A mistake, and words of its answer.
MISTAKES = {
    "absent": (changed(drop=["epoch"]), ["lacks the column 'epoch'", "it has"]),
    "misspelt": (
        changed(rename={"test_loss": "tset_loss"}),
        ["lacks the column 'test_loss'", "is 'tset_loss' meant?"],
    ),
    "alike": (
        changed(rename={"num_params": "n_params"}),
        ["lacks the column 'num_params'", "is 'n_params' meant?"],
    ),
    "optional": (
        changed(rename={"learning_rate": "learning_rte"}),
        ["'learning_rte'", "rename it to 'learning_rate'"],
    ),
    "negative": (
        changed(5, "test_loss", -1.0),
        ["line 7", "test_loss -1.0 must be above 0"],
    ),
    "zero": (changed(5, "test_loss", 0.0), ["line 7", "must be above 0"]),
    "words": (changed(3, "test_loss", "bad"), ["line 5", "bad is not a number"]),
    "no epoch": (changed(3, "epoch", ""), ["line 5", "epoch", "is not a number"]),
    "before": (changed(3, "epoch", -1), ["line 5", "epoch", "0 or more"]),
    "size": (changed(0, "num_params", 0), ["line 2", "num_params", "above 0"]),
    "half": (changed(0, "num_params", 10.5), ["line 2", "not a whole number"]),
    "rate": (changed(0, "learning_rate", 0), ["line 2", "learning_rate", "above 0"]),
    "twice": (
        pd.concat([logs(), logs()[:1]]),
        ["line 18", "num_params 100", "epoch 0 a second time", "seed"],
    ),
    "no seed": (changed(drop=["seed"]), ["line 6", "epoch 0 a second time"]),
    "untrained": (logs()[logs().epoch == 0], ["no run has two epochs"]),
    "one epoch": (logs()[logs().epoch == 4], ["no run has two epochs"]),
    "empty": (logs()[:0], ["has no rows"]),
    "no word": (changed(4, "optimizer", None), ["line 6", "optimizer", "is empty"]),
    "a column twice": (
        logs().assign(**{"seed ": 1}),
        ["has two columns 'seed'"],
    ),
    "one trained epoch": (logs()[logs().epoch < 2], ["no run has two epochs above 0"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_named_with_its_place(tmp_path, name):
    table, words = MISTAKES[name]
    with pytest.raises(InputError) as error:
        read(tmp_path, table)
    for word in ["mine.csv", *words]:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_table(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match=r"empty\.csv is not a run table"):
        read_runs(tmp_path / "empty.csv")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match=r"bytes\.csv is not a run table"):
        read_runs(tmp_path / "bytes.csv")


def test_logs_are_not_mixed_with_tables_of_ours(tmp_path):
    rows = pd.DataFrame({name: [] for name in schema().names})
    store.write(tmp_path, "unit", rows, {"wall_seconds": 1.5})
    logs().to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(InputError, match=r"mine\.csv was not written by a sweep"):
        read_runs(tmp_path)
