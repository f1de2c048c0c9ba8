"""The figures of any study, by the study's name."""

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from scaletime_jax.plotting.style import render
from scaletime_jax.words import file_part


class Drawing(NamedTuple):
    """One figure of a study.

    Attributes:
        name: of its files, without their ending.
        title: what the figure is of, such as a setting; '' for a study's only figure.
        figure: to be rendered.
    """

    name: str
    title: str
    figure: Figure


def draw(name: str, figure: dict[str, Any]) -> list[Drawing]:
    """Returns what `plotting.<name>.plot_<name>(**figure)` draws, an overview first.

    The first is called as the study, and another one `<name>-<its title>`.

    Args:
        name: of the study.
        figure: its `Result.figure`.
    """
    module = importlib.import_module(f"scaletime_jax.plotting.{name}")
    drawn = getattr(module, f"plot_{name}")(**figure)
    return [
        Drawing(f"{name}-{file_part(title.lower())}" if place else name, title, each)
        for place, (title, each) in enumerate(drawn.items())
    ]


def render_all(drawings: Sequence[Drawing]) -> dict[str, bytes]:
    """Returns the content of each drawing's PNG and SVG, by the file's name."""
    files = {}
    for each in drawings:
        for kind in ("png", "svg"):
            files[f"{each.name}.{kind}"] = render(each.figure, kind)
            each.figure.set_layout_engine("none")  # laid out once, for both
    return files
