"""The figure of any study, by the study's name."""

import importlib
from typing import Any

from matplotlib.figure import Figure


def draw(name: str, figure: dict[str, Any]) -> Figure:
    """Returns `plotting.<name>.plot_<name>(**figure)`.

    Args:
        name: of the study.
        figure: its `Result.figure`.
    """
    module = importlib.import_module(f"scaletime_jax.plotting.{name}")
    return getattr(module, f"plot_{name}")(**figure)
