import gzip
import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from scaletime_jax.data import cache, files
from scaletime_jax.data.files import IDX_NAMES
from scaletime_jax.data.limits import limit_test, limit_train
from scaletime_jax.data.sources import load_dataset
from scaletime_jax.errors import InputError

SPLITS = ("train", "test")


def write_idx(path, array, compress):
    array = np.asarray(array, np.uint8)
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    content = head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    if compress:
        path = path.with_name(path.name + ".gz")
        content = gzip.compress(content)
    path.write_bytes(content)
    return path


def write_idx_dir(folder, arrays, compress=False):
    for name, stem in IDX_NAMES.items():
        array = arrays[name].squeeze(-1) if "images" in name else arrays[name]
        kind = "idx3-ubyte" if "images" in name else "idx1-ubyte"
        write_idx(folder / f"{stem}-{kind}", array, compress)


def png(image):
    """Encodes [height, width, 1] pixels without loss, as a file."""
    file = io.BytesIO()
    Image.fromarray(image[..., 0]).save(file, "PNG")
    file.seek(0)
    return file


def write_tfds(folder, arrays, name="svhn_cropped", file_format="array_record"):
    """Prepares a small TFDS directory, as TFDS itself prepares the real one."""
    import tensorflow_datasets as tfds

    class Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("3.1.0")

        def _info(self):
            image = tfds.features.Image(shape=(28, 28, 1), encoding_format="png")
            label = tfds.features.ClassLabel(num_classes=3)
            features = tfds.features.FeaturesDict({"image": image, "label": label})
            return tfds.core.DatasetInfo(
                builder=self, features=features, disable_shuffling=True
            )

        def _split_generators(self, _):
            return {split: self._generate_examples(split) for split in SPLITS}

        def _generate_examples(self, split):
            images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
            for i, (image, label) in enumerate(zip(images, labels, strict=True)):
                yield i, {"image": png(image), "label": int(label)}

    Tiny.name = name
    builder = Tiny(data_dir=str(folder), file_format=file_format)
    builder.download_and_prepare()


def assert_holds(dataset, arrays):
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(dataset, name), array)
    assert dataset.num_classes == 3
    assert dataset.train_images.dtype == np.uint8
    assert dataset.train_labels.dtype == np.int32


def test_mnist12k_is_as_documented(digits):
    assert digits.train_images.shape == (10_000, 28, 28, 1)
    assert digits.test_images.shape == (2_000, 28, 28, 1)
    assert digits.train_images.dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(digits.train_labels), [1000] * 10)
    np.testing.assert_array_equal(np.bincount(digits.test_labels), [200] * 10)
    assert digits.fingerprint == "6e72dd039bc44f5e"  # as in mnist12k.md


def test_no_test_digit_is_a_training_digit(digits):
    train = {image.tobytes() for image in digits.train_images}
    assert not any(image.tobytes() in train for image in digits.test_images)


@pytest.mark.parametrize("names", ["ours", "keras"])
def test_npz(tmp_path, arrays, names):
    keys = ["x_train", "y_train", "x_test", "y_test"] if names == "keras" else arrays
    np.savez(tmp_path / "a.npz", **dict(zip(keys, arrays.values(), strict=True)))
    assert_holds(load_dataset(f"npz:{tmp_path}/a.npz"), arrays)


@pytest.mark.parametrize("compress", [False, True])
def test_idx(tmp_path, arrays, compress):
    write_idx_dir(tmp_path, arrays, compress)
    assert_holds(load_dataset(f"idx:{tmp_path}"), arrays)


def test_the_fingerprint_is_of_the_content(tmp_path, arrays):
    write_idx_dir(tmp_path, arrays)
    np.savez(tmp_path / "a.npz", **arrays)
    a, b = load_dataset(f"idx:{tmp_path}"), load_dataset(f"npz:{tmp_path}/a.npz")
    assert a.fingerprint == b.fingerprint
    arrays["test_labels"][0] = 2
    np.savez(tmp_path / "a.npz", **arrays)
    assert load_dataset(f"npz:{tmp_path}/a.npz").fingerprint != b.fingerprint


