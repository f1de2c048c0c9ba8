import numpy as np
import pytest

from scaletime_jax.data import features as module
from scaletime_jax.data.features import label_features, read_features
from scaletime_jax.errors import InputError

RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=(20, 3))
LABELS = np.arange(20) % 4


def test_features_come_from_a_file_without_the_constant_ones(tmp_path):
    path = tmp_path / "mine.npz"
    dead = np.concatenate([GOOD, np.zeros((20, 1)), np.full((20, 1), 3.0)], axis=1)
    np.savez(path, features=dead.astype(np.float32), labels=LABELS, other=1)
    found = read_features(path)
    assert found.name == "mine" and found.num_classes == 4 and found.constant == 2
    assert found.features.dtype == float
    np.testing.assert_allclose(found.features, GOOD, rtol=1e-6)


def with_nan(where):
    wrong = GOOD.copy()
    wrong[where] = np.nan
    return wrong


@pytest.mark.parametrize(
    ("features", "labels", "words"),
    [
        (with_nan((7, 2)), LABELS, "1 feature not finite, the first in row 7, column"),
        (GOOD[:, 0], LABELS, r"\[examples, features\]; got float64 of shape \(20,\)"),
        (GOOD.astype(str), LABELS, "must be numbers"),
        (GOOD, LABELS[:5], "20 whole numbers, one an example"),
        (GOOD, LABELS * 0.5, "whole numbers, one an example; got float64"),
        (GOOD, LABELS - 1, "two classes or more, from 0"),
        (GOOD, LABELS * 0, "two classes or more, from 0"),
        (GOOD * 0 + 1, LABELS, "all features are constant"),
    ],
)
def test_wrong_features_are_refused_in_a_sentence(features, labels, words):
    with pytest.raises(InputError, match=words):
        label_features("mine", features, labels, "mine.npz")


def test_more_features_than_memory_says_how_much(monkeypatch):
    monkeypatch.setattr(module, "host_bytes", lambda: 1000)
    with pytest.raises(InputError, match=r"20 examples of 3 features need 0 GiB"):
        label_features("mine", GOOD, LABELS, "mine.npz")


def test_a_file_without_features_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, labels=LABELS)
    with pytest.raises(InputError, match="lacks features; a file of features holds"):
        read_features(path)
    with pytest.raises(InputError, match="there is no file"):
        read_features(tmp_path / "none.npz")
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match="not a readable npz file"):
        read_features(path)
