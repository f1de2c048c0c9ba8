"""Runs of a table are trained again, and measured along the way."""

import numpy as np
import pytest

from scaletime_jax.data.limits import limit_test
from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import read_runs
from scaletime_jax.sweep.descents import descend_runs, measured_steps
from scaletime_jax.sweep.grid import configs_of_runs, paper_grid
from scaletime_jax.sweep.runner import run_sweep

GRID = {
    "architecture": "mlp2",
    "widths": 4,
    "train_sizes": 64,
    "optimizer": ["sgd", "adam"],
    "learning_rates": 0.05,
    "epochs": 8,
    "record": "log_steps",
    "seeds": [1, 2],
}


@pytest.fixture(scope="module")
def trained(few_digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    data = limit_test(few_digits, 20)
    run_sweep(paper_grid(data, **GRID), {data.name: data}, folder)
    return data, read_runs(folder)


def test_the_configs_are_those_of_the_table(trained):
    data, runs = trained
    found = configs_of_runs(runs, data)
    assert set(found) == set(runs.table.run_id)
    assert {*found.values()} == {*paper_grid(data, **GRID)}
    chosen = runs._replace(table=runs.table[runs.table.optimizer == "adam"])
    assert {c.optimizer for c in configs_of_runs(chosen, data).values()} == {"adam"}


def test_a_measured_run_is_the_run_of_the_table(trained):
    """Measured on all test examples, its loss is the recorded test loss."""
    data, runs = trained
    configs = list(configs_of_runs(runs, data).values())
    found = descend_runs(configs, data, most=10, examples=20)
    for config, each in zip(configs, found, strict=True):
        steps = np.array(measured_steps(config, 10))
        assert steps.tolist() == [0, 1, 2, 3, 4, 5, 6, 8]
        rows = runs.table[runs.table.run_id == config.run_id].set_index("step")
        shared = np.isin(steps, rows.index)
        assert shared.sum() > 4
        expected = rows.test_loss.loc[steps[shared]]
        np.testing.assert_allclose(each.loss[shared], expected, rtol=1e-4)


def test_a_measured_run_ends_with_the_run(trained):
    data, runs = trained
    config = next(iter(configs_of_runs(runs, data).values()))
    assert measured_steps(config, 10**6)[-1] < config.records[-1] == 16


def test_other_data_of_the_name_are_refused(trained, few_digits):
    _, runs = trained
    with pytest.raises(InputError, match="was trained on other data of the name"):
        configs_of_runs(runs, few_digits)


def test_another_dataset_is_refused(trained):
    data, runs = trained
    with pytest.raises(InputError, match=f"no run .* on 'cows'; .* on {data.name}"):
        configs_of_runs(runs, data._replace(name="cows"))