def test_tfds_is_decoded_once_and_then_cached(tmp_path, arrays, monkeypatch):
    write_tfds(tmp_path, arrays)
    assert_holds(load_dataset("svhn_cropped", str(tmp_path)), arrays)
    monkeypatch.setattr(
        "scaletime_jax.data.prepared._decode", lambda *_: pytest.fail("decoded again")
    )
    assert_holds(load_dataset("svhn_cropped", str(tmp_path)), arrays)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "exchanged"])
def test_a_damaged_cache_file_is_ignored(tmp_path, arrays, damage):
    write_tfds(tmp_path, arrays)
    load_dataset("svhn_cropped", str(tmp_path))
    [path] = (cache.cache_dir() / "datasets").glob("svhn_cropped-3.1.0-*.npz")
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[content.find(arrays["train_images"].tobytes()) + 1000] ^= 255
        path.write_bytes(content)
    else:
        stored = dict(np.load(path))
        np.savez(path, **{**stored, "train_images": 255 - stored["train_images"]})
    with pytest.warns(UserWarning, match=path.name):
        assert_holds(load_dataset("svhn_cropped", str(tmp_path)), arrays)


def test_newly_prepared_data_is_not_read_from_the_old_cache(tmp_path, arrays):
    write_tfds(tmp_path / "a", arrays)
    load_dataset("svhn_cropped", str(tmp_path / "a"))
    arrays["train_images"] = 255 - arrays["train_images"]
    write_tfds(tmp_path / "b", arrays)
    (tmp_path / "b" / "svhn_cropped").rename(tmp_path / "a" / "svhn_cropped-new")
    (tmp_path / "a" / "svhn_cropped").rename(tmp_path / "a" / "svhn_cropped-old")
    (tmp_path / "a" / "svhn_cropped-new").rename(tmp_path / "a" / "svhn_cropped")
    assert_holds(load_dataset("svhn_cropped", str(tmp_path / "a")), arrays)


def test_an_unwritable_cache_only_warns(tmp_path, arrays, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    write_tfds(tmp_path, arrays)
    with pytest.warns(UserWarning, match="not cached"):
        assert_holds(load_dataset("svhn_cropped", str(tmp_path)), arrays)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnits", "unknown dataset 'mnits'.*mnist12k.*needs no files.*fashion_mnist"),
        ("ftp:mnist", "unknown dataset 'ftp:mnist'"),
        ("", "unknown dataset ''"),
        ("npz:/no/such.npz", "no file /no/such.npz"),
        ("idx:/no/such", "no folder /no/such"),
    ],
)
def test_what_cannot_be_had_is_named_with_the_choices(name, words):
    with pytest.raises(InputError, match=words):
        load_dataset(name)


def test_an_unprepared_dataset_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match=r"tfds build\s+mnist.*mnist12k"):
        load_dataset("mnist", str(tmp_path))
    with pytest.raises(InputError, match=r"none is not a folder") as refused:
        load_dataset("mnist", str(tmp_path / "none"))
    assert "data_dir" in refused.value.quantities


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_labels": np.arange(11)}, r"train_images has shape .* \(11,\)"),
        ({"train_labels": np.full(12, -1)}, "whole numbers of 0"),
        ({"train_labels": np.full(12, 0.5)}, "whole numbers of 0"),
        # both would wrap to a class in 32 bits
        ({"train_labels": np.arange(12) % 3 + 2**32}, r"holds 429496729\d; .* below"),
        (
            {"test_labels": np.full(6, 2**64 - 1, np.uint64)},
            "holds 18446744073709551615",
        ),
        ({"train_images": np.full((12, 28, 28, 1), 256)}, "pixels from 0 to 255"),
        ({"train_images": np.full((12, 28, 28, 1), -1)}, "pixels from 0 to 255"),
        # features of a table, which would all be scaled to -1
        ({"train_images": np.ones((12, 20), int)}, "from 1 to 1, which may be pixels"),
        ({"train_images": np.full((12, 28, 28, 1), 1e300)}, "NaN or infinite"),
        ({"train_images": np.zeros((0, 28, 28, 1)), "train_labels": []}, "empty"),
        ({"train_images": np.zeros((12, 0, 0, 1), np.uint8)}, r"empty.*\(12, 0, 0, 1"),
        ({"test_images": np.zeros((6, 14, 14, 1), np.uint8)}, "must be equal"),
        ({"test_images": np.zeros((6, 28, 28, 1))}, "one type"),
        ({"train_images": np.full((12, 28, 28, 1), np.nan)}, "NaN"),
        ({"train_images": np.full((12, 28, 28, 1), "a")}, "uint8 or floats are"),
        (
            {
                "train_labels": np.zeros(12, int),
                "test_labels": np.zeros(6, int),
            },
            "one class",
        ),
    ],
)
def test_unusable_arrays_are_refused(tmp_path, arrays, change, words):
    np.savez(tmp_path / "a.npz", **{**arrays, **change})
    with pytest.raises(InputError, match=words):
        load_dataset(f"npz:{tmp_path}/a.npz")


