"""Conclusions are sentences with the numbers of the claims."""

import json
import pathlib

import pytest

from scaletime_jax.stats.claims import judge
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.conclusions import OTHERS, conclude, tally
from scaletime_jax.studies.subjects import SUBJECTS

SHIPPED = pathlib.Path(__file__).parents[2] / "experiments/results"
NOWHERE = {"source": "[BF24, App. B]", "statement": "It is so.", "setting": {}}


def claims_of(*intervals, **what):
    quantity = "exponent of capacity against number of parameters"
    return [
        judge(
            Estimate(sum(ends) / 2, ends) if ends else Estimate(None, None),
            (0.0, 1.0),
            quantity=quantity,
            **{**NOWHERE, **what},
        )
        for ends in intervals
    ]


HOLDS, FAILS, OPEN = (0.2, 0.4), (2.0, 3.0), (-1.0, 3.0)


@pytest.mark.parametrize(
    ("intervals", "words"),
    [
        ([HOLDS], "this holds"),
        ([FAILS], "this fails"),
        ([OPEN], "this is undecided"),
        ([OPEN, OPEN, None], "this is undecided in all 3 cases"),
        ([HOLDS, HOLDS], "this holds in 2 of 2 cases"),
        (
            [HOLDS, FAILS, OPEN],
            "this holds in 1 and fails in 1 of 3 cases and is undecided in 1 other",
        ),
    ],
)
def test_verdicts_are_counted_in_words(intervals, words):
    assert tally(claims_of(*intervals)) == words


def test_verdicts_allow_for_the_number_of_claims():
    [alone] = claims_of(FAILS)
    assert alone.verdict == "fails"
    assert tally([alone._replace(corrected="undecided")]) == "this is undecided"


def test_one_setting_has_its_interval_and_several_a_range():
    one = conclude("effective_size", claims_of(HOLDS), {}, [])
    assert "is +0.3 [+0.2, +0.4]; the paper's is 1/3: this holds." in one
    several = conclude("effective_size", claims_of(HOLDS, FAILS, None), {}, [])
    assert "is 0.3 to 2.5 (measured in 2 of 3 cases); " in several


def test_what_was_not_measured_says_why():
    alone = conclude("effective_size", claims_of(None, note="it bends"), {}, [])
    assert alone.endswith("could not be measured (it bends).")
    assert conclude("effective_size", claims_of(None, None), {}, []).endswith(
        "could not be measured."
    )


def curve(train_size, values, share=0.05, dataset="planted"):
    local = [
        {
            "exponent": value,
            "low": value - 0.2,
            "high": value + 0.2,
            "one_to_one": abs(value + 1) < 0.2,
        }
        for value in values
    ]
    fields = {"dataset": dataset, "train_size": train_size, "share": share}
    return {**fields, "local_exponents": local}


def test_the_exchange_is_told_at_the_largest_train_size():
    curves = [curve(100, [-3.0]), curve(500, [-1.5, -0.9]), curve(500, [-9.0], None)]
    claims = claims_of(FAILS)
    claims = [claim._replace(quantity="slope of epochs") for claim in claims]
    summary = {"share_of_record": 0.05, "time": "epochs", "curves": curves}
    said = conclude("tradeoff", claims, summary, [])
    assert "is -1.5 [-1.7, -1.3] between the smallest networks" in said
    assert "and -0.9 [-1.1, -0.7] between the largest" in said
    assert said.endswith("A single exponent of -1 for all sizes fails.")


def test_several_settings_have_a_range_of_exponents():
    curves = [curve(500, [-1.5, -0.9]), curve(500, [-0.5], dataset="other")]
    summary = {"share_of_record": 0.05, "time": "epochs", "curves": curves}
    said = conclude("tradeoff", [], summary, [])
    assert "is -0.9 to -0.5 in 2 settings, with -1 inside the interval in 1;" in said
    nothing = {"share_of_record": 0.05, "time": "epochs", "curves": [curve(500, [])]}
    assert conclude("tradeoff", [], nothing, []).startswith("No curve has two sizes")


def test_a_plan_concludes_that_a_measured_run_is_as_good():
    run, law = "1,000 parameters for 5 epochs.", "Law: additive."
    nothing = "Train nothing new: no run is predicted to do better."
    assert conclude("plan", [], {}, [run, law]) == run
    assert conclude("plan", [], {}, [run, nothing, law]) == f"{run} {nothing}"


def test_the_median_of_two_settings_lies_between_them():
    scores = [
        {
            "dataset": dataset,
            "predictor": law,
            "direction": direction,
            "error": {"value": error},
            "reached": 1.0,
        }
        for direction in ("num_params", "epoch")
        for dataset, error in (("one", 1.0), ("other", 3.0))
        for law in ("additive", "no change")
        for error in [error if law == "additive" else 1.0]
    ]
    assert "2.00 times" in conclude("backtest", [], {"scores": scores}, [])


@pytest.mark.parametrize("name", sorted(SUBJECTS))
def test_each_sentence_is_about_claims_that_there_are(name):
    shipped = [SHIPPED / name, *SHIPPED.glob(f"*/{name}")]  # further presets
    said = " ".join(
        json.loads((folder / "summary.json").read_text())["conclusion"]
        for folder in shipped
    )
    for subject in SUBJECTS[name]:
        assert subject.words in said


@pytest.mark.parametrize("name", [*sorted(OTHERS), "tradeoff"])
def test_every_other_study_has_a_conclusion(name):
    summary = json.loads((SHIPPED / name / "summary.json").read_text())
    assert summary["conclusion"].endswith(".")
