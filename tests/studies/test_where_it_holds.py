"""The map has the planted exponents in the right cells."""

import numpy as np
import pandas as pd
import pytest
from planted import FIELDS, planted_runs
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.cells import describe_pairs
from scaletime_jax.studies.kernel_scale import Case
from scaletime_jax.studies.where_it_holds import Subspace, control_cell, study

EPOCHS = np.logspace(-0.5, 2, 60)


def runs_of(kappa, seeds=10, **columns):
    """Runs whose loss is one function of num_params^kappa x epochs."""

    def law(p, t, n, _):
        progress = (p**3 / 2e4) ** kappa * t / 10
        loss = 0.09 / (1 + progress)
        return loss, loss

    table = planted_runs(law, EPOCHS, seeds=seeds, scatter=0.1)
    table = table.assign(**FIELDS).assign(**columns, label_noise=0.0)
    suffix = "-".join(map(str, columns.values()))
    return table.assign(run_id=table.run_id + suffix)


@pytest.fixture(scope="module")
def result():
    parts = [
        runs_of(1 / 3),
        runs_of(0.9, learning_rate=0.1),
        runs_of(0.0, batch_size=8),
        runs_of(1 / 3, architecture="wrn10", init="he", batch_size=64),
    ]
    return study(Runs(pd.concat(parts, ignore_index=True), [], []))


def test_each_setting_has_its_exponent_and_verdict(result):
    found = {
        (row["network"], row["protocol"], row["learning_rate"]): row
        for row in result.tables["cells"]
    }
    planted = {
        ("mlp", "sgd", 0.01): (1 / 3, "equivalent"),
        ("mlp", "sgd", 0.1): (0.9, "trade-off, other exponent"),
        ("mlp", "sgd, batch_size 8", 0.01): (0.0, "trade-off, other exponent"),
        # what most settings of a column share does not name a row
        ("wrn10", "sgd", 0.01): (1 / 3, "equivalent"),
        ("random subspace", "gradient flow", None): (1, "trade-off, other exponent"),
    }
    assert found.keys() == planted.keys()
    for cell, (kappa, verdict) in planted.items():
        assert found[cell]["kappa"] == pytest.approx(kappa, abs=0.08)
        assert found[cell]["verdict"] == verdict
        assert verdict in found[cell]["sentence"]


def test_it_can_be_written_and_drawn(result):
    assert_can_be_written(result)
    assert "Of 4 settings" in result.conclusion


def test_the_control_has_the_exponent_of_theory_at_every_pair_of_sizes():
    pairs = control_cell(Subspace()).collapse.pairs
    np.testing.assert_allclose(pairs.values, 1.0, atol=0.03)
    # few parameters for the rank: draws of G are far from p Sigma
    few = control_cell(Subspace(sizes=(30, 100, 300))).collapse
    assert few.pairs.values[0] > 1.1


def test_a_trend_is_told_where_simultaneous_intervals_are_apart():
    def said(first, last, width):
        values = np.array([first, 0.5, last])
        ends = np.stack([values - width, values + width], axis=1)
        return describe_pairs(type(pairs)(np.arange(3.0), values, ends))

    pairs = control_cell(Subspace(sizes=(100, 300, 1000))).collapse.pairs
    assert said(0.2, 0.8, 0.1).startswith("and rises from 0.20 to 0.80")
    assert said(0.8, 0.2, 0.1).startswith("and falls")
    assert said(0.2, 0.8, 0.4).endswith("not decided")


def kernels_of(runs, exponent, init="pytorch"):
    """Kernels whose top eigenvalue is a power of size; of one size too many."""
    sizes = np.sort(np.append(runs.num_params.unique(), 1e6))
    top = sizes[:, None] ** exponent * np.exp([[-0.01, 0.0, 0.01]])
    return Case("mlp", init, np.arange(5), sizes, top, top, top)


@pytest.mark.parametrize(
    "columns, has_kernel",
    [
        ({"learning_rate": 0.1}, True),
        ({"optimizer": "adam"}, False),
        ({"init": "he"}, False),
        ({"dataset": "others"}, False),
    ],
)
def test_the_kernel_stands_beside_sgd_of_its_network(columns, has_kernel):
    table = runs_of(0.4, seeds=3, **columns)
    kernels = [("planted", kernels_of(table, 0.4))]
    made = study(Runs(table, [], []), kernels)
    rows = [row for row in made.tables["pairs"] if row["architecture"] == "mlp"]
    assert len(rows) == 3
    for row in rows:
        assert row["predicted"] == (pytest.approx(0.4) if has_kernel else None)
    said = made.tables["cells"][0]["sentence"]
    assert ("the kernel at the start has 0.40" in said) == has_kernel
    assert ("overlap in 3 of 3 pairs" in said) == has_kernel


def test_another_exponent_does_not_agree_with_the_kernel():
    table = runs_of(0.4, seeds=6)
    kernels = [("planted", kernels_of(table, -0.5))]
    made = study(Runs(table, [], []), kernels)
    assert "overlap in 0 of 3 pairs" in made.tables["cells"][0]["sentence"]


def test_two_sizes_are_no_map():
    table = runs_of(1 / 3)
    table = table[table.width <= 2]
    with pytest.raises(InputError, match="no setting has 3 sizes"):
        study(Runs(table, [], []))
