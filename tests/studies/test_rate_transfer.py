"""Best rates planted in losses, and grids in which none can be seen."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from grids import CONFIG

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import config_columns
from scaletime_jax.runs.read import make_runs
from scaletime_jax.studies.rate_transfer import check_grid, study

WIDTHS, RATES = (1, 4, 16), 2.0 ** np.arange(-9, 0)
SEEDS = range(101, 106)


def planted(drift, parameterisation, noise=0.01):
    """Runs whose best rate is 2^-5 at width 4, and falls as width^-drift."""
    rng = np.random.default_rng(0)
    rows = []
    for width in WIDTHS:
        best = -5 - drift * np.log2(width / 4)
        for rate in RATES:
            for seed in SEEDS:
                config = dataclasses.replace(
                    CONFIG,
                    width=width,
                    learning_rate=rate,
                    seed=seed,
                    parameterisation=parameterisation,
                )
                log_loss = 0.05 * (np.log2(rate) - best) ** 2 + noise * rng.normal()
                mine = {n: getattr(config, n) for n in config_columns()}
                mine |= {"num_params": 8400 * width, "test_size": 100, "step": 100}
                mine |= {"guessing_loss": 0.09, "epoch": 1.0, "diverged": False}
                mine |= {"train_loss": 0.05, "train_accuracy": 0.5}
                mine |= {"test_accuracy": 0.5, "test_loss": np.exp(log_loss - 3)}
                rows.append(mine)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def both():
    made = planted(0.0, "mup"), planted(1.0, "standard")
    return pd.concat(made, ignore_index=True)


def test_a_planted_drift_is_found_with_its_interval(both):
    result = study(make_runs(both, []))
    claims = {claim.statement.split()[0]: claim for claim in result.claims}
    # log2 of a factor of 16 in width
    for word, drift in (("With", 0.0), ("Without", -4.0)):
        claim = claims[word]
        assert claim.value == pytest.approx(drift, abs=0.15)
        low, high = claim.interval
        assert low < claim.value < high and high - low < 0.6
        assert claim.verdict == "holds"
    best = pd.DataFrame(result.tables["best"])
    found = best[best.parameterisation == "mup"].best_rate
    np.testing.assert_allclose(found, 2.0**-5, rtol=0.1)
    assert len(result.tables["losses"]) == 2 * len(WIDTHS) * len(RATES)
    assert {each.fields["dataset"] for each in result.figure["made"]} == {"mnist12k"}
    assert "parameterisation" not in result.figure["made"][0].fields


def test_a_rate_at_which_a_run_diverged_is_left_out(both):
    lost = (both.learning_rate == RATES[-1]) & (both.seed == 101) & (both.width == 1)
    table = both.assign(diverged=lost, test_loss=both.test_loss.where(~lost))
    for each in study(make_runs(table, [])).figure["made"]:
        first, *others = each.widths
        assert first.diverged == (RATES[-1],) and len(first.rates) == len(RATES) - 1
        assert all(other.diverged == () for other in others)


def test_a_lowest_loss_at_an_end_is_not_measured(both):
    few = both[both.learning_rate > 2.0**-5.5]
    claims = study(make_runs(few, [])).claims
    assert [claim.verdict for claim in claims] == ["undecided"] * 2
    assert all("at an end of the rates" in claim.note for claim in claims)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (lambda t: t[t.width == 1], "transfer needs two widths or more"),
        (lambda t: t[t.learning_rate > 2.0**-3], "needs 3 rates or more, got 2"),
    ],
)
def test_a_grid_without_an_answer_is_refused(chosen, words, both):
    with pytest.raises(InputError, match=words):
        check_grid(chosen(both))
