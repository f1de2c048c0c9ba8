"""A user's own logs: what is taken, and what each mistake is answered."""

import numpy as np
import pandas as pd
import pytest
from grids import METADATA

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import Split, backtest
from scaletime_jax.laws.threshold_scan import scan_thresholds
from scaletime_jax.runs import store
from scaletime_jax.runs.clock import Clock
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
        changed(rename={"num_params": "num_prm"}),
        ["lacks the column 'num_params'", "is 'num_prm' meant?"],
    ),
    "two names": (
        logs().assign(val_loss=1.0).rename(columns={"test_loss": "eval/loss"}),
        ["'eval/loss' and 'val_loss' may all be test_loss", "test_loss=eval/loss"],
    ),
    "misspelt, with a train loss": (
        changed(rename={"test_loss": "tst_los"}).assign(train_loss=1.0),
        ["lacks the column 'test_loss'", "is 'tst_los' meant?"],
    ),
    "only a train loss": (
        changed(rename={"test_loss": "loss"}),
        ["lacks the column 'test_loss'", "had not been trained on", "test_loss=loss"],
    ),
    "no time": (changed(rename={"epoch": "when"}), ["lacks the column 'epoch'"]),
    "a date": (
        logs().assign(epoch=pd.Timestamp("2026-01-02")),
        ["line 2", "epoch 2026-01-02", "not a number"],
    ),
    "huge": (changed(5, "test_loss", 1e308), ["line 7", "not between 1e-30 and"]),
    "tiny": (changed(5, "test_loss", 1e-320), ["line 7", "not between 1e-30 and"]),
    "instant": (changed(5, "epoch", 1e-300), ["line 7", "epoch", "not between"]),
    "vast": (changed(0, "num_params", 1e30), ["line 2", "num_params", "is above"]),
    "noise": (
        logs().assign(label_noise=1.5),
        ["line 2", "label_noise 1.5 is not between 0 and 1"],
    ),
    "all empty": (logs().assign(test_loss=np.nan), ["test_loss is empty"]),
    "a rate that changes": (
        logs().assign(run="a", num_params=100, seed=1, learning_rate=np.arange(16) + 1),
        ["learning_rate of run a is 1", "later 2", "a run has one learning_rate"],
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


@pytest.mark.parametrize("every", [1, 7])
def test_a_row_of_more_cells_than_names_is_refused(tmp_path, every):
    """A decimal comma would cut the loss, or move all columns to the left."""
    head, *rows = logs().to_csv(index=False).splitlines()
    for number in range(every - 1, len(rows), every):
        rows[number] = rows[number].replace(".", ",")
    (tmp_path / "mine.csv").write_text("\n".join([head, *rows]))
    words = rf"mine.csv, line {every + 1}: the row has more cells than the 4 names"
    with pytest.raises(InputError, match=words):
        read_runs(tmp_path / "mine.csv")


def test_a_quote_that_never_ends_is_no_table(tmp_path):
    text = logs().to_csv(index=False)
    (tmp_path / "mine.csv").write_text(text + '100,3,0,"' + "1," * 70_000)
    with pytest.raises(InputError, match=r"mine.csv is not a run table \(field larger"):
        read_runs(tmp_path / "mine.csv")


def test_a_separator_at_the_end_of_rows_is_no_cell(tmp_path):
    expected = read(tmp_path, logs()).table
    head, *rows = logs().to_csv(index=False).splitlines()
    (tmp_path / "mine.csv").write_text("\n".join([head, *(f"{r}," for r in rows)]))
    pd.testing.assert_frame_equal(read_runs(tmp_path / "mine.csv").table, expected)


def test_a_file_that_is_no_table(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match=r"empty\.csv is not a run table"):
        read_runs(tmp_path / "empty.csv")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match=r"bytes\.csv is not a run table"):
        read_runs(tmp_path / "bytes.csv")


def test_logs_are_not_mixed_with_tables_of_ours(tmp_path):
    rows = pd.DataFrame({name: [] for name in schema().names})
    store.write(tmp_path, "unit", rows, METADATA)
    logs().to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(InputError, match=r"mine\.csv was not written by a sweep"):
        read_runs(tmp_path)


USUAL = {
    "num_params": ["n_params", "params", "N", "Num Parameters"],
    "test_loss": ["val_loss", "eval/loss", "Loss/val", "validation_loss"],
}


@pytest.mark.parametrize("size", USUAL["num_params"])
@pytest.mark.parametrize("loss", USUAL["test_loss"])
def test_usual_names_are_recognised_and_said(tmp_path, size, loss):
    """The same runs, whatever their columns are called."""
    renamed = logs().rename(columns={"num_params": size, "test_loss": loss})
    runs = read(tmp_path, renamed)
    pd.testing.assert_frame_equal(runs.table, read(tmp_path, logs()).table)
    said = f"Taken in mine.csv: num_params from {size}, test_loss from {loss}."
    assert runs.notes == [said]


