import dataclasses

import numpy as np
import pytest
from grids import CONFIG, GRID

from scaletime_jax.errors import InputError
from scaletime_jax.sweep.config import RunConfig, group_units, make_grid, make_model


def test_the_id_is_stable():
    """Users' results are found again by it: if this fails, they are not."""
    assert CONFIG.run_id == "59072294b0d7700d"


def test_equal_numbers_of_other_types_give_one_id():
    same = dataclasses.replace(CONFIG, learning_rate=np.float64(0.01), label_noise=0)
    assert same.run_id == CONFIG.run_id


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(RunConfig)])
def test_every_field_is_in_the_id(field):
    others = {
        "architecture": "cnn",
        "optimizer": "adam",
        "init": "he",
        "loss": "cross_entropy",
        "record": "epochs",
        "label_noise": 0.2,
    }
    value = getattr(CONFIG, field)
    other = others.get(field, value * 2)
    assert dataclasses.replace(CONFIG, **{field: other}).run_id != CONFIG.run_id


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "mpl"}, "unknown architecture 'mpl'.*mlp, cnn"),
        ({"optimizer": "sdg"}, "unknown optimizer 'sdg'.*sgd, adam"),
        ({"init": "xavier"}, "unknown init"),
        ({"loss": "mae"}, "unknown loss"),
        ({"record": "never"}, "unknown record"),
        ({"width": 0}, "width must be 1 or more, got 0"),
        ({"train_size": -5}, "train_size must be 1 or more"),
        ({"epochs": 0}, "epochs must be 1 or more"),
        ({"batch_size": 0}, "batch_size must be 1 or more"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"learning_rate": float("inf")}, "learning_rate must be above 0"),
        ({"label_noise": 1.5}, "label_noise is a share"),
        ({"label_noise": float("nan")}, "label_noise is a share"),
    ],
)
def test_impossible_values_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(CONFIG, **change)


def test_a_grid_is_all_combinations_once(few_digits):
    configs = make_grid(few_digits, **{**GRID, "seed": [101, 102, 101]})
    assert len(configs) == len({c.run_id for c in configs}) == 2 * 2 * 2 * 2


@pytest.mark.parametrize("axis", ["width", "train_size", "seed", "learning_rate"])
def test_an_empty_axis_is_refused(few_digits, axis):
    with pytest.raises(InputError, match=f"axis {axis} is empty"):
        make_grid(few_digits, **{**GRID, axis: []})


def test_a_train_size_above_the_data_is_refused(few_digits):
    with pytest.raises(InputError, match="train_size 401 is above the 400"):
        make_grid(few_digits, **{**GRID, "train_size": [100, 401]})


def test_a_cnn_needs_images(few_digits):
    flat = few_digits._replace(train_images=few_digits.train_images.reshape(400, -1))
    small = few_digits._replace(train_images=few_digits.train_images[:, :26, :26])
    for dataset in (flat, small):
        with pytest.raises(InputError, match="the cnn needs images"):
            make_grid(dataset, **{**GRID, "architecture": ["mlp", "cnn"]})


def test_units_differ_in_lanes_only(few_digits):
    configs = make_grid(few_digits, **GRID)
    units = group_units(configs)
    assert len(units) == 4
    assert sorted(c.run_id for unit in units for c in unit) == sorted(
        c.run_id for c in configs
    )
    for unit in units:
        assert len({(c.seed, c.label_noise, c.learning_rate) for c in unit}) == 6
        assert len({(c.width, c.train_size) for c in unit}) == 1


def test_the_model_is_the_configs():
    model = make_model(dataclasses.replace(CONFIG, width=3, init="he"), 7)
    assert (model.width, model.num_classes, model.initializer) == (3, 7, "he")
    cnn = make_model(dataclasses.replace(CONFIG, architecture="cnn"), 10, "lax")
    assert (type(cnn).__name__, cnn.method) == ("CNN", "lax")
