"""The study of a plan: what is asked of it, and its numbers, words and figure."""

import numpy as np
import pandas as pd
import pytest
from planted import PARAMS, planted_runs
from written import pictures

from scaletime_jax.errors import InputError
from scaletime_jax.laws.budget import make_limits
from scaletime_jax.laws.planner import best_plan, make_plan
from scaletime_jax.laws.ranking import at_budget, rank_laws
from scaletime_jax.runs.guessing import ceiling_of
from scaletime_jax.runs.learning_curves import learning_curves
from scaletime_jax.runs.published import load_published
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.drawn import pack, unpack
from scaletime_jax.studies.plan import NAME, study
from scaletime_jax.studies.plan_request import LAWS, Request, check, make_budget
from scaletime_jax.studies.plan_words import describe_plan

EPOCHS = np.logspace(-1, 2, 31)
ASKED = Request(budget_flops=6e9)


def law(p, t, n, _):
    loss = 0.005 + 0.085 * (1 + p * t * n / 1e5) ** -0.5
    return loss, loss


@pytest.fixture(scope="module")
def runs():
    return Runs(planted_runs(law, EPOCHS, (500, 2000), seeds=3, scatter=0.1), [], [])


@pytest.fixture(scope="module")
def result(runs):
    return study(runs, ASKED, threshold=0.09)


def test_the_best_is_within_budget_and_limits(result):
    best = result.summary["best"]
    assert 6 * best["num_params"] * best["epoch"] * best["train_size"] <= 6e9 * 1.000001
    assert min(PARAMS.values()) <= best["num_params"] <= 10 * max(PARAMS.values())
    assert best["train_size"] in (500, 2000) and best["law"] in LAWS
    assert best["low"] < best["loss"] < best["high"]
    assert result.summary["budget"] == {"amount": 6e9, "unit": "FLOP"}
    assert result.summary["setting"]["dataset"] == "planted"
    assert {each["law"] for each in result.summary["laws"]} == set(LAWS)


def test_the_exchange_is_on_the_budget(result):
    rows = result.tables["exchange"]
    assert rows == result.summary["exchange"] and len(rows) == 5
    spent = [6 * r["num_params"] * r["epoch"] * r["train_size"] / 6e9 for r in rows]
    np.testing.assert_allclose([row["share_of_budget"] for row in rows], spent)


def test_the_notes_say_what_how_sure_and_how_far_out(result):
    said = "\n".join(result.notes)
    for words in (
        "parameters for",
        "is the same within the law's error",
        "held-out runs",
        "within 6e9 FLOP",
    ):
        assert words in said
    assert said.count("% of the budget") == 5


def test_the_figure_is_of_plain_numbers(result):
    drawn = result.figure["plan"]
    best = result.summary["best"]
    assert drawn.best._asdict() == {name: best[name] for name in drawn.best._fields}
    assert drawn.loss.shape == (len(drawn.epochs), len(drawn.sizes))
    sizes, epochs = drawn.measured
    assert set(sizes) == set(PARAMS.values())
    assert epochs.min() == pytest.approx(0.1) and epochs.max() == pytest.approx(100)
    assert [each._asdict() for each in drawn.frontier] == result.tables["budget"]


def test_the_figure_stored_is_the_figure(result):
    again = unpack(pack(result.figure))
    first, second = pictures(NAME, result.figure), pictures(NAME, again)
    assert first == second and len(first[f"{NAME}.png"]) > 10_000


def test_the_best_measured_stands_beside_the_plan(result):
    best, measured = result.summary["best"], result.summary["best_measured"]
    cost = 6 * measured["num_params"] * measured["epoch"] * measured["train_size"]
    assert cost <= 6e9 * 1.000001 and measured["runs"] == 3
    said = "\n".join(result.notes)
    assert "The best measured within the budget: test loss" in said
    assert ("Train nothing new" in said) == (best["loss"] >= measured["loss"])


@pytest.mark.slow
def test_where_the_best_was_measured_nothing_new_is_to_be_trained(runs):
    table = runs.table.copy()
    size = table.num_params.max()
    table = table[(table.num_params < size) | (table.train_size == 2000)]
    lucky = (table.num_params == size) & (table.epoch < 1)
    table.loc[lucky, "test_loss"] = 1e-4
    said = "\n".join(study(runs._replace(table=table), ASKED, threshold=0.09).notes)
    assert "Train nothing new" in said


def once(runs, unit="tokens", **clock):
    """The same runs as of one pass, in another unit of time."""
    table = runs.table[runs.table.train_size == 500].assign(train_size=np.nan)
    known = {"logs": ["a.csv"], "columns": [], "clock": {"unit": unit, **clock}}
    known["run_ids"] = list(table.run_id.unique())
    return Runs(table.assign(epoch=500e6 * table.epoch), [known], [])