def test_columns_overrule_the_usual_names(tmp_path):
    both = logs().assign(val_loss=5.0).rename(columns={"test_loss": "my/name"})
    both.to_csv(tmp_path / "mine.csv", index=False)
    chosen = read_runs(tmp_path / "mine.csv", columns={"test_loss": "my/name"})
    assert chosen.table.test_loss.max() < 2
    with pytest.raises(InputError, match=r"'tset_loss' is no quantity.*'test_loss'"):
        read_runs(tmp_path / "mine.csv", columns={"tset_loss": "my/name"})
    with pytest.raises(InputError, match="no column 'my/nam' for test_loss; is 'my/na"):
        read_runs(tmp_path / "mine.csv", columns={"test_loss": "my/nam"})


def test_a_name_of_ours_is_taken_before_a_usual_one(tmp_path):
    both = logs()
    both.insert(0, "val_loss", 5.0)
    assert read(tmp_path, both).table.test_loss.max() < 2


def test_tokens_of_one_pass_are_the_time(tmp_path):
    table = logs().rename(columns={"epoch": "tokens_seen"})
    runs = read(tmp_path, table.assign(tokens_seen=table.tokens_seen * 1e9))
    assert runs.clock == Clock("tokens") and runs.clock.counts_examples
    assert set(runs.table.epoch) == {0, 1e9, 2e9, 4e9}
    assert runs.table.train_size.isna().all()
    np.testing.assert_array_equal(runs.clock.examples([0, 5]), 1)
    assert runs.clock.tell(4e9) == "4B tokens"


def test_epochs_of_a_known_train_size_come_before_tokens(tmp_path):
    repeated = logs(train_size=50).assign(tokens=lambda rows: 50 * rows.epoch)
    assert read(tmp_path, repeated).clock.unit == "epoch"
    once = repeated.drop(columns="train_size")
    assert read(tmp_path, once).clock.unit == "tokens"


@pytest.mark.parametrize("batch", [32, None])
def test_steps_cost_their_batch(tmp_path, batch):
    table = logs().rename(columns={"epoch": "_step"}).assign(batch=batch or 64)
    runs = read(tmp_path, table if batch else table.drop(columns="batch"))
    assert runs.clock == Clock("step", batch)
    assert runs.clock.counts_examples == (batch is not None)
    told = read_runs(tmp_path / "mine.csv", batch_size=16).clock
    assert told == Clock("step", batch or 16)
    assert runs.clock.tell(40_000) == "40k steps"


