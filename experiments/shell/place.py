"""Where a result is written: no result takes the place of another one."""

import hashlib
import json
import pathlib
import re

from absl import flags

# Flags on which no number of a result depends.
WITHOUT_EFFECT = (
    "workdir",
    "dry_run",
    "data_dir",
    "launcher",
    "checkpoint_minutes",
)
LONGEST = 60  # of a folder's name
TELLING = ("dataset", "architecture", "optimizer")  # flags that begin the name


def result_folder(workdir: pathlib.Path, name: str, given: dict) -> pathlib.Path:
    """Returns WORKDIR/NAME, or a folder in it if another result is there.

    A result is another one if a flag was another: a second dataset, a second preset.
    Its folder is called by what differs, such as `optimizer=adam`.

    Args:
        workdir: the folder for everything.
        name: of the study.
        given: the value of every flag.
    """
    plain = workdir / name
    first = read_summary(plain).get("flags")
    if not isinstance(first, dict):  # none, or none that can be read
        return plain
    told_first = sorted(given, key=lambda flag: (flag not in TELLING, flag))
    words = [
        f"{flag}={_write(given[flag])}"
        for flag in told_first
        if flag not in WITHOUT_EFFECT
        and _write(given[flag]) != _write(first.get(flag, flags.FLAGS[flag].default))
    ]
    return plain / _short(",".join(words)) if words else plain


def read_summary(folder: pathlib.Path) -> dict:
    """Returns the summary of a folder's result, empty without one that can be read."""
    try:
        return dict(json.loads((folder / "summary.json").read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _write(value) -> str:
    """Returns a flag's value as part of a folder's name."""
    if isinstance(value, list | tuple):
        value = "-".join(map(str, value))
    if isinstance(value, float):
        value = f"{value:g}"
    return re.sub(r"[^\w.+-]+", "-", str(value))


def _short(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    ending = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{name[: LONGEST - len(ending) - 1]}-{ending}"
