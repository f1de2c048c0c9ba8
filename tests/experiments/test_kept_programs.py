"""Compiled programs of which a process or a full disk left a part."""

import jax
import pytest
from shell import cli

PLACE = "jax_compilation_cache_dir"


@pytest.fixture
def kept():
    """Our folder of programs, with two entries of a program and one of another."""
    folder = cli.kept_programs()
    folder.mkdir(parents=True)
    for name in ("jit_f-0a-cache", "jit_f-1b-cache", "jit_g-2c-cache"):
        (folder / name).write_bytes(b"half")
    before = jax.config.values[PLACE]
    jax.config.update(PLACE, str(folder))
    yield folder
    jax.config.update(PLACE, before)


def warning(doing):
    said = f"Error {doing} persistent compilation cache entry for"
    return f"{said} 'jit_f': OSError: [Errno 28] No space left on device\nmore"


@pytest.mark.parametrize(
    ("doing", "words"),
    [
        ("reading", "a kept program (jit_f) is damaged, and is compiled again: OSE"),
        ("writing", "a compiled program (jit_f) is not kept: OSError: [Errno 28] No "),
    ],
)
def test_what_is_not_whole_is_deleted_and_told_in_a_line(kept, capsys, doing, words):
    cli.warn(warning(doing))
    said = capsys.readouterr().err
    assert said.startswith(f"warning: {words}") and said.count("\n") == 1
    assert [path.name for path in kept.iterdir()] == ["jit_g-2c-cache"]


def test_a_folder_of_others_is_theirs(kept, capsys):
    jax.config.update(PLACE, "/elsewhere")
    cli.warn(warning("reading"))
    assert len(list(kept.iterdir())) == 3 and "damaged" in capsys.readouterr().err


def test_other_warnings_are_as_they_are(capsys):
    cli.warn("the sky is low")
    assert capsys.readouterr().err == "warning: the sky is low.\n"