def test_tokens_of_one_pass_are_planned_as_such(runs):
    result = study(once(runs), Request(budget_flops=6e14), threshold=0.09)
    best = result.summary["best"]
    assert "train_size" not in best and "epoch" not in best
    assert 6 * best["num_params"] * best["tokens"] <= 6e14 * 1.000001
    assert " tokens: test loss" in result.notes[0] and "B tokens" in result.notes[0]
    assert "examples" not in "".join(result.notes)
    assert {*result.tables["budget"][0]} >= {"num_params", "tokens", "loss"}
    assert result.figure["plan"].time == "tokens"


def test_steps_need_their_batch(runs):
    with pytest.raises(InputError, match="count steps, whose cost") as error:
        study(once(runs, "step"), Request(budget_flops=6e14), threshold=0.09)
    assert error.value.quantities == {"batch_size": None}
    batch = once(runs, "step", batch=8.0)
    result = study(batch, Request(budget_flops=6e14), threshold=0.09)
    best = result.summary["best"]
    assert 6 * best["num_params"] * best["step"] * 8 <= 6e14 * 1.000001
    assert " steps: test loss" in result.notes[0]


def test_a_law_can_be_chosen(runs):
    chosen = study(runs, ASKED._replace(law="additive"), threshold=0.09)
    assert chosen.summary["best"]["law"] == "additive"
    said = {law["law"]: law["passed_over"] for law in chosen.summary["laws"]}
    assert said.pop("additive") == ""
    assert set(said.values()) == {"another law was asked for"}


def row_at(result, amount):
    [row] = [r for r in result.tables["budgets"] if r["budget"] == amount]
    return row