def test_pixels_may_have_any_type_of_whole_numbers(tmp_path, arrays):
    """They are scaled as bytes are."""
    np.savez(tmp_path / "a.npz", **arrays)
    for name in ("train_images", "test_images"):
        arrays[name] = arrays[name].astype(np.int64)
    np.savez(tmp_path / "b.npz", **arrays)
    plain, wide = (load_dataset(f"npz:{tmp_path}/{n}.npz") for n in "ab")
    assert wide.train_images.dtype == np.uint8
    assert wide.fingerprint == plain.fingerprint


def save_npy(path, arrays):
    with open(path, "wb") as file:
        np.save(file, arrays["train_images"])


def save_objects(path, arrays):
    np.savez(path, **{**arrays, "train_labels": np.array([{}] * 12, object)})


def save_huge_header(path, arrays):
    """The shape of an array takes a megabyte."""
    np.savez(path, **arrays)
    header = b"\x93NUMPY\x02\x00" + (10**6).to_bytes(4, "little") + b" " * 10**6
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train_images.npy", header)


def save_other_method(path, arrays):
    """A method of compression that no reader has, as encryption is to most."""
    np.savez(path, **arrays)
    content = path.read_bytes()
    for start in (b"PK\x03\x04", b"PK\x01\x02"):
        at = content.index(start) + (8 if start == b"PK\x03\x04" else 10)
        content = content[:at] + b"\x63\x00" + content[at + 2 :]
    path.write_bytes(content)


def save_bytes(path, arrays):
    """Saves an array of which nothing is there, not even that it is one."""
    others = {name: array for name, array in arrays.items() if name != "train_images"}
    np.savez(path, **others)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train_images.npy", b"")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("save", "words"),
    [
        (save_npy, "not a zip file"),
        (lambda path, arrays: path.touch(), "not a zip file"),
        (save_objects, "holds Python objects"),
        (save_huge_header, "Header info length"),
        (save_other_method, "compression"),
        (save_bytes, "train_images is no array"),
    ],
)
def test_what_is_no_npz_of_numbers_is_one_sentence(tmp_path, arrays, save, words):
    path = tmp_path / "a.npz"
    save(path, arrays)
    with pytest.raises(
        InputError, match=f"a.npz is not a readable npz .*{words}"
    ) as no:
        load_dataset(f"npz:{path}")
    assert "pickle" not in str(no.value) and "\n" not in str(no.value)


def test_an_npz_that_unpacks_to_more_than_the_memory_is_not_unpacked(
    tmp_path, arrays, monkeypatch
):
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    monkeypatch.setattr(files, "host_bytes", lambda: 1000)
    with pytest.raises(InputError, match="more than the memory"):
        load_dataset(f"npz:{tmp_path}/a.npz")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"\0\0\x08", "not an IDX file"),
        (b"\0\0\x08\x03\0\0\0\x0c\0\0", "ends within its shape"),
        (b"\0\0\x08\x03" + b"\0\0\0\x0c" * 3, "holds 0 values"),
        # 2^64 values, which wrap to none in 64 bits
        (b"\0\0\x08\x04" + b"\0\x01\0\0" * 4, "more than the memory"),
        (b"\0\0\x08\x03" + b"\0\0\0\0" + b"\xff" * 8, "no values"),
        (b"\0\0\x08\xc8" + b"\0\0\0\x01" * 200, "has 200 axes"),
    ],
)
def test_an_impossible_idx_file_is_named(tmp_path, arrays, header, words):
    write_idx_dir(tmp_path, arrays)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header)
    with pytest.raises(InputError, match=f"train-images-idx3-ubyte .*{words}"):
        load_dataset(f"idx:{tmp_path}")


