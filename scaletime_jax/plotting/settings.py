"""What figures of networks share: how a setting is called, curves with their bands."""

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from matplotlib.figure import Figure

from scaletime_jax.runs.curves import Curve
from scaletime_jax.runs.fields import FIELDS, NEEDED

# How a person writes what the run table calls otherwise.
NAMES = {
    "mnist": "MNIST",
    "mnist12k": "MNIST (12k)",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cifar10_jpeg": "CIFAR-10 (JPEG copy)",
    "cifar100": "CIFAR-100",
    "svhn_cropped": "SVHN",
    "mlp": "MLP",
    "mlp2": "MLP of two layers",
    "cnn": "CNN",
    "myrtle": "Myrtle",
    "pooled_cnn": "CNN with pooling",
    "wrn": "WRN",
    **{f"wrn{depth}": f"WRN-{depth}" for depth in (10, 16, 22, 28, 40)},
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "full": "full batch",
    "fresh": "one pass",
    "relu": "ReLU",
    "mup": "muP",
    "mse": "MSE",
    "cross_entropy": "cross-entropy",
}
# What the data room adds to the name of a dataset that it alters.
ALTERED = {
    "first": "first {}",
    "pool": "pooled by {}",
    "classes": "in {} classes",
    "noise": "with noise {}",
}
# Named where runs differ in them: `runs.fields.setting_of` leaves out the rest.
LATER = tuple(field.name for field in FIELDS if field.default is not NEEDED)
OVERVIEW = "all settings"
LONGEST_NAME = 42  # letters, on a figure


@runtime_checkable
class OfSetting(Protocol):
    """Part of a figure that belongs to one setting.

    Attributes:
        fields: of the setting, and perhaps a train size.
    """

    @property
    def fields(self) -> dict:
        """Columns of the run table with their values."""


Part = TypeVar("Part", bound=OfSetting)


def draw_settings(
    parts: Sequence[Part],
    draw_one: Callable[[list[Part]], Figure],
    draw_all: Callable[[], Figure],
) -> dict[str, Figure]:
    """Returns a figure for each setting by its title, after one of all settings.

    Args:
        parts: of all settings.
        draw_one: draws a setting from its parts.
        draw_all: draws the overview, which a single setting does without.
    """
    settings: dict[str, list[Part]] = {}
    for part in parts:
        settings.setdefault(title_of(part.fields), []).append(part)
    drawn = {title: draw_one(members) for title, members in settings.items()}
    return drawn if len(drawn) == 1 else {OVERVIEW: draw_all(), **drawn}


def title_of(fields: dict) -> str:
    """Returns a setting in words on one line, whatever the train size."""
    words = ", ".join(itertools.chain(*_lines(fields)))
    loss = fields.get("loss")
    if loss not in (None, "mse"):
        words += f", {write_name(loss)}"
    return words or "all runs"


def describe_setting(fields: dict) -> str:
    """Returns dataset and network on one line, optimizer and noise on the next.

    What is not known of a user's logs is left out, and a long name is cut in its
    middle.
    """
    return "\n".join(", ".join(map(_shortened, line)) for line in _lines(fields))


def _lines(fields: dict) -> list[list[str]]:
    """Returns the words of dataset and network, and those of optimizer and noise."""
    known = {k: v for k, v in fields.items() if v is not None}
    network = [write_name(known[k]) for k in ("dataset", "architecture") if k in known]
    training = [write_name(known["optimizer"])] if "optimizer" in known else []
    if "learning_rate" in known:
        name = "" if training else "rate "
        training = [" ".join([*training, f"{name}{known['learning_rate']:g}"])]
    if known.get("label_noise"):
        training.append(f"{known['label_noise']:.0%} label noise")
    training += [
        write_name(known[name])
        if isinstance(known[name], str)
        else f"{name} {known[name]:g}"
        for name in LATER
        if name in known
    ]
    return [line for line in (network, training) if line]


def _shortened(word: str) -> str:
    """Returns a name that leaves a figure room for its axes."""
    return word if len(word) <= LONGEST_NAME else f"{word[:18]}\u2026{word[-18:]}"


def describe_loss(loss: str | None, split: str = "test") -> str:
    """Returns what an axis of losses is called."""
    return f"{split} {'loss' if loss is None else write_name(loss)}"


def describe_size(train_size: int | None) -> str:
    """Returns a number of training examples in words; logs may not give it."""
    return "not given" if train_size is None else f"{train_size:,}"


def write_name(name: str) -> str:
    """Returns a name as a person writes it; different names stay different."""
    whole, *parts = re.split(rf"-(?=(?:{'|'.join(ALTERED)})\d)", name)
    words = [NAMES.get(whole, whole.replace("teacher:", "teacher "))]
    for part in parts:
        kind = next(each for each in ALTERED if part.startswith(each))
        words.append(ALTERED[kind].format(part.removeprefix(kind)))
    return " ".join(words)


def draw_curve(axis, curve: Curve, colour, **style) -> None:
    """Draws mean and a band of one standard error, both only where there is a mean."""
    look: Any = {"color": colour, "markersize": 3.5, "linewidth": 1.4, **style}
    axis.plot(curve.x, curve.mean, **look)
    low = curve.mean - curve.sem
    low = low.clip(min=curve.mean / 100)  # stays on log axes
    axis.fill_between(
        curve.x, low, curve.mean + curve.sem, color=colour, alpha=0.22, linewidth=0
    )
