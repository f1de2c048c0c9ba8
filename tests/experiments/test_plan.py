"""From a user's CSV to a plan, and what each mistake is answered."""

import json

import numpy as np
import pandas as pd
import pytest
from absl import flags
from planted import planted_table
from scripts import ROOT, call, loaded, refused

from scaletime_jax.errors import InputError
from scaletime_jax.laws.predictors import PREDICTORS
from scaletime_jax.runs.read import Runs

EXAMPLE = "experiments/examples/sklearn_digits.csv"
FLOPS = "--budget_flops=1e9"
COMMANDS = {
    "equivalence": ("equivalence",),
    "backtest": ("backtest",),
    "plan": ("plan", FLOPS, "--dataset=sklearn_digits"),
    "seconds": ("plan", "--budget_seconds=2"),
    "examples": ("plan", "--budget_examples=3e4"),
}


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Calls a command on the README's example, once; returns folder and answer."""
    known = {}

    def made(name):
        script, *flags = COMMANDS[name]
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            where = f"--runs={EXAMPLE}", f"--workdir={folder}"
            known[name] = folder, call(script, *where, *flags)
            assert known[name][1].returncode == 0, known[name][1].stderr
        return known[name]

    return made


def summary_of(folder, name):
    return json.loads((folder / name / "summary.json").read_text())


@pytest.mark.parametrize("name", ["equivalence", "backtest", "plan"])
def test_the_three_commands_of_the_readme(example, name):
    folder, done = example(name)
    assert f"{name}.py --runs={EXAMPLE}" in (ROOT / "README.md").read_text()
    summary = summary_of(folder, name)
    assert summary["runs"] == {"count": 60, "diverged": 0, "logs": [EXAMPLE]}
    assert (folder / name / f"{name}.png").stat().st_size > 10_000
    assert done.stderr == ""


def test_what_the_example_says_of_size_and_time(example):
    collapses = summary_of(example("equivalence")[0], "equivalence")["collapses"]
    assert [c["train_size"] for c in collapses] == [300, 1200]
    assert all(0.2 < c["kappa"]["value"] < 0.8 for c in collapses)


def test_each_law_is_ranked_in_each_direction(example):
    folder, done = example("backtest")
    scores = summary_of(folder, "backtest")["scores"]
    assert len(scores) == 2 * len(PREDICTORS) and all(
        s["error"]["value"] > 0 for s in scores
    )
    for direction in ("num_params", "epoch"):
        assert f"learning_rate 0.05, along {direction}:" in done.stdout
    assert done.stdout.count("reaches") == 2 * len(PREDICTORS)


def test_a_plan_says_what_how_sure_and_how_far_out(example):
    folder, done = example("plan")
    best = summary_of(folder, "plan")["best"]
    assert best["low"] < best["loss"] < best["high"]
    cost = 6 * best["num_params"] * best["epoch"] * best["train_size"]
    assert cost <= 1e9 * (1 + 1e-6)
    assert done.stdout.count("% of the budget") == 5
    for word in (
        "parameters for",
        "is the same within the law's error",
        "held-out runs",
        "within 1e9 FLOP",
    ):
        assert word in done.stdout
    frontier = pd.read_csv(folder / "plan/budget.csv")
    # what the rest of the budget buys is no better, within the grid
    full = frontier[np.isfinite(frontier.loss)]
    assert best["loss"] <= full.loss.min() * (1 + 1e-3)


def test_what_a_log_does_not_say_is_null(example):
    """Neither 0 nor a word, in the summary; nothing in the table."""
    setting = summary_of(example("plan")[0], "plan")["setting"]
    unknown = {"architecture", "label_noise", "loss"}
    assert {name for name, value in setting.items() if value is None} == unknown
    rows = pd.read_csv(example("backtest")[0] / "backtest/num_params.csv")
    assert rows[sorted(unknown)].isna().all(axis=None)


def test_a_budget_of_examples(example):
    best = summary_of(example("examples")[0], "plan")["best"]
    assert best["epoch"] * best["train_size"] <= 3e4 * (1 + 1e-6)


@pytest.mark.slow
def test_a_budget_of_seconds(example):
    budget = summary_of(example("seconds")[0], "plan")["budget"]
    assert budget == {"amount": 2.0, "unit": "seconds"}


def changed(**columns):
    return pd.read_csv(ROOT / EXAMPLE).assign(**columns)


def mixed():
    table = changed()
    return pd.concat([table, table.assign(optimizer="adam")])


