"""The grid of a sweep by keyword: the paper's, but for what is chosen."""

import pytest

from scaletime_jax.errors import InputError
from scaletime_jax.sweep.grid import PAPER, paper_grid


def test_left_alone_it_is_the_papers(digits):
    configs = paper_grid(digits)
    assert len(configs) == 5 * 4 * 5
    assert {(c.width, c.train_size, c.seed) for c in configs} == {
        (width, size, seed)
        for width in PAPER["widths"]
        for size in PAPER["train_sizes"]
        for seed in PAPER["seeds"]
    }
    [rest] = {(c.architecture, c.optimizer, c.learning_rate, c.loss) for c in configs}
    assert rest == ("mlp", "sgd", 0.01, "mse")


def test_small_ones_come_first_and_lanes_vary_fastest(digits):
    order = [(c.train_size, c.width, c.seed) for c in paper_grid(digits)]
    assert order == sorted(order)


def test_each_optimizer_has_its_own_rate_of_the_paper(digits):
    configs = paper_grid(digits, optimizer=["sgd", "adam"], widths=1, seeds=1)
    rates = {(c.optimizer, c.learning_rate) for c in configs}
    assert rates == {("sgd", 0.01), ("adam", 0.001)}
    chosen = paper_grid(digits, optimizer=["sgd", "adam"], learning_rates=0.1)
    assert {c.learning_rate for c in chosen} == {0.1} and len(chosen) == 200


def test_batch_norm_is_trained_on_whole_batches(digits):
    whole = {"architecture": "wrn10", "widths": 1, "seeds": 1}
    for grid in ({"train_sizes": 64}, {"train_sizes": 500, "batch_size": 100}):
        [config] = paper_grid(digits, **whole, **grid)
        assert config.train_size % config.batch_size == 0


def test_one_value_is_as_good_as_a_list_of_one(digits):
    grid = {"architecture": "cnn", "widths": 3, "label_noise": 0.2, "epochs": 1.0}
    several = {name: [value] for name, value in grid.items()}
    assert paper_grid(digits, **grid) == paper_grid(digits, **several)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"width": 1}, "there is no axis 'width'; choose among .*widths"),
        ({"seeds": []}, "seeds is empty"),
        ({"optimizer": []}, "optimizer is empty"),
        ({"learning_rates": []}, "learning_rate.* is empty"),
        ({"widths": 1.5}, r"widths: 1\.5 is not a whole number"),
        ({"widths": "1,2"}, "widths: '1,2' is not a number"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'; choose one of sgd"),
        ({"optimizer": "adamw"}, "no learning rate for optimizer 'adamw'"),
        ({"train_sizes": 10_001}, "above the 10000 training examples"),
        ({"architecture": "vit"}, "unknown architecture 'vit'"),
        (
            {"architecture": "wrn10", "train_sizes": 500},
            "500 leaves a batch of 20 at a batch_size of 32; choose a batch_size that",
        ),
    ],
)
def test_mistakes_are_named(digits, axes, words):
    with pytest.raises(InputError, match=words):
        paper_grid(digits, **axes)
