"""Draws a shipped figure again from its stored numbers."""

import pathlib

from scaletime_jax.errors import InputError
from scaletime_jax.plotting.draw import draw, render_all
from scaletime_jax.runs import store
from scaletime_jax.studies import drawn

SHIPPED = pathlib.Path(__file__).parents[1] / "results"


def draw_again(name: str, workdir: pathlib.Path) -> None:
    """Draws a shipped figure into WORKDIR/NAME, with a copy of its numbers.

    Args:
        name: name of the study.
        workdir: folder of all results.

    Raises:
        InputError: the numbers are missing or damaged, or the folder cannot be written
            to.
    """
    source, folder = SHIPPED / name, workdir / name
    files = render_all(draw(name, read_numbers(source / f"{name}.npz")))
    store.prepare(folder)
    if folder.resolve() != source.resolve():
        tables = sorted(source.glob("*.csv"))
        others = [*tables, source / f"{name}.npz", source / "summary.json"]
        files |= {path.name: path.read_bytes() for path in others}
    for file, content in files.items():
        store.write_whole(folder / file, content)


def read_numbers(path: pathlib.Path) -> dict:
    """Returns the numbers of a figure, by argument of its plotting function.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        return drawn.unpack(path.read_bytes())
    except OSError as error:
        reason = f"{path} cannot be read ({error.strerror})"
    except InputError as error:
        reason = f"{path}: {str(error).partition(';')[0]}"
    raise InputError(f"{reason}; compute its numbers again with --recompute.")
