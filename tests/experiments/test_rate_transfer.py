"""The experiment on learning rates, as a user runs it."""

import json

import pandas as pd
import pytest
from scripts import FLAGFILES, call, refused

SMOKE = f"--flagfile={FLAGFILES}/rate_transfer/smoke.flags"


@pytest.mark.slow
def test_the_smoke_trains_both_parameterisations_and_draws(tmp_path):
    done = call("rate_transfer", SMOKE, f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "rate_transfer"
    summary = json.loads((folder / "summary.json").read_text())
    assert len(summary["claims"]) == len(summary["transfers"]) == 2
    losses = pd.read_csv(folder / "losses.csv")
    assert set(losses.parameterisation) == {"standard", "mup"}
    # width 1 is the base, where muP is the standard parameterisation
    mine = losses[losses.width == 1].pivot(
        index="learning_rate", columns="parameterisation", values="test_loss"
    )
    # factors of 1 are applied in another order
    assert (mine.mup / mine.standard - 1).abs().max() < 1e-3
    wide = losses[(losses.width == 2) & (losses.learning_rate == 0.01)].test_loss
    assert abs(wide.iloc[0] / wide.iloc[1] - 1) > 1e-3
    assert (folder / "rate_transfer.png").stat().st_size > 10_000
    again = call("rate_transfer", SMOKE, f"--workdir={tmp_path}")
    assert "Nothing was left to train" in again.stdout


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--widths=2", "transfer needs two widths or more"),
        ("--learning_rates=0.1,0.01", "needs 3 rates or more, got 2"),
        ("--init=ntk", "'mup' does not know the init 'ntk'"),
        ("--architecture=wrn10", "'mup' does not know the architecture 'wrn10'"),
        ("--base_width=0", "base_width must be 1 or more"),
    ],
)
def test_what_cannot_be_compared_is_refused(flag, words, tmp_path):
    assert words in refused("rate_transfer", SMOKE, flag, f"--workdir={tmp_path}")
