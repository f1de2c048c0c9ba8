import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaletime_jax.data.transforms import (
    add_label_noise,
    average_pool,
    draw_subset,
    flip_and_crop,
    normalise,
    permute,
    shuffle_labels,
)
from scaletime_jax.errors import InputError


def test_normalise_maps_pixels_to_minus_one_and_one():
    pixels = np.arange(256, dtype=np.uint8)
    expected = (pixels / 255 - 0.5) / 0.5
    # float32 rounding of numbers up to one
    np.testing.assert_allclose(normalise(jnp.asarray(pixels)), expected, atol=2e-7)


def test_normalise_leaves_floats_alone():
    values = jnp.array([[-3.0, 0.25]])
    np.testing.assert_array_equal(normalise(values), values)


def test_subsets_are_drawn_without_replacement_and_nested():
    key = jax.random.key(3)
    large, small = draw_subset(key, 1000, 400), draw_subset(key, 1000, 100)
    assert len(set(np.asarray(large).tolist())) == 400
    np.testing.assert_array_equal(large[:100], small)
    assert not np.array_equal(draw_subset(jax.random.key(4), 1000, 100), small)


@pytest.mark.parametrize("size", [1, 2, 100, 1625, 1626, 3000])
def test_permute_is_jaxs_permutation_for_a_traced_size(size):
    """To the last bit: the order of batches, and with it all runs, depends on it."""
    key, capacity = jax.random.key(5), 4000
    order = jax.jit(permute, static_argnums=2)(key, size, capacity)
    np.testing.assert_array_equal(order[:size], jax.random.permutation(key, size))
    np.testing.assert_array_equal(order[size:], np.arange(size, capacity))


def test_noise_on_the_first_labels_is_noise_on_these_alone():
    labels = jnp.arange(800) % 10
    some = add_label_noise(jax.random.key(3), labels, 0.3, 10, jnp.int32(200))
    alone = add_label_noise(jax.random.key(3), labels[:200], 0.3, 10)
    np.testing.assert_array_equal(some[:200], alone)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.25, 1.0])
def test_noise_changes_exactly_its_share_to_other_classes(share):
    labels = jnp.arange(1000) % 10
    noisy = add_label_noise(jax.random.key(0), labels, share, 10)
    assert int(jnp.sum(noisy != labels)) == round(share * 1000)
    assert int(noisy.min()) >= 0 and int(noisy.max()) < 10


def test_wrong_labels_are_uniform_over_the_other_classes():
    labels = jnp.full(90_000, 4)
    noisy = add_label_noise(jax.random.key(1), labels, 1.0, 10)
    counts = np.bincount(np.asarray(noisy), minlength=10)
    assert counts[4] == 0
    # chi-squared with 8 degrees of freedom is below 26.1 in 99.9% of draws
    assert np.sum((counts[counts > 0] - 10_000) ** 2 / 10_000) < 26.1


def test_more_noise_keeps_what_less_noise_changed():
    labels = jnp.arange(500) % 10
    little = add_label_noise(jax.random.key(2), labels, 0.1, 10)
    much = add_label_noise(jax.random.key(2), labels, 0.3, 10)
    changed = little != labels
    np.testing.assert_array_equal(little[changed], much[changed])


def test_average_pool_is_the_mean_of_squares():
    images = np.arange(2 * 4 * 6).reshape(2, 4, 6, 1).astype(np.uint8)
    pooled = average_pool(jnp.asarray(images), 2)
    assert pooled.shape == (2, 2, 3, 1)
    assert pooled[1, 0, 2, 0] == images[1, 0:2, 4:6].mean()
    np.testing.assert_array_equal(average_pool(jnp.asarray(images), 1), images)
    plain = average_pool(jnp.asarray(images[..., 0]), 2)
    np.testing.assert_array_equal(plain, pooled[..., 0])


@pytest.mark.parametrize(
    ("shape", "size", "words"),
    [
        ((2, 28, 28), 3, "28 x 28 pixels cannot be pooled by 3"),
        ((2, 28, 28), 0, "cannot be pooled by 0"),
        ((2, 4, 6), 4, "4 x 6 pixels cannot be pooled by 4"),
    ],
)
def test_pool_sizes_that_do_not_divide_are_refused(shape, size, words):
    with pytest.raises(InputError, match=words):
        average_pool(jnp.ones(shape), size)


def test_shuffled_labels_are_the_same_labels_in_another_order():
    labels = jnp.arange(60) % 7
    shuffle = jax.jit(shuffle_labels)
    found = np.asarray(shuffle(jax.random.key(0), labels, 40))
    np.testing.assert_array_equal(found[40:], labels[40:])
    np.testing.assert_array_equal(np.sort(found[:40]), np.sort(labels[:40]))
    # as often right as by chance: 1 / 7 of 40 within five standard deviations
    right = np.sum(found[:40] == np.asarray(labels[:40]))
    assert abs(right - 40 / 7) < 5 * np.sqrt(40 * 6) / 7


def test_every_crop_of_every_flip_is_drawn_alike():
    """Against NumPy: an image becomes one of 2 x 3 x 3 pictures, each as often."""
    image = np.arange(8 * 9 * 2, dtype=np.uint8).reshape(8, 9, 2)
    pictures = {}
    for flip in (False, True):
        turned = image[:, ::-1] if flip else image
        wide = np.pad(turned, ((1, 1), (1, 1), (0, 0)), mode="reflect")
        for top in range(3):
            for left in range(3):
                cut = wide[top : top + 8, left : left + 9]
                pictures[cut.tobytes()] = 0
    assert len(pictures) == 18
    number = 9000
    images = jnp.asarray(np.broadcast_to(image, (number, *image.shape)))
    made = np.asarray(flip_and_crop(jax.random.key(0), images))
    assert made.dtype == np.uint8 and made.shape == images.shape
    for each in made:
        pictures[each.tobytes()] += 1  # fails for any other picture
    counts = np.array(list(pictures.values()))
    expected = number / 18
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert chi_squared < 40.8  # 17 degrees of freedom, 99.9%


def test_small_images_are_only_flipped():
    images = jax.random.normal(jax.random.key(0), (200, 5, 5, 1))
    made = flip_and_crop(jax.random.key(1), images)
    same = (made == images).all(axis=(1, 2, 3))
    turned = (made == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same | turned).all() and 60 < same.sum() < 140
