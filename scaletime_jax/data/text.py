"""Text as windows of bytes: `text:PATH`, for networks that predict the next byte."""

import gzip
import pathlib
import re
import zlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from scaletime_jax.errors import InputError
from scaletime_jax.memory import host_bytes

FORM = "text:PATH[,context=C][,vocabulary=256]"
CONTEXT = 64
MAX_CONTEXT = 4096
TEST_SHARE = 0.1  # of the text, its end
ALL_BYTES = 256


class Windows(NamedTuple):
    """A text as examples.

    Attributes:
        train_inputs: [train, context] numbers of tokens.
        train_targets: [train, context] the token after each.
        test_inputs: [test, context].
        test_targets: [test, context].
        num_tokens: size of the vocabulary.
    """

    train_inputs: UInt8[np.ndarray, "train context"]
    train_targets: Int[np.ndarray, "train context"]
    test_inputs: UInt8[np.ndarray, "test context"]
    test_targets: Int[np.ndarray, "test context"]
    num_tokens: int


def read_text(name: str) -> Windows:
    """Returns the windows of the text of a dataset's name.

    The last tenth of the text is the test part. Each part is cut into windows of
    context + 1 bytes, of which the last is the first of the next window: every byte but
    the first of a part is predicted in one window. A rest shorter than a window is left
    out. No window has bytes of both parts.

    Args:
        name: 'text:PATH', with the optional parts ',context=C' (64 bytes) and
            ',vocabulary=256' (all bytes; else those of the training part). The file may
            be compressed by gzip.

    Raises:
        InputError: the name has another form, the file cannot be read or is shorter
            than two windows, or the test part has a byte that is not in the vocabulary.
    """
    path, context, has_all = _read_name(name)
    text = _read_bytes(path)
    size = int(TEST_SHARE * len(text))
    train, test = text[: len(text) - size], text[len(text) - size :]
    if min(len(train), len(test)) <= context:
        raise InputError(
            f"{path} has {len(text):,} bytes, of which the last tenth is for testing, "
            f"and a window has {context + 1}; give at least "
            f"{10 * (context + 1):,} bytes, or a smaller context."
        )
    tokens = np.arange(ALL_BYTES) if has_all else np.unique(train)
    if len(tokens) < 2:
        raise InputError(f"{path} repeats one byte; there is nothing to predict.")
    number = np.full(ALL_BYTES, -1)
    number[tokens] = np.arange(len(tokens))
    unknown = np.flatnonzero(number[test] < 0)
    if len(unknown):
        place = len(train) + int(unknown[0])
        raise InputError(
            f"{path} has the byte {text[place]} at position {place:,}, in the test "
            "part, and nowhere in the training part; add ',vocabulary=256' to the name "
            "of the dataset for a vocabulary of all bytes."
        )
    (inputs, targets), tested = (_cut(number[part], context) for part in (train, test))
    return Windows(inputs, targets, *tested, len(tokens))


def _read_name(name: str) -> tuple[pathlib.Path, int, bool]:
    """Returns path, context and whether the vocabulary is all bytes."""
    path, *parts = name.removeprefix("text:").split(",")
    values = {"context": CONTEXT, "vocabulary": 0}
    for part in parts:
        match = re.fullmatch(r"(\w+)=(\d+)", part)
        if match is None or match[1] not in values:
            raise InputError(
                f"dataset {name!r}: {part!r} is not a part of {FORM}, whole numbers."
            )
        values[match[1]] = int(match[2])
    if not 1 <= values["context"] <= MAX_CONTEXT:
        raise InputError(
            f"dataset {name!r}: context must be from 1 to {MAX_CONTEXT}, got "
            f"{values['context']}."
        )
    if values["vocabulary"] not in (0, ALL_BYTES):
        raise InputError(
            f"dataset {name!r}: vocabulary must be {ALL_BYTES}, all bytes, or be left "
            f"out for those that occur, got {values['vocabulary']}."
        )
    return pathlib.Path(path), values["context"], values["vocabulary"] == ALL_BYTES


def _read_bytes(path: pathlib.Path) -> UInt8[np.ndarray, "bytes"]:
    """Reads a file, plain or compressed by gzip, and no more than the memory."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; 'text:PATH' needs a file.")
    try:
        with open(path, "rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
        with (gzip.open if compressed else open)(path, "rb") as file:
            limit = host_bytes() // 64  # windows and their targets take more
            text = file.read(limit + 1)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}; 'text:PATH' needs one.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    if not text:
        raise InputError(f"{path} is empty.")
    if len(text) > limit:
        raise InputError(
            f"{path} is larger than {limit:,} bytes, too large for the memory here."
        )
    return np.frombuffer(text, np.uint8)


def _cut(
    tokens: Int[np.ndarray, "n"], context: int
) -> tuple[UInt8[np.ndarray, "w c"], Int[np.ndarray, "w c"]]:
    """Returns the inputs of all windows, and the token after each."""
    windows = (len(tokens) - 1) // context
    shape = windows, context
    inputs = tokens[: windows * context].reshape(shape).astype(np.uint8)
    targets = tokens[1 : windows * context + 1].reshape(shape).astype(np.int32)
    return inputs, targets