def test_an_npz_without_the_arrays_names_them(tmp_path, arrays):
    del arrays["test_labels"]
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match="lacks test_labels"):
        load_dataset(f"npz:{tmp_path}/a.npz")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_truncated_files_are_named(tmp_path, arrays, suffix):
    write_idx_dir(tmp_path, arrays, compress=bool(suffix))
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=path.name):
        load_dataset(f"idx:{tmp_path}")
    np.savez(tmp_path / "a.npz", **arrays)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:500])
    with pytest.raises(InputError, match="not a readable npz"):
        load_dataset(f"npz:{tmp_path}/a.npz")


def test_a_part_of_the_test_set_is_fixed_and_nested():
    digits = load_dataset("mnist12k")
    few, more = limit_test(digits, 300), limit_test(digits, 700)
    assert few.test_images.shape == (300, 28, 28, 1) and few.test_labels.shape == (300,)
    np.testing.assert_array_equal(few.test_labels, more.test_labels[:300])
    np.testing.assert_array_equal(few.test_images, more.test_images[:300])
    np.testing.assert_array_equal(few.train_images, digits.train_images)
    # balanced, and all parts of it but for a remainder
    np.testing.assert_array_equal(np.bincount(more.test_labels), 70)
    counts = np.bincount(limit_test(digits, 13).test_labels, minlength=10)
    assert counts.min() == 1 and counts.max() == 2 and counts.sum() == 13
    assert not np.array_equal(few.test_labels, digits.test_labels[:300])


def test_runs_on_a_part_of_the_test_set_never_mix_with_others():
    digits = load_dataset("mnist12k")
    prints = {limit_test(digits, size).fingerprint for size in (300, 700, 2000)}
    assert len(prints) == 3 and digits.fingerprint in prints


def test_a_part_of_the_training_set_is_balanced_nested_and_a_dataset_of_its_own():
    digits = load_dataset("mnist12k")
    few, more = limit_train(digits, 300), limit_train(digits, 700)
    assert (few.name, more.name) == ("mnist12k-first300", "mnist12k-first700")
    assert len({few.fingerprint, more.fingerprint, digits.fingerprint}) == 3
    np.testing.assert_array_equal(few.train_images, more.train_images[:300])
    np.testing.assert_array_equal(np.bincount(more.train_labels), 70)
    np.testing.assert_array_equal(few.test_images, digits.test_images)
    assert limit_train(digits, 10_000) is digits
    with pytest.raises(InputError, match="population must be from 1 to 10000"):
        limit_train(digits, 10_001)


@pytest.mark.parametrize("size", [0, -1, 2001])
def test_an_impossible_part_of_the_test_set(size):
    with pytest.raises(InputError, match="test_size must be from 1 to 2000"):
        limit_test(load_dataset("mnist12k"), size)


def test_a_part_with_more_of_a_class_than_there_is():
    digits = load_dataset("mnist12k")
    kept = np.flatnonzero(digits.test_labels == 3)[:50]
    others = np.flatnonzero(digits.test_labels != 3)
    some = np.r_[kept, others]
    skewed = digits._replace(
        test_images=digits.test_images[some], test_labels=digits.test_labels[some]
    )
    with pytest.raises(InputError, match=r"class 3 .* has 50 .* choose 500 or fewer"):
        limit_test(skewed, 501)
    counts = np.bincount(limit_test(skewed, 500).test_labels)
    np.testing.assert_array_equal(counts, 50)