def test_the_slider_starts_at_the_plan_itself(result):
    best, row = result.summary["best"], row_at(result, 6e9)
    for name in ("num_params", "epoch", "train_size", "loss", "low", "high", "law"):
        assert row[name] == best[name]
    assert (row["mean_low"], row["mean_high"]) == best["mean"]
    assert (row["as_good_low"], row["as_good_high"]) == best["as_good"]
    measured = result.summary["best_measured"]
    assert row["measured_loss"] == measured["loss"] and row["refused"] == ""
    amounts = [each["budget"] for each in result.tables["budgets"]]
    assert amounts == sorted(amounts) and amounts[len(amounts) // 2] == 6e9
    assert (amounts[0], amounts[-1]) == (6e7, 6e11)


def test_plans_for_other_budgets_are_within_them_or_refused(result):
    rows = result.tables["budgets"]
    planned = [row for row in rows if not row["refused"]]
    assert len(planned) > len(rows) / 2
    for row in planned:
        spent = 6 * row["num_params"] * row["epoch"] * row["train_size"]
        assert spent <= row["budget"] * 1.000001
        assert row["mean_high"] <= 2 * row["mean_low"]
    for row in rows:
        assert (row["loss"] is None) == bool(row["refused"])


@pytest.mark.parametrize("place", [pytest.param(8, marks=pytest.mark.slow), -1])
def test_a_plan_of_the_slider_is_the_plan_for_that_budget(runs, result, place):
    """Although the laws are fitted once for all budgets."""
    row = result.tables["budgets"][place]
    request = ASKED._replace(budget_flops=row["budget"])
    if row["refused"]:
        with pytest.raises(InputError) as error:
            study(runs, request, threshold=0.09)
        assert str(error.value) == row["refused"]
    else:
        again = study(runs, request, threshold=0.09)
        assert row_at(again, row["budget"]) == row


def test_the_words_of_the_slider_are_its_numbers(result):
    for row, told in zip(
        result.tables["budgets"], result.summary["budgets"], strict=True
    ):
        budget, unit = told["budget"].split()
        assert float(budget) == row["budget"] and unit == "FLOP" and "+" not in budget
        if row["refused"]:
            assert told["remarks"][1:] == row["refused"][1:] and told["law"] == ""
        else:
            assert told["test loss"] == f"{row['loss']:.3g}"
            assert told["parameters"] == f"{row['num_params']:,.0f}"
            low, high = row["mean_low"], row["mean_high"]
            assert told["95% interval of the mean"] == f"{low:.3g} to {high:.3g}"


def test_each_law_says_why_its_plan_is_not_taken(result):
    laws = {each["law"]: each for each in result.summary["laws"]}
    mine = laws.pop(result.summary["best"]["law"])
    assert mine["passed_over"] == "" and mine["best"]["loss"] > 0
    for law in laws.values():
        assert law["passed_over"]
        assert law["best"] is not None or "predict" in law["passed_over"]


def test_the_runs_of_a_plan_are_counted(runs, result):
    rows = result.tables["sizes"]
    assert sum(row["runs"] for row in rows) == runs.num_runs
    assert {row["num_params"] for row in rows} == set(PARAMS.values())
    assert all(row["last_epoch"] == pytest.approx(100) for row in rows)
    assert all(row["evaluations"] == 3 * len(EPOCHS) for row in rows)


@pytest.mark.slow
def test_next_runs_are_within_their_budget_and_told(runs):
    asked = ASKED._replace(next_runs=2, next_budget=5e9)
    found = study(runs, asked, threshold=0.09)
    proposed, rows = found.summary["next_runs"], found.tables["next_runs"]
    assert len(rows) == 2 and proposed["runs"] == rows and proposed["seeds"] == 3
    spent = [6 * r["num_params"] * r["epoch"] * r["train_size"] * 3 for r in rows]
    assert proposed["cost"] == pytest.approx(sum(spent)) and sum(spent) <= 5e9 * 1.00001
    now, then = proposed["now"], proposed["then"]
    assert now[0] <= then[0] < then[1] <= now[1]
    np.testing.assert_allclose(now, found.summary["best"]["mean"], rtol=1e-6)
    said = "\n".join(found.notes)
    assert "Next runs, with 3 seeds each and" in said and "interval of the mean" in said


BUDGETS = dict.fromkeys(("budget_flops", "budget_seconds", "budget_examples"))


@pytest.mark.parametrize(
    ("request_", "words", "quantities"),
    [
        (Request(), "give one of budget_flops, .*; 0 are given", BUDGETS),
        (Request(1.0, 2.0), "2 are given", BUDGETS),
        (Request(-1.0), "budget_flops must be above 0", {"budget_flops": None}),
        (Request(np.inf), "budget_flops must be above 0", {"budget_flops": None}),
        (ASKED._replace(max_epochs=0), "max_epochs must", {"max_epochs": None}),
        (ASKED._replace(next_budget=0.0), "next_budget must", {"next_budget": None}),
        (ASKED._replace(next_runs=-1), "next_runs must be from 0", {"next_runs": None}),
        (ASKED._replace(law="magic"), "unknown law 'magic'; .*scale", {"law": None}),
    ],
)
def test_an_impossible_request_is_refused(request_, words, quantities):
    with pytest.raises(InputError, match=words) as error:
        check(request_)
    assert error.value.quantities == quantities


@pytest.mark.parametrize(
    ("name", "values", "first"),
    [("optimizer", ("sgd", "adam"), "adam"), ("learning_rate", (0.01, 0.1), 0.01)],
)
def test_a_plan_is_for_one_setting(runs, name, values, first):
    both = pd.concat([runs.table.assign(**{name: value}) for value in values])
    with pytest.raises(InputError, match=f"the runs mix {name} {first} and") as error:
        study(runs._replace(table=both), ASKED)
    assert error.value.quantities == {name: first}


def test_runs_without_train_sizes_are_refused(runs):
    logs = [{"logs": ["mine.csv"], "columns": ["num_params", "epoch", "test_loss"]}]
    with pytest.raises(InputError, match="lack the column 'train_size', which a plan"):
        study(runs._replace(metadata=logs), ASKED)


@pytest.mark.slow
def test_more_compute_on_few_data_is_told_not_to_help():
    """0.1B tokens of C4: every measured run near the plan is within 5% of the best."""
    runs = load_published("datablations")
    runs = runs._replace(table=runs.table[runs.table.train_size == 1e8])
    curves = learning_curves(runs.table, ceiling=ceiling_of(runs.table, None))
    budget, limits = make_budget(Request(budget_flops=1e20), runs), make_limits(curves)
    choices = rank_laws(curves, budget, limits)
    plan = best_plan(curves, budget, choices)
    said = "\n".join(describe_plan(plan, budget))
    assert "of the budget: on these data, more compute is not predicted to help" in said
    table = runs.table
    away = np.hypot(
        np.log(table.num_params / plan.best.num_params),
        np.log(table.epoch / plan.best.epoch),
    )
    near = table.test_loss[away.nsmallest(4).index]
    assert near.max() < 1.05 * table.test_loss.min()
    assert plan.best.low < table.test_loss.min() < plan.best.high
    # a run as short is found on a budget of which it takes a thousandth
    much = budget._replace(amount=1e22)
    again = make_plan(curves, much, at_budget(plan.choice, much))
    assert again.best.loss == pytest.approx(plan.best.loss, rel=1e-3)
    less = budget._replace(amount=1e18)
    short_of = make_plan(curves, less, at_budget(plan.choice, less))
    assert "not predicted to help" not in "\n".join(describe_plan(short_of, less))
