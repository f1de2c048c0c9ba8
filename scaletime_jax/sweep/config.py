"""The config of one run: frozen, validated, with an id that never changes."""

import dataclasses
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from scaletime_jax.data.sources import Dataset
from scaletime_jax.data.transforms import normalise
from scaletime_jax.errors import InputError
from scaletime_jax.models.initializers import INITS
from scaletime_jax.models.mlp import ACTIVATIONS
from scaletime_jax.runs import fields
from scaletime_jax.sweep.architectures import (
    ARCHITECTURES,
    MUP,
    check_images,
    is_mlp,
    mixes_examples,
    reads_tokens,
)
from scaletime_jax.sweep.own_network import NO_SOURCE, OWN, OwnNetwork
from scaletime_jax.sweep.own_source import FORM
from scaletime_jax.training.batching import batches_per_epoch
from scaletime_jax.training.losses import LOSSES
from scaletime_jax.training.optimizers import OPTIMIZERS
from scaletime_jax.training.optimizers import READS as READ_BY_OPTIMIZER
from scaletime_jax.training.records import RECORDS, make_records
from scaletime_jax.training.schedules import READS as READ_BY_SCHEDULE
from scaletime_jax.training.schedules import SCHEDULES

BATCHINGS = ("epochs", "full", "fresh")
PARAMETERISATIONS = ("standard", "mup")
# Initialisations whose scale depends on the number of a layer's inputs alone.
MUP_INITS = ("pytorch", "lecun", "he")
AUGMENTATIONS = ("none", "flips_crops")
MAX_SEED = 2**32 - 1
# Whole numbers of a config.
COUNTS = ("width", "train_size", "batch_size", "epochs", "base_width")
FROM_ZERO = ("seed", "steps", "part")


def _is_share(value: float) -> bool:
    return 0 <= value <= 1


