"""The config of one run: frozen, validated, with an id that never changes."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

from scaletime_jax.errors import InputError
from scaletime_jax.models.initializers import INITS
from scaletime_jax.models.mlp import ACTIVATIONS
from scaletime_jax.runs import fields
from scaletime_jax.sweep.architectures import ARCHITECTURES, MUP, is_mlp
from scaletime_jax.sweep.own_network import NO_SOURCE, OWN, OwnNetwork
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


# A grid has many: without slots each would keep a table of names, five times as large.
@dataclasses.dataclass(frozen=True, slots=True)
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
    def values(self) -> dict[str, Any]:
        """The value of each field."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @property
    def run_id(self) -> str:
        """16 hex digits from the canonical JSON of the config's identifying fields."""
        text = json.dumps(fields.identify(self.values), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def shape(self) -> tuple[Any, ...]:
        """The fields that configs of one unit share: all but the lanes."""
        lanes = fields.lanes()
        return tuple(v for name, v in self.values.items() if name not in lanes)

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
