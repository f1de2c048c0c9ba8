import jax
import numpy as np
import pytest

from scaletime_jax import load_dataset
from scaletime_jax.data.limits import limit_test
from scaletime_jax.data.sources import pool_dataset
from scaletime_jax.data.teachers import (
    Teacher,
    draw_examples,
    draw_weights,
    read_source,
    respond,
)
from scaletime_jax.errors import InputError

TEACHER = Teacher(dimension=4, width=96)


def test_a_teacher_is_three_products_without_biases():
    """Against NumPy in float64, from the same weights."""
    weights = draw_weights(TEACHER, jax.random.key(1))
    inputs, targets = draw_examples(TEACHER, weights, jax.random.key(2), 50)
    first, second, last = (np.asarray(each, float) for each in weights)
    hidden = np.maximum(second @ np.maximum(first @ np.asarray(inputs, float).T, 0), 0)
    # float32 sums of a hundred terms, of outputs of about one
    np.testing.assert_allclose(
        targets[:, 0], 6 * (last @ hidden)[0], rtol=1e-5, atol=2e-6
    )
    # without biases the outputs are homogeneous in the inputs
    doubled = respond(TEACHER, weights, 2 * inputs)
    np.testing.assert_allclose(doubled, 2 * targets, rtol=2e-5)


def test_weights_have_the_variance_of_one_over_their_inputs():
    weights = draw_weights(Teacher(dimension=400, width=300), jax.random.key(0))
    for kernel, inputs in zip(weights, (400, 300, 300), strict=True):
        # 300 draws at least: the variance is known to 8%; three standard errors
        assert np.var(kernel) * inputs == pytest.approx(1, rel=0.25)


def test_inputs_fill_the_cube_and_do_not_depend_on_the_teacher():
    source = read_source("teacher:d=3,width=5,pool=2000,test=100")
    assert source.train_inputs.shape == (2000, 3)
    assert source.test_inputs.shape == (100, 3)
    assert np.abs(source.train_inputs).max() <= 0.5
    # the variance of a uniform is 1/12; 2,000 draws know it to 2%
    np.testing.assert_allclose(source.train_inputs.var(0), 1 / 12, rtol=0.08)
    other = read_source("teacher:d=3,width=7,pool=2000,test=100")
    np.testing.assert_array_equal(source.train_inputs, other.train_inputs)


def test_a_seed_in_the_name_draws_one_teacher_for_all_keys():
    fixed = TEACHER._replace(seed=3)
    one, other = (draw_weights(fixed, jax.random.key(k)) for k in (1, 2))
    np.testing.assert_array_equal(one.first, other.first)
    free = [draw_weights(TEACHER, jax.random.key(k)).first for k in (1, 2)]
    assert not np.allclose(*free)


def test_names_of_different_teachers_never_share_a_fingerprint():
    names = ["d=2,width=8", "d=3,width=8", "d=2,width=9", "d=2,width=8,seed=1"]
    ends = ",pool=50,test=10"
    prints = {load_dataset(f"teacher:{name}{ends}").fingerprint for name in names}
    assert len(prints) == len(names)
    assert load_dataset(f"mine=teacher:d=2,width=8{ends}").name == "mine"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("teacher:", "'' is not a part of teacher:d=D"),
        ("teacher:width=8", "d must be from 1"),
        ("teacher:d=0,width=8", "d must be from 1"),
        ("teacher:d=2.5,width=8", "'d=2.5' is not a part"),
        ("teacher:d=2,depth=8", "'depth=8' is not a part"),
        ("teacher:d=2,width=8,pool=0", "pool must be from 1"),
    ],
)
def test_other_names_are_refused(name, words):
    with pytest.raises(InputError, match=words):
        load_dataset(name)


def test_pooled_images_are_means_of_scaled_pixels(digits):
    pooled = pool_dataset(digits, 2)
    scaled = digits.train_images[:3].astype(float) / 127.5 - 1
    means = scaled.reshape(3, 14, 2, 14, 2, 1).mean(axis=(2, 4))
    # float32 means of four pixels
    np.testing.assert_allclose(pooled.train_images[:3], means, atol=1e-6)
    assert pooled.fingerprint != digits.fingerprint and pooled.name == "mnist12k-pool2"


def test_a_balanced_test_set_needs_classes():
    dataset = load_dataset("teacher:d=2,width=8,pool=50,test=10")
    with pytest.raises(InputError, match=r"test_size 5 needs classes.*real numbers"):
        limit_test(dataset, 5)
