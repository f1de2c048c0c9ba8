import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from grids import CONFIG, GRID

from scaletime_jax.errors import InputError
from scaletime_jax.sweep.architectures import make_network
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.grid import make_grid
from scaletime_jax.sweep.units import group_units, share_programs


def test_the_id_is_stable():
    """Users' results are found again by it: if this fails, they are not."""
    assert CONFIG.run_id == "59072294b0d7700d"


def test_equal_numbers_of_other_types_give_one_id():
    same = dataclasses.replace(CONFIG, learning_rate=np.float64(0.01), label_noise=0)
    assert same.run_id == CONFIG.run_id


# Those that an optimizer or a schedule must read have a test of their own.
UNREAD = {"momentum", "weight_decay", "warmup", "decay", "final"}
FIELDS = [f.name for f in dataclasses.fields(RunConfig) if f.name not in UNREAD]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_in_the_id(field):
    config = CONFIG
    if field == "linearised":  # of whole-set training alone
        config = dataclasses.replace(CONFIG, batching="full")
    if field == "network_source":
        own = {"architecture": "mine", "network_source": "ab12"}
        config = dataclasses.replace(CONFIG, **own)
    if field == "base_width":  # of muP alone
        config = dataclasses.replace(CONFIG, parameterisation="mup")
    others = {
        "architecture": "cnn",
        "optimizer": "adam",
        "init": "he",
        "loss": "cross_entropy",
        "record": "epochs",
        "label_noise": 0.2,
        "schedule": "cosine",
        "batching": "full",
        "shuffled_labels": True,
        "until_test_loss": 0.05,
        "steps": 70,
        "activation": "erf",
        "augmentation": "flips_crops",
        "part": 1,
        "linearised": True,
        "network_source": "cd34",
        "parameterisation": "mup",
    }
    value = getattr(config, field)
    other = others.get(field, value * 2)
    assert dataclasses.replace(config, **{field: other}).run_id != config.run_id


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "mpl"}, "unknown architecture 'mpl'.*mlp, mlp2, cnn"),
        ({"optimizer": "sdg"}, "unknown optimizer 'sdg'.*sgd, momentum, adam"),
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
        ({"schedule": "step"}, "unknown schedule 'step'.*constant, cosine"),
        ({"batching": "half"}, "unknown batching 'half'.*epochs, full"),
        ({"steps": -1}, "steps must be 0 or more, got -1"),
        ({"linearised": True}, "trained with batching 'full', not 'epochs'"),
        (
            {"linearised": True, "architecture": "cnn", "batching": "full"},
            "only an mlp can be linearised",
        ),
        ({"part": -1}, "part must be 0 or more, got -1"),
        ({"network_source": "ab12"}, "of networks of your own, not of the mlp"),
        (
            {"architecture": "mine", "network_source": "ab12", "init": "he"},
            "init 'he' is not used by mine",
        ),
        ({"activation": "tanh"}, "unknown activation 'tanh'.*relu, erf"),
        (
            {"architecture": "cnn", "activation": "erf"},
            "activation 'erf' is used by the mlp alone",
        ),
        ({"optimizer": "momentum", "momentum": 1}, "momentum must be at least 0 and"),
        ({"optimizer": "adamw", "weight_decay": -1}, "weight_decay must be 0 or more"),
        ({"momentum": 0.9}, "momentum 0.9 is used neither by the optimizer 'sgd'"),
        ({"schedule": "cosine", "warmup": 0.1}, "warmup 0.1 is used neither"),
        (
            {"schedule": "warmup_stable_decay", "warmup": 0.6, "decay": 0.6},
            "sum must be 1 or less",
        ),
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


def test_a_network_has_its_width_outputs_and_initialisation():
    network = make_network("mlp", 3, 7, "he")
    images = jnp.zeros((1, 28, 28, 1))
    params = network.init(jax.random.key(0), images).params
    assert params["Dense_0"]["kernel"].shape == (3 * 10, 784)
    assert params["Dense_5"]["kernel"].shape == (7, 3 * 10)
    assert not params["Dense_0"]["bias"].any()  # 'pytorch' draws biases
    for method, count in (("lax", 6), ("patches", 0)):
        network = make_network("cnn", 1, 10, method=method)
        variables = network.init(jax.random.key(0), images)
        jaxpr = jax.make_jaxpr(lambda v, apply=network.apply: apply(v, images, True)[0])
        assert str(jaxpr(variables)).count("conv_general_dilated[") == count


NUMBERS = {
    "momentum": {"optimizer": "momentum", "momentum": 0.9},
    "weight_decay": {"optimizer": "adamw", "weight_decay": 0.1},
    "warmup": {"schedule": "warmup_cosine", "warmup": 0.1},
    "decay": {"schedule": "warmup_stable_decay", "decay": 0.2},
    "final": {"schedule": "cosine", "final": 0.1},
}


@pytest.mark.parametrize("name", NUMBERS)
def test_later_numbers_are_in_the_id_and_are_lanes(name):
    config = dataclasses.replace(CONFIG, **NUMBERS[name])
    without = dataclasses.replace(config, **{name: 0})
    assert config.run_id != without.run_id
    assert config.shape == without.shape


def test_a_full_batch_has_a_step_an_epoch_and_a_program_of_its_own(few_digits):
    """But for small sets, on which a step takes as long as on smaller ones."""
    grid = {**GRID, "width": [1], "batching": ["full"], "label_noise": [0.0]}
    grid["train_size"] = [50, 100, 310, 340]
    units = group_units(make_grid(few_digits, **grid))
    assert [unit[0].records[-1] for unit in units] == [2, 2, 2, 2]  # epochs
    assert [c.examples for c in share_programs(units)] == [100, 100, 310, 340]


def test_the_standard_parameterisation_has_no_base_width():
    same = dataclasses.replace(CONFIG, base_width=8)
    assert same.run_id == CONFIG.run_id and same.base_width == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "wrn10"}, "'mup' does not know the architecture 'wrn10'"),
        ({"init": "ntk"}, "'mup' does not know the init 'ntk'; choose one of pytorch"),
        ({"parameterisation": "ntp"}, "unknown parameterisation 'ntp'; choose one of"),
        ({"base_width": 0}, "base_width must be 1 or more"),
        ({"linearised": True, "batching": "full"}, "with parameterisation 'standard'"),
    ],
)
def test_what_has_no_rules_of_mup_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(CONFIG, **{"parameterisation": "mup", **changes})