# Real numbers of a config, with a test of their range and its description.
NUMBERS: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("learning_rate", lambda value: value > 0, "must be above 0 and finite"),
    ("label_noise", _is_share, "is a share from 0 to 1"),
    ("momentum", lambda value: 0 <= value < 1, "must be at least 0 and below 1"),
    ("weight_decay", lambda value: value >= 0, "must be 0 or more and finite"),
    ("warmup", _is_share, "is a share from 0 to 1"),
    ("decay", _is_share, "is a share from 0 to 1"),
    ("final", _is_share, "is a share from 0 to 1"),
    ("until_test_loss", lambda value: value >= 0, "must be 0 or more and finite"),
)
# Largest ratio of the train sizes of one program. The program shuffles the indices of
# the largest train size each epoch, which slows small networks on little data.
SIZE_RANGE = 10
# Number of examples up to which the time of a step hardly depends on the capacity.
FREE_CAPACITY = 300


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One training run: the configured fields of `runs.fields`, described there."""

    dataset: str
    fingerprint: str
    architecture: str
    width: int
    optimizer: str
    learning_rate: float | int
    init: str
    loss: str
    train_size: int
    label_noise: float | int
    batch_size: int
    epochs: int
    record: str
    seed: int
    momentum: float | int = 0.0
    weight_decay: float | int = 0.0
    schedule: str = "constant"
    warmup: float | int = 0.0
    decay: float | int = 0.0
    final: float | int = 0.0
    batching: str = "epochs"
    shuffled_labels: bool = False
    until_test_loss: float | int = 0.0
    steps: int = 0
    activation: str = "relu"
    linearised: bool = False
    augmentation: str = "none"
    part: int = 0
    network_source: str = NO_SOURCE
    parameterisation: str = "standard"
    base_width: int = 1

    def __post_init__(self) -> None:
        """Raises InputError if a value is invalid.

        Numbers are converted to one form (0.2, not float32's 0.20000000298 nor a NumPy
        scalar), because the id depends on the form.
        """
        self._take_own()
        own = self.network_source != NO_SOURCE
        for name, choices in (
            ("architecture", (self.architecture,) if own else ARCHITECTURES),
            ("optimizer", OPTIMIZERS),
            ("init", (OWN,) if own else INITS),
            ("loss", LOSSES),
            ("record", RECORDS),
            ("schedule", SCHEDULES),
            ("batching", BATCHINGS),
            ("activation", tuple(ACTIVATIONS)),
            ("augmentation", AUGMENTATIONS),
            ("parameterisation", PARAMETERISATIONS),
        ):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"unknown {name} {getattr(self, name)!r}; choose one of "
                    f"{', '.join(choices)}.",
                    **{name: getattr(self, name)},
                )
        for name in (*COUNTS, *FROM_ZERO):
            value = int(getattr(self, name))
            least = 0 if name in FROM_ZERO else 1
            if value < least or value > MAX_SEED:
                words = f"{name} must be {least} or more, got {value}."
                raise InputError(words, **{name: value})
            object.__setattr__(self, name, value)
        for name, fits, words in NUMBERS:
            number = float(getattr(self, name))
            if not (math.isfinite(number) and fits(number)):
                given = {name: getattr(self, name)}
                raise InputError(f"{name} {words}, got {number}.", **given)
            object.__setattr__(self, name, number)
        for name in ("shuffled_labels", "linearised"):
            object.__setattr__(self, name, bool(getattr(self, name)))
        if self.warmup + self.decay > 1:
            raise InputError(
                f"warmup and decay are shares of one training, got {self.warmup} and "
                f"{self.decay}; their sum must be 1 or less."
            )
        if (
            self.steps
        ):  # epochs follow from the steps, so the id must not depend on them
            object.__setattr__(self, "epochs", 1)
        if self.parameterisation == "standard":  # has no base, nor has its id
            object.__setattr__(self, "base_width", 1)
        else:
            self._refuse_mup()
        self._refuse_unread()
        if self.linearised:
            self._refuse_nonlinear()

    def _take_own(self) -> None:
        """Sets what a user's own network determines: its source and initialisation."""
        own = self.architecture
        if isinstance(own, OwnNetwork):
            if self.network_source not in (NO_SOURCE, own.source):
                raise InputError(
                    f"network_source {self.network_source!r} is not that of the code "
                    f"of {own!s}, {own.source!r}; leave network_source out."
                )
            object.__setattr__(self, "network_source", own.source)
        if self.network_source == NO_SOURCE:
            return
        if own in ARCHITECTURES:
            raise InputError(
                f"network_source is of networks of your own, not of the {own}; set "
                f"network_source to {NO_SOURCE!r}."
            )
        if self.init not in (OWN, INITS[0]):
            raise InputError(
                f"init {self.init!r} is not used by {own!s}, which has an "
                "initialisation of its own; leave init out."
            )
        object.__setattr__(self, "init", OWN)

    def _refuse_mup(self) -> None:
        """Raises InputError unless muP's rules are known for the network."""
        for name, choices in (("architecture", MUP), ("init", MUP_INITS)):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"parameterisation 'mup' does not know the {name} "
                    f"{str(getattr(self, name))!r}; choose one of "
                    f"{', '.join(choices)}, or parameterisation 'standard'."
                )

    def _refuse_nonlinear(self) -> None:
        """Raises InputError unless the linearised network can be trained as asked."""
        if not is_mlp(self.architecture):
            raise InputError(
                f"only an mlp can be linearised, not the {self.architecture}; set "
                "linearised to false."
            )
        needed = {
            "batching": "full",
            "optimizer": "sgd",
            "schedule": "constant",
            "augmentation": "none",
            "until_test_loss": 0.0,
            "parameterisation": "standard",
        }
        for name, value in needed.items():
            if getattr(self, name) != value:
                raise InputError(
                    f"a linearised network is trained with {name} {value!r}, not "
                    f"{getattr(self, name)!r}; set linearised to false, or {name} to "
                    f"{value!r}."
                )

    def _refuse_unread(self) -> None:
        """Raises InputError if a given value is not used by the run."""
        if self.activation != "relu" and not is_mlp(self.architecture):
            raise InputError(
                f"activation {self.activation!r} is used by the mlp alone; set "
                f"activation to 'relu' for the {self.architecture}."
            )
        read = READ_BY_OPTIMIZER[self.optimizer] + READ_BY_SCHEDULE[self.schedule]
        for name in ("momentum", "weight_decay", "warmup", "decay", "final"):
            if getattr(self, name) and name not in read:
                raise InputError(
                    f"{name} {getattr(self, name)} is used neither by the optimizer "
                    f"{self.optimizer!r} nor by the schedule {self.schedule!r}; set "
                    f"{name} to 0, or choose others."
                )

    @property
    def run_id(self) -> str:
        """16 hex digits from the canonical JSON of the config's identifying fields."""
        text = json.dumps(fields.identify(vars(self)), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def shape(self) -> tuple[Any, ...]:
        """The fields that configs of one unit share: all but the lanes."""
        lanes = fields.lanes()
        return tuple(v for name, v in vars(self).items() if name not in lanes)

    @property
    def family(self) -> tuple[Any, ...]:
        """The fields that configs of a program share: all but lanes and train_size."""
        return dataclasses.replace(self, train_size=1).shape

    @property
    def records(self) -> tuple[int, ...]:
        """The steps after which this run is evaluated."""
        size, step = self.train_size, self.step_size
        return make_records(size, step, self.epochs, self.record, self.steps)

    @property
    def step_size(self) -> int:
        """The number of training examples in a step."""
        return self.train_size if self.batching == "full" else self.batch_size

    @property
    def per_epoch(self) -> int:
        """The number of steps in a pass through the training set."""
        return batches_per_epoch(self.train_size, self.step_size)

    @property
    def trained(self) -> int:
        """The number of examples in all steps of the run."""
        passes, rest = divmod(self.records[-1], self.per_epoch)
        return passes * self.train_size + min(rest * self.step_size, self.train_size)


def make_grid(dataset: Dataset, **axes: Sequence[Any]) -> list[RunConfig]:
    """Returns the configs of all combinations of the axes on one dataset.

    Args:
        dataset: dataset to train on, against which sizes are checked.
        **axes: values of every other field of `RunConfig`, the last varying fastest.
            Parts above 0 are left out at the train sizes that do not have them.

    Raises:
        InputError: an axis is empty, or a value is impossible or too large for the
            dataset.
    """
    for name, values in axes.items():
        if len(values) == 0:
            raise InputError(f"the axis {name} is empty; give at least one value.")
    configs = [
        RunConfig(
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            **dict(zip(axes, values, strict=True)),
        )
        for values in itertools.product(*axes.values())
    ]
    available = len(dataset.train_images)
    there = [
        config
        for config in configs
        if config.part == 0 or (config.part + 1) * config.train_size <= available
    ]
    configs = there or configs
    for config in configs:
        check_fits(config, dataset)
    _check_growth(configs, dataset)
    return list(dict.fromkeys(configs))


def check_fits(config: RunConfig, dataset: Dataset) -> None:
    """Raises InputError if the dataset cannot be used with the config."""
    if dataset.is_text:
        _check_text(config, len(dataset.train_images))
    elif reads_tokens(config.architecture):
        raise InputError(
            f"the {config.architecture} reads text, and {config.dataset!r} has none; "
            "choose a dataset 'text:PATH', or another architecture."
        )
    elif dataset.teacher is not None:
        _check_regression(config)
    elif config.batching == "fresh":
        raise InputError(
            f"batching 'fresh' draws new examples, and {dataset.name!r} has a fixed "
            "number of examples; choose a teacher or a text as the dataset, or other "
            "batching."
        )
    available = len(dataset.train_images)
    if config.batching != "fresh" and config.train_size > available:
        raise InputError(
            f"train_size {config.train_size} is above the {available} training "
            f"examples of {dataset.name!r}; choose {available} or fewer."
        )
    if config.part and (config.part + 1) * config.train_size > available:
        raise InputError(
            f"part {config.part} does not exist: the {available} training examples of "
            f"{dataset.name!r} have {available // config.train_size} disjoint parts of "
            f"{config.train_size}."
        )
    shape = dataset.train_images.shape[1:]
    mixes = _check_network(config, dataset)
    if config.augmentation != "none" and len(shape) != 3:
        raise InputError(
            f"augmentation {config.augmentation!r} needs images [height, width, "
            f"channels]; an example of {dataset.name!r} has shape {shape}.",
            augmentation="none",
        )
    short = config.train_size % config.step_size
    if short and mixes:
        raise InputError(
            f"the {config.architecture} has BatchNorm, or mixes the examples of a "
            "batch in another way, and is trained on whole batches: "
            f"train_size {config.train_size} leaves a batch of {short} at a batch_size "
            f"of {config.batch_size}; choose a batch_size that divides train_size."
        )


def _check_network(config: RunConfig, dataset: Dataset) -> bool:
    """Returns whether the network mixes examples in training.

    Raises:
        InputError: the network cannot be used with the dataset.
    """
    own, shape = config.architecture, dataset.train_images.shape[1:]
    if isinstance(own, OwnNetwork):
        inputs = _two_examples(dataset)
        own.count_params(config.width, dataset.num_classes, inputs)
        return own.mixes_examples(config.width, dataset.num_classes, inputs)
    if config.network_source != NO_SOURCE:
        raise InputError(
            f"the code of the network {own!r} is not given; give it as {FORM}.",
            architecture=own,
        )
    check_images(own, shape, dataset.name)
    return mixes_examples(own)


def _check_growth(configs: Sequence[RunConfig], dataset: Dataset) -> None:
    """Raises InputError if a user's network is no larger at a larger width."""
    widths: dict[OwnNetwork, set[int]] = {}
    for config in configs:
        if isinstance(config.architecture, OwnNetwork):
            widths.setdefault(config.architecture, set()).add(config.width)
    for own, mine in widths.items():
        inputs = _two_examples(dataset)
        sizes = [
            (width, own.count_params(width, dataset.num_classes, inputs))
            for width in sorted(mine)
        ]
        for (narrow, few), (wide, many) in itertools.pairwise(sizes):
            if many <= few:
                raise InputError(
                    f"the network {own!s} has {few:,} parameters at width {narrow} and "
                    f"{many:,} at width {wide}; the number must grow with the width.",
                    widths=None,
                )


def _two_examples(dataset: Dataset) -> Num[Array, "two *shape"]:
    """Returns two examples that differ, where there are any, as a network sees them."""
    images = dataset.train_images
    few = images[:1000]
    apart = (few != few[0]).reshape(len(few), -1).any(axis=1)
    two = np.stack([images[0], few[int(np.argmax(apart))]])
    return normalise(jnp.asarray(two))


def _check_regression(config: RunConfig) -> None:
    """Raises InputError if the config needs classes."""
    if config.loss != "mse":
        raise InputError(
            f"loss {config.loss!r} needs classes, and the targets of "
            f"{config.dataset!r} are real numbers; choose 'mse'."
        )
    if config.label_noise:
        raise InputError(
            f"label_noise {config.label_noise} needs classes, and the targets of "
            f"{config.dataset!r} are real numbers; set label_noise to 0."
        )


def _check_text(config: RunConfig, windows: int) -> None:
    """Raises InputError if the config cannot be used with a text of many windows."""
    if not reads_tokens(config.architecture):
        raise InputError(
            f"the {config.architecture} predicts no text, and {config.dataset!r} is a "
            "text; choose the architecture 'transformer', or another dataset."
        )
    if config.loss != "cross_entropy":
        raise InputError(
            f"loss {config.loss!r} is not for text; choose 'cross_entropy' for "
            f"{config.dataset!r}, in nats a byte."
        )
    for name, none in (("label_noise", "0"), ("shuffled_labels", "false")):
        if getattr(config, name):
            raise InputError(
                f"{name} needs one label for each example, and {config.dataset!r} is a "
                f"text; set {name} to {none}."
            )
    taken = config.records[-1] * config.batch_size
    if config.batching == "fresh" and taken > windows:
        raise InputError(
            f"batching 'fresh' takes no window twice, and a run takes {taken:,} of the "
            f"{windows:,} windows of {config.dataset!r}; choose fewer steps, a smaller "
            "batch_size or context, or batching 'epochs'."
        )


def group_units(configs: Iterable[RunConfig]) -> list[list[RunConfig]]:
    """Groups configs that differ only in lanes, in the order of their first configs."""
    units: dict[tuple[Any, ...], list[RunConfig]] = {}
    for config in configs:
        units.setdefault(config.shape, []).append(config)
    return list(units.values())


class Capacity(NamedTuple):
    """The array sizes of one program.

    Attributes:
        examples: largest number of training examples.
        records: largest number of evaluations of a run.
    """

    examples: int
    records: int


def share_programs(units: Sequence[list[RunConfig]]) -> list[Capacity]:
    """Returns the capacity of each unit's program, chosen so that few are compiled.

    Units of one family with train sizes within a factor SIZE_RANGE of the smallest get
    the capacity of the largest.
    """
    groups: list[list[RunConfig]] = []
    newest: dict[tuple[Any, ...], list[RunConfig]] = {}
    for config in sorted((unit[0] for unit in units), key=lambda c: c.train_size):
        group = newest.get(config.family)
        # the time of a step on the whole set is proportional to the capacity, and so is
        # the time of an epoch's order, which runs of given steps draw most often on
        # little data
        grows = config.batching == "full" or config.steps > 0
        alone = grows and config.train_size > FREE_CAPACITY
        if (
            group is None
            or alone
            or config.train_size > SIZE_RANGE * group[0].train_size
        ):
            group = newest[config.family] = []
            groups.append(group)
        group.append(config)
    capacities = {}
    for group in groups:
        records = max(len(config.records) for config in group)
        capacity = Capacity(group[-1].train_size, records)
        capacities.update({config.shape: capacity for config in group})
    return [capacities[unit[0].shape] for unit in units]
