import numpy as np
import pytest

from scaletime_jax.data.altered import add_noise, group_classes
from scaletime_jax.data.sources import load_dataset
from scaletime_jax.errors import InputError


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist12k")


def test_neighbouring_classes_become_one(digits):
    five = group_classes(digits, 5)
    assert (five.name, five.num_classes) == ("mnist12k-classes5", 5)
    assert five.fingerprint != digits.fingerprint
    for old in range(10):
        assert (five.train_labels[digits.train_labels == old] == old // 2).all()
        assert (five.test_labels[digits.test_labels == old] == old // 2).all()
    assert five.train_images is digits.train_images
    assert group_classes(digits, 10) is digits


@pytest.mark.parametrize("groups", [0, 1, 3, 4, 11, 20])
def test_classes_of_unequal_size_are_refused(digits, groups):
    words = f"cannot be grouped into {groups} superclasses.*choose 2 or 5 or 10"
    with pytest.raises(InputError, match=words):
        group_classes(digits, groups)


def test_real_targets_have_no_classes():
    with pytest.raises(InputError, match="superclasses 2 needs classes"):
        group_classes(load_dataset("teacher:d=2,width=4,pool=50,test=20"), 2)


def test_noise_has_its_strength_and_one_direction(digits):
    plain = digits.train_images.astype(np.float32) / 127.5 - 1
    one, two = add_noise(digits, 0.5), add_noise(digits, 1.0)
    assert one.name == "mnist12k-noise0.5" and two.name == "mnist12k-noise1"
    assert one.train_images.dtype == np.float32
    first, second = one.train_images - plain, two.train_images - plain
    assert first.std() == pytest.approx(0.5, rel=0.01)
    assert first.mean() == pytest.approx(0, abs=0.005)
    np.testing.assert_allclose(2 * first, second, atol=1e-5)
    test = one.test_images - (digits.test_images.astype(np.float32) / 127.5 - 1)
    assert test.std() == pytest.approx(0.5, rel=0.01)
    # train and test examples have noise of their own
    assert abs(np.corrcoef(test[:2000].ravel(), first[:2000].ravel())[0, 1]) < 0.01
    assert add_noise(digits, 0.0) is digits
    again = add_noise(digits, 0.5)
    np.testing.assert_array_equal(again.train_images, one.train_images)
    assert len({each.fingerprint for each in (digits, one, two)}) == 3


@pytest.mark.parametrize("strength", [-0.1, np.inf, np.nan])
def test_impossible_strengths_are_refused(digits, strength):
    with pytest.raises(InputError, match="input_noise must be 0 or more and finite"):
        add_noise(digits, strength)
