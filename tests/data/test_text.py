import gzip

import numpy as np
import pytest

from scaletime_jax import load_dataset
from scaletime_jax.data.altered import add_noise, group_classes
from scaletime_jax.data.limits import limit_test, limit_train
from scaletime_jax.data.sources import pool_dataset
from scaletime_jax.errors import InputError

ROOM = b"abcdefghij" * 60


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "room.txt"
    file.write_bytes(ROOM)
    return file


def rebuilt(inputs, targets):
    """The text of windows in order, from their inputs and the last target."""
    return np.append(inputs.ravel(), targets.ravel()[-1])


def test_windows_are_the_text_and_its_parts_are_separate(path):
    text = load_dataset(f"text:{path},context=8")
    assert text.is_text and text.num_classes == 10
    # 540 and 60 bytes: 67 and 7 windows of 8 inputs, each with one byte more
    assert text.train_images.shape == text.train_labels.shape == (67, 8)
    assert text.test_images.shape == (7, 8) and text.test_images.dtype == np.uint8
    np.testing.assert_array_equal(text.train_images[:, 1:], text.train_labels[:, :-1])
    np.testing.assert_array_equal(text.train_images[1:, 0], text.train_labels[:-1, -1])
    letters = np.frombuffer(ROOM, np.uint8) - ord("a")
    train = rebuilt(text.train_images, text.train_labels)
    test = rebuilt(text.test_images, text.test_labels)
    np.testing.assert_array_equal(train, letters[:537])
    np.testing.assert_array_equal(test, letters[540:597])


def test_a_compressed_file_is_the_same_text(path, tmp_path):
    packed = tmp_path / "room.gz"
    packed.write_bytes(gzip.compress(ROOM))
    one, other = (load_dataset(f"text:{each},context=8") for each in (path, packed))
    assert one.fingerprint == other.fingerprint
    assert load_dataset(f"text:{path},context=9").fingerprint != one.fingerprint


def test_a_vocabulary_of_all_bytes_has_256(path):
    text = load_dataset(f"room=text:{path},context=8,vocabulary=256")
    assert text.name == "room" and text.num_classes == 256
    assert text.train_images[0].tobytes() == ROOM[:8]


def test_parts_of_a_text_are_windows_of_the_whole(path):
    text = load_dataset(f"text:{path},context=8")
    few = limit_test(limit_train(text, 20), 3)
    assert few.train_images.shape == (20, 8) and few.test_labels.shape == (3, 8)
    whole = {window.tobytes() for window in text.train_images}
    assert {window.tobytes() for window in few.train_images} <= whole
    assert few.fingerprint != text.fingerprint
    with pytest.raises(InputError, match="population must be from 1 to 67"):
        limit_train(text, 68)


@pytest.mark.parametrize(
    ("content", "ending", "words"),
    [
        (b"", "", "is empty"),
        (b"ab" * 100, "", "has 200 bytes, of which the last tenth is for testing"),
        (b"a" * 1000, "", "repeats one byte"),
        (b"ab" * 460 + b"abz" * 30, "", "has the byte 122 at position 922, in the"),
        (b"\x1f\x8bab" * 400, "", "cannot be read"),
        (ROOM, ",context=0", "context must be from 1 to"),
        (ROOM, ",context=8,depth=2", "'depth=2' is not a part of text:PATH"),
        (ROOM, ",context=8,vocabulary=9", "vocabulary must be 256, all bytes"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused(content, ending, words, tmp_path):
    file = tmp_path / "text"
    file.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        load_dataset(f"text:{file}{ending}")
    assert str(caught.value).count(". ") == 0  # one sentence


def test_a_folder_and_no_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder; 'text:PATH' needs a file"):
        load_dataset(f"text:{tmp_path}")
    with pytest.raises(InputError, match="there is no file"):
        load_dataset(f"text:{tmp_path / 'none'}")


def test_what_alters_images_refuses_a_text(path):
    text = load_dataset(f"text:{path},context=8")
    for alter in (
        lambda: group_classes(text, 2),
        lambda: add_noise(text, 0.5),
        lambda: pool_dataset(text, 2),
    ):
        with pytest.raises(InputError, match="text"):
            alter()
