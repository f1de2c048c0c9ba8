"""The study of laws on held-out runs: its claims, tables and figure as values."""

import numpy as np
import pytest
from planted import planted_runs
from written import pictures

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import DIRECTIONS, Split
from scaletime_jax.laws.predictors import PREDICTORS
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.backtest import NAME, make_claims, study
from scaletime_jax.studies.drawn import pack, unpack
from scaletime_jax.studies.result import describe_claim

EPOCHS = np.logspace(-1, 2, 31)


def product(p, t, n, _):
    loss = 0.005 + 0.09 * (1 + p * t / 100) ** -0.5
    return loss, loss


@pytest.fixture(scope="module")
def runs():
    return Runs(planted_runs(product, EPOCHS, scatter=0.02), [], [])


@pytest.fixture(scope="module")
def result(runs):
    return study(runs)


def test_each_law_has_a_score_a_row_and_a_claim(result):
    assert len(result.summary["scores"]) == 2 * len(PREDICTORS)
    assert set(result.tables) == set(DIRECTIONS)
    for name, rows in result.tables.items():
        mine = [s for s in result.summary["scores"] if s["direction"] == name]
        assert [row["predictor"] for row in rows] == [s["predictor"] for s in mine]
        for row, score in zip(rows, mine, strict=True):
            assert row["error"] == score["error"]["value"]
            assert (row["low"], row["high"]) == score["error"]["interval"]
    assert len(result.claims) == 2 * (len(PREDICTORS) - 1)


def test_a_law_without_predictions_is_not_compared(result):
    """The last measured loss, which stands in, is not a law that does better."""
    scores = [each for each in result.figure["scores"] if each.predictor == "additive"]
    silent = scores[0]._replace(reached=0.0)
    found, missing = make_claims([scores[0], silent])
    assert found.value == scores[0].against_claimed.value and not found.note
    assert missing.value is None and missing.verdict == "undecided"
    assert describe_claim(missing).endswith("(the law predicts nothing there).")


def test_the_notes_rank_the_laws(result):
    scores = result.summary["scores"]
    for direction, start in (("num_params", 0), ("epoch", 1 + len(PREDICTORS))):
        head, *lines = result.notes[start : start + 1 + len(PREDICTORS)]
        assert head.startswith("planted, mlp, sgd") and head.endswith(f"{direction}:")
        mine = [s for s in scores if s["direction"] == direction]
        ranked = sorted(mine, key=lambda s: s["error"]["value"])
        for line, score in zip(lines, ranked, strict=True):
            assert line.startswith(f"  {score['predictor']} ")
            assert f"{score['error']['value']:.4f}" in line


def test_above_a_threshold_nothing_has_been_learned(runs):
    with pytest.raises(InputError, match="anything learned"):
        study(runs, 1e-9)


def test_the_figure_stored_is_the_figure(result):
    again = unpack(pack(result.figure))
    first, second = pictures(NAME, result.figure), pictures(NAME, again)
    assert first == second and len(first[f"{NAME}.png"]) > 10_000


@pytest.mark.parametrize(
    ("split", "words", "quantities"),
    [
        (Split(sizes=1), "sources must be 2 or more, got 1", {"sources": 2}),
        (Split(epochs=-1.0), "source_epochs must be above 0", {"source_epochs": None}),
        (Split(sizes=9), "no setting has more than 9 sizes", {"sources": None}),
    ],
)
def test_an_impossible_split_is_refused(runs, split, words, quantities):
    with pytest.raises(InputError, match=words) as error:
        study(runs, split=split)
    assert error.value.quantities == quantities
