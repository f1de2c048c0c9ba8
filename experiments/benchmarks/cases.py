"""The cases of the benchmark: a network and its optimizer."""

from typing import NamedTuple

from scaletime_jax.errors import InputError
from scaletime_jax.training.optimizers import LEARNING_RATES

NETWORKS = ("mlp", "cnn", "pooled_cnn", "wrn10", "transformer")


class Case(NamedTuple):
    """A network and its optimizer."""

    architecture: str
    width: int
    optimizer: str
    learning_rate: float

    @property
    def name(self) -> str:
        """The case in words."""
        return f"{self.architecture} width {self.width} {self.optimizer}"


def make_case(text: str, optimizer: str = "sgd") -> Case:
    """Returns the case written as architecture:width, at the paper's learning rate.

    Raises:
        InputError: the text has another form, or the optimizer is unknown.
    """
    architecture, _, width = text.partition(":")
    if architecture not in NETWORKS or not width.isdecimal() or int(width) < 1:
        ways = ", ".join(f"{name}:WIDTH" for name in NETWORKS)
        raise InputError(f"{text!r} is no network; write one of {ways}.")
    if optimizer not in LEARNING_RATES:
        choices = ", ".join(LEARNING_RATES)
        raise InputError(f"unknown optimizer {optimizer!r}; choose one of {choices}.")
    return Case(architecture, int(width), optimizer, LEARNING_RATES[optimizer])