# Script, table, flags, words of the answer.
MISTAKES = {
    "two optimizers": (
        "plan",
        mixed,
        [FLOPS],
        ["mix optimizer adam and sgd", "(--optimizer=adam)"],
    ),
    "no budget": (
        "plan",
        changed,
        [],
        ["give one of budget_flops", "0 are given (--budget_flops, --budget_seconds"],
    ),
    "two budgets": ("plan", changed, [FLOPS, "--budget_examples=9"], ["2 are given"]),
    "negative": (
        "plan",
        changed,
        ["--budget_flops=-1"],
        ["budget_flops must be above 0", "got -1 (--budget_flops)"],
    ),
    "no train size": (
        "plan",
        lambda: (
            changed()
            .drop(columns="train_size")
            .drop_duplicates(["num_params", "seed", "epoch"])
        ),
        [FLOPS],
        ["lack the column 'train_size'", "which a plan"],
    ),
    "no seconds": (
        "plan",
        lambda: changed().drop(columns="seconds"),
        ["--budget_seconds=5"],
        ["durations of the runs", "column seconds", "(--budget_flops)"],
    ),
    "too poor": ("plan", changed, ["--budget_flops=10"], ["out of the law's range"]),
    "too small": (
        "plan",
        changed,
        [FLOPS, "--max_num_params=10"],
        ["max_num_params 10 is below the smallest", "(--max_num_params=310)"],
    ),
    "unknown law": ("plan", changed, [FLOPS, "--law=magic"], ["law", "scale-time"]),
    "misspelt": (
        "equivalence",
        lambda: changed().rename(columns={"num_params": "num_parms"}),
        [],
        ["lacks the column 'num_params'", "'num_parms'"],
    ),
    "one size": (
        "equivalence",
        lambda: changed().query("num_params == 310"),
        [],
        ["no setting has more than 1 size"],
    ),
    "one size, laws": (
        "backtest",
        lambda: changed().query("num_params == 310"),
        [],
        ["no setting has two sizes"],
    ),
    "untrained": (
        "backtest",
        lambda: changed(epoch=0).drop_duplicates(["num_params", "seed", "train_size"]),
        [],
        ["no run has two epochs above 0"],
    ),
    "one source": (
        "backtest",
        changed,
        ["--sources=1"],
        ["sources must be 2 or more, got 1 (--sources=2)"],
    ),
    "threshold": (
        "tradeoff",
        changed,
        [],
        ["threshold is not set", "logs", "(--threshold)"],
    ),
    "noise": ("label_noise", changed, [], ["lack the column 'label_noise'"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path, name):
    script, table, flags, words = MISTAKES[name]
    path = tmp_path / f"{name.replace(' ', '_')}.csv"
    table().to_csv(path, index=False)
    line = refused(script, f"--runs={path}", f"--workdir={tmp_path}/out", *flags)
    for word in words:
        assert word in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flags", [[], [FLOPS, "--budget_seconds=1"]])
def test_a_request_is_refused_before_anything_is_trained(tmp_path, flags):
    assert "give one of" in refused("plan", *flags, f"--workdir={tmp_path}/out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command",
    [("equivalence",), pytest.param(("plan", FLOPS), marks=pytest.mark.slow)],
)
def test_runs_that_diverged_are_counted_and_told(tmp_path, command):
    script, *flags = command
    table = changed()
    late = (table.seed == 3) & (table.num_params == 310) & (table.epoch > 20)
    table.loc[late, ["test_loss", "train_loss"]] = np.nan
    table.to_csv(tmp_path / "mine.csv", index=False)
    where = f"--runs={tmp_path}/mine.csv", f"--workdir={tmp_path}"
    done = call(script, *where, *flags)
    assert done.returncode == 0, done.stderr
    assert "2 of 60 runs diverged" in done.stderr
    assert summary_of(tmp_path, script)["runs"]["diverged"] == 2


def test_each_dataset_is_planned_and_one_that_is_refused_stops_no_other():
    one, other = (planted_table(seeds=1).assign(dataset=name) for name in "ab")
    other["run_id"] += "-other"
    found = Runs(pd.concat([one, other], ignore_index=True), [], [])
    seen = []
    with loaded("plan") as script:
        flags.FLAGS(["plan"])

        def study(runs):
            seen.append((*runs.table.dataset.unique(), *flags.FLAGS.dataset))
            assert flags.FLAGS["dataset"].using_default_value is False
            if len(seen) == 1:
                raise InputError("too few.")

        with pytest.raises(InputError, match="1 dataset of 2 could not be planned"):
            script.runs.each_dataset(found, study)
    assert seen == [("a", "a"), ("b", "b")]
