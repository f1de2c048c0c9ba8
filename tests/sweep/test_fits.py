"""A fitted run is the run of a sweep, with its network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.data.sources import load_dataset
from scaletime_jax.data.transforms import normalise
from scaletime_jax.errors import InputError
from scaletime_jax.models.network import from_flax
from scaletime_jax.runs.read import read_runs
from scaletime_jax.sweep import fits
from scaletime_jax.sweep.fits import fit_runs
from scaletime_jax.sweep.grid import paper_grid
from scaletime_jax.sweep.runner import run_sweep

TEACHER = "teacher:d=2,width=8,pool=100,test=50"
GRID = {
    "architecture": "mlp2",
    "widths": 16,
    "train_sizes": [20, 40],
    "seeds": [1, 2],
    "steps": 30,
    "batch_size": 10,
    "learning_rates": 0.05,
}


def test_the_trained_network_has_the_losses_of_the_sweep(tmp_path):
    data = load_dataset(TEACHER)
    configs = paper_grid(data, **GRID)
    run_sweep(configs, {data.name: data}, tmp_path)
    table = read_runs(tmp_path).table
    seen = 0
    for run in fit_runs(configs, data):
        rows = table[table.run_id == run.config.run_id]
        last = rows[rows.step == 30].iloc[0]
        network = from_flax(run.module)
        outputs, _ = network.apply(run.variables, jnp.asarray(run.inputs), False)
        assert run.inputs.shape == (run.config.train_size, 2)
        error = float(np.mean((outputs - run.targets) ** 2))
        assert error == pytest.approx(last.train_loss, rel=1e-4)
        seen += 1
    assert seen == 4


def test_a_config_that_does_not_fit_is_refused():
    data = load_dataset(TEACHER)
    configs = paper_grid(data, **GRID)
    small = load_dataset("teacher:d=2,width=8,pool=30,test=50")
    with pytest.raises(InputError, match="train_size 40 is above the 30"):
        list(fit_runs(configs, small))


def test_the_hidden_layer_of_stored_images_gives_the_outputs(few_digits, monkeypatch):
    """In several pieces, of pixels as the dataset stores them."""
    monkeypatch.setattr(fits, "AT_ONCE", 7)
    grid = {**GRID, "architecture": "pooled_cnn", "widths": 2, "steps": 3, "seeds": 1}
    *_, run = fit_runs(paper_grid(few_digits, **grid), few_digits)
    images = few_digits.test_images[:20]
    assert images.dtype == np.uint8
    hidden = run.hidden_layer(images)
    last = run.variables.params["Dense_1"]
    variables = jax.tree.map(jnp.asarray, run.variables)
    inputs = normalise(jnp.asarray(images))
    outputs, _ = from_flax(run.module).apply(variables, inputs, False)
    assert hidden.shape == (20, 64)
    made = hidden @ last["kernel"].T + last["bias"]
    np.testing.assert_allclose(made, outputs, rtol=1e-4, atol=1e-5)