def test_steps_of_different_batches_are_examples(tmp_path):
    table = logs().rename(columns={"epoch": "step"})
    runs = read(tmp_path, table.assign(batch_size=table.num_params // 10))
    assert runs.clock == Clock("examples")
    assert set(runs.table[runs.table.num_params == 1000].epoch) == {0, 100, 200, 400}


@pytest.mark.parametrize("name", ["mine.tsv", "mine.jsonl", "mine.ndjson"])
def test_other_formats(tmp_path, name):
    if name.endswith("tsv"):
        logs().to_csv(tmp_path / name, index=False, sep="\t")
    else:
        logs().to_json(tmp_path / name, orient="records", lines=True)
    ours = read(tmp_path, logs()).table
    pd.testing.assert_frame_equal(read_runs(tmp_path / name).table, ours)


def chart(names):
    """As the chart of a tracker is exported: a column for each run."""
    wide = {"Step": [1, 2, 4]}
    for k, name in enumerate(names):
        for end in ("", "__MIN", "__MAX"):
            wide[f"{name} - eval/loss{end}"] = [1.0 / (k + t) for t in wide["Step"]]
    return pd.DataFrame(wide)


def test_a_chart_and_the_table_of_its_runs(tmp_path):
    chart(["swift-1", "calm-2"]).to_csv(tmp_path / "chart.csv", index=False)
    properties = {"Name": ["calm-2", "swift-1"], "n_params": [1000, 100]}
    more = {"State": "finished", "Runtime": 12, "eval/loss": 0.1, "batch_size": 8}
    table = pd.DataFrame(properties).assign(**more)
    table.to_csv(tmp_path / "runs.csv", index=False)
    runs = read_runs(tmp_path)
    assert runs.num_runs == 2 and runs.clock == Clock("step", 8)
    by_size = runs.table.groupby("num_params").test_loss.first()
    assert by_size[100] == pytest.approx(1) and by_size[1000] == pytest.approx(0.5)
    table[:1].to_csv(tmp_path / "runs.csv", index=False)
    with pytest.raises(InputError, match=r"runs\.csv lacks the run 'swift-1' of chart"):
        read_runs(tmp_path)


def test_a_chart_whose_runs_are_named_by_their_properties(tmp_path):
    names = ["num_params: 100", "num_params: 1000"]
    chart(names).to_csv(tmp_path / "chart.csv", index=False)
    runs = read_runs(tmp_path / "chart.csv")
    assert set(runs.table.num_params) == {100, 1000} and runs.num_runs == 2
    chart(["swift-1"]).to_csv(tmp_path / "chart.csv", index=False)
    with pytest.raises(InputError, match="lacks the column 'num_params'"):
        read_runs(tmp_path / "chart.csv")


def test_a_table_of_final_losses_is_a_curve_of_ends(tmp_path):
    ends = logs().query("epoch > 0").assign(name=lambda rows: rows.index.astype(str))
    runs = read(tmp_path, ends.drop(columns="seed").query("epoch < 4"))
    assert runs.num_runs == 4 and set(runs.table.seed) == {0, 1}
    assert set(runs.table.epoch) == {1, 2}


def test_runs_told_apart_by_their_names_get_seeds(tmp_path):
    named = logs().assign(run=lambda rows: "run " + rows.pop("seed").astype(str))
    ours = read(tmp_path, logs()).table
    theirs = read(tmp_path, named).table
    assert set(theirs.seed) == {0, 1}
    columns = ["num_params", "epoch", "test_loss"]
    pd.testing.assert_frame_equal(theirs[columns], ours[columns])


def test_files_without_names_or_seeds_are_runs(tmp_path):
    for (size, seed), rows in logs().groupby(["num_params", "seed"]):
        rows.drop(columns="seed").to_csv(tmp_path / f"{size}-{seed}.csv", index=False)
    assert read_runs(tmp_path).num_runs == 4


def test_a_property_written_once_holds_for_its_run(tmp_path):
    rows = [{"run": "a", "num_params": 100}, {"run": "b", "num_params": 1000}]
    for run in "ab":
        rows += [{"run": run, "step": t, "val_loss": 1 / (1 + t)} for t in (1, 2, 4)]
    pd.DataFrame(rows).to_json(tmp_path / "l.jsonl", orient="records", lines=True)
    assert (
        list(read_runs(tmp_path / "l.jsonl").table.num_params) == [100] * 3 + [1000] * 3
    )


PLANNED = logs(seed=0).drop_duplicates(["num_params", "epoch"]).query("epoch > 0")


def planned(lengths, **columns):
    """Runs of each size and planned length, above what a run of that length ends at."""
    pieces = [PLANNED[PLANNED.epoch <= end].assign(horizon=end) for end in lengths]
    rows = pd.concat(pieces).assign(**columns)
    return rows.assign(test_loss=rows.test_loss + rows.horizon)


def test_where_planned_lengths_differ_only_ends_are_compared(tmp_path):
    runs = read(tmp_path, planned([2, 4]))
    assert runs.num_runs == 2 and set(runs.table.epoch) == {2, 4}
    assert "only the ends of 4 runs are compared" in runs.notes[0]
    late = planned([2, 4]).query("horizon == 2 or epoch < 4 or num_params == 100")
    assert "1 run without an end left out" in read(tmp_path, late).notes[1]


def test_of_a_constant_schedule_or_one_length_all_points_are_kept(tmp_path):
    assert set(read(tmp_path, planned([4])).table.epoch) == {1, 2, 4}
    both = planned([2, 4], schedule="constant").assign(seed=lambda rows: rows.horizon)
    assert set(read(tmp_path, both).table.epoch) == {1, 2, 4}


@pytest.mark.parametrize(
    "seeds", [[2**53, 2**53 + 1], [2**63, 2**64 - 1], [-(2**63), 2**63 - 1]]
)
@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet", "mine.jsonl"])
def test_large_seeds_are_not_merged(tmp_path, name, seeds):
    table = logs()
    table["seed"] = np.array([seeds[each - 1] for each in table.seed])
    if name.endswith("jsonl"):
        table.to_json(tmp_path / name, orient="records", lines=True)
        table = read_runs(tmp_path / name).table
    else:
        table = read(tmp_path, table, name).table
    assert table.seed.nunique() == 2 and table.run_id.nunique() == 4
    if max(seeds) < 2**63:
        assert set(table.seed) == set(seeds)


def test_a_seed_that_was_rounded_is_refused(tmp_path):
    with pytest.raises(InputError, match="is rounded; write it as a whole number"):
        read(tmp_path, logs(seed=2.0**60), "mine.parquet")


def test_losses_left_out_are_counted(tmp_path):
    table = logs(train_loss=0.5)
    table.loc[table.epoch == 2, "test_loss"] = np.nan
    assert read(tmp_path, table).notes == ["4 rows without a test loss left out."]
