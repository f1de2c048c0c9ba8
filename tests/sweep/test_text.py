"""The transformer in a sweep: windows drawn by the seed, one pass, what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from grids import CONFIG
from letters import LETTERS, write_letters
from scripts import call, refused

from scaletime_jax.data.sources import load_dataset
from scaletime_jax.errors import InputError
from scaletime_jax.sweep.checks import check_fits
from scaletime_jax.sweep.examples import Targets, make_draw, make_shared_data, run_keys
from scaletime_jax.sweep.plan import plan_units

EQUIVALENCE = "--flagfile=experiments/flagfiles/equivalence/text.flags"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_letters(tmp_path_factory.mktemp("text") / "text.txt")


@pytest.fixture(scope="module")
def text(path):
    return load_dataset(f"text=text:{path},context=8")  # 449 windows


@pytest.fixture
def config(text):
    changes = {
        "dataset": text.name,
        "fingerprint": text.fingerprint,
        "architecture": "transformer",
        "loss": "cross_entropy",
        "train_size": 64,
        "epochs": 2,
    }
    return dataclasses.replace(CONFIG, **changes)


def draw(config, text, steps):
    """Returns the drawn data and the inputs and targets of the first steps."""
    targets = Targets(text.num_classes, None, is_text=True)
    shared, lane = make_shared_data(text), {"part": jnp.uint32(0)}
    keys = run_keys(jnp.uint32(config.seed))
    make = make_draw(config, targets, config.train_size)
    drawn = make(keys.data, lane, config.train_size, shared)
    carried, batches = drawn.sampler.init(drawn.data), []
    for step in range(steps):
        carried, batch = drawn.sampler.next(
            carried, jnp.int32(step), keys.train, drawn.data
        )
        batches.append(batch)
    return drawn.data, batches


def places(text, inputs, targets):
    """Returns where windows lie in the training text."""
    whole = {
        (a.tobytes(), b.tobytes()): i
        for i, (a, b) in enumerate(
            zip(text.train_images, text.train_labels, strict=True)
        )
    }
    pairs = zip(np.asarray(inputs), np.asarray(targets), strict=True)
    return [whole[a.tobytes(), b.tobytes()] for a, b in pairs]


def test_repeated_data_are_the_windows_of_the_seed(config, text):
    data, batches = draw(config, text, 4)  # two passes
    mine = places(text, data.inputs[data.subset], data.targets)
    assert len(set(mine)) == 64
    seen = [places(text, batch.inputs, batch.targets) for batch in batches]
    assert sorted(seen[0] + seen[1]) == sorted(seen[2] + seen[3]) == sorted(mine)
    assert seen[0] != seen[2]


def test_one_pass_takes_each_window_once_and_is_evaluated_on_the_test_part(
    config, text
):
    fresh = dataclasses.replace(config, batching="fresh", train_size=448, epochs=1)
    check_fits(fresh, text)
    data, batches = draw(fresh, text, 14)
    seen = [p for batch in batches for p in places(text, batch.inputs, batch.targets)]
    assert len(seen) == len(set(seen)) == 448
    assert seen != sorted(seen)
    assert all(float(batch.weight.sum()) == pytest.approx(1) for batch in batches)
    np.testing.assert_array_equal(data.inputs[data.subset], text.test_images)
    np.testing.assert_array_equal(data.targets, text.test_labels)


def test_guessing_is_the_entropy_of_the_bytes(config, text):
    [unit] = plan_units([config], {text.name: text})
    share = np.bincount(text.test_labels.ravel(), minlength=4) / text.test_labels.size
    # of 3,600 draws and 400: the shares are known to 2%
    expected = -share @ np.log(LETTERS)
    assert unit.guessing_loss == pytest.approx(expected, rel=0.02)
    assert unit.cost.num_params == 1536 + 40


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "mlp"}, "the mlp predicts no text"),
        ({"architecture": "cnn"}, "the cnn predicts no text"),
        ({"loss": "mse"}, "loss 'mse' is not for text; choose 'cross_entropy'"),
        ({"label_noise": 0.2}, "label_noise needs one label .*; set label_noise to 0"),
        ({"shuffled_labels": True}, "set shuffled_labels to false"),
        ({"augmentation": "flips_crops"}, "augmentation 'flips_crops' needs images"),
        (
            {"batching": "fresh", "epochs": 8},
            "'fresh' takes no window twice, and a run ",
        ),
        ({"train_size": 450}, "train_size 450 is above the 449 training"),
    ],
)
def test_what_a_text_cannot_do_is_refused(changes, words, config, text):
    with pytest.raises(InputError, match=words):
        check_fits(dataclasses.replace(config, **changes), text)


def test_images_are_not_for_the_transformer(few_digits):
    config = dataclasses.replace(CONFIG, architecture="transformer", train_size=50)
    with pytest.raises(InputError, match="the transformer reads text, and 'mnist12k'"):
        check_fits(config, few_digits)
    linear = {"linearised": True, "batching": "full"}
    with pytest.raises(InputError, match="only an mlp can be linearised"):
        dataclasses.replace(config, **linear)


@pytest.mark.slow
def test_the_preset_trains_and_says_bytes(path, tmp_path):
    """In seconds: three small widths, two seeds, a few steps on another text."""
    few = (
        f"--dataset=text=text:{path},context=8",
        "--widths=1,2,3",
        "--seeds=101,102",
        "--train_sizes=80",
        "--epochs=3",
        "--test_size=20",
        f"--workdir={tmp_path}",
    )
    done = call("equivalence", EQUIVALENCE, *few)
    assert done.returncode == 0, done.stderr
    assert "transformer" in done.stdout
    again = call("tradeoff", EQUIVALENCE, *few)
    assert again.returncode == 0, again.stderr
    assert "Nothing was left to train" in again.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"short", "has 5 bytes")],
)
def test_a_bad_text_is_one_sentence(content, words, tmp_path):
    file = tmp_path / "bad.txt"
    file.write_bytes(content)
    said = refused("equivalence", EQUIVALENCE, f"--dataset=text:{file},context=8")
    assert words in said


@pytest.mark.slow
def test_one_lane_alone_is_one_of_two(config, text):
    """The curve of a run does not depend on its neighbours."""
    from scaletime_jax.sweep.lanes import (
        Segment,
        blank_state,
        make_lanes,
        make_length,
        make_program,
    )

    [unit] = plan_units([config], {text.name: text})
    other = dataclasses.replace(config, seed=102, learning_rate=0.1)
    program = make_program(config, unit.targets, 64, unit.tuning)
    length, shared = make_length(config, len(config.records)), make_shared_data(text)
    found = []
    for configs in ([config], [config, other]):
        lanes = make_lanes(configs, len(configs))
        blank = blank_state(program, lanes, length, shared)
        segment = Segment(np.int32(0), np.int32(4))
        advance = jax.jit(program.advance)
        found.append(advance(lanes, length, shared, blank, segment)[1])
    alone, together = found
    # batched products sum in another order
    np.testing.assert_allclose(together.test_loss[0], alone.test_loss[0], rtol=1e-5)
    assert not np.allclose(together.test_loss[1], alone.test_loss[0], rtol=1e-4)
