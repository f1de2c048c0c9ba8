"""The fields of a run: one tuple defines table, ids, lanes and selection.

A field of version 0.1 has no default. A field added later has a default: older tables
and configs are read with the default, and an id leaves the field out if its value is
the default. So tables and ids remain valid when fields are added.
"""

import functools
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from scaletime_jax.words import short


class Role(Enum):
    """The role of a field in a run.

    An identity is a property of the whole run. A lane is also a property of the whole
    run: a number in which runs of one program may differ. A coordinate is the place in
    the run at which a row was recorded, and a measurement is a value recorded there.
    """

    IDENTITY = "identity"
    LANE = "lane"
    COORDINATE = "coordinate"
    MEASUREMENT = "measurement"


class Split(Enum):
    """How runs that differ in a field are separated.

    A family has its own grid, and is named first. Settings are panels of a figure. A
    protocol must be the same for all runs of a family. Axes span the grid, and are the
    x axes of figures.
    """

    FAMILY = "family"
    SETTING = "setting"
    PROTOCOL = "protocol"
    AXIS = "axis"


NEEDED: Any = object()


class Field(NamedTuple):
    """A property of a run, or of a row of its table.

    Attributes:
        name: name of the table's column and of the config's attribute.
        type: Arrow type.
        role: role of the field in a run.
        describes: meaning of the field, with its unit.
        default: value in tables and configs older than the field; NEEDED for fields of
            version 0.1.
        split: how runs that differ in the field are separated; None if they are not.
        several: name of a list of values; None for `name`.
        column: whether the table has the field as a column.
        configured: whether a config has the field.
    """

    name: str
    type: pa.DataType
    role: Role
    describes: str
    default: Any = NEEDED
    split: Split | None = None
    several: str | None = None
    column: bool = True
    configured: bool = True

    @property
    def kind(self) -> type:
        """The Python type of the values."""
        if pa.types.is_string(self.type):
            return str
        if pa.types.is_boolean(self.type):
            return bool
        return int if pa.types.is_integer(self.type) else float

    @property
    def choice(self) -> str:
        """The name under which a user chooses values, such as 'widths' for `width`."""
        return self.several or self.name


_ID, _LANE = Role.IDENTITY, Role.LANE
_AT, _SEEN = Role.COORDINATE, Role.MEASUREMENT
_TEXT, _TRUTH = pa.string(), pa.bool_()
_INT, _LONG = pa.int32(), pa.int64()
_DOUBLE, _SINGLE = pa.float64(), pa.float32()

FIELDS = (
    Field("run_id", _TEXT, _ID, "16 hex digits from the config", configured=False),
    Field("dataset", _TEXT, _ID, "the dataset's name", split=Split.FAMILY),
    Field("fingerprint", _TEXT, _ID, "digest of the dataset", column=False),
    Field("architecture", _TEXT, _ID, "its name", split=Split.FAMILY),
    Field("optimizer", _TEXT, _ID, "its name", split=Split.FAMILY),
    Field("width", _INT, _ID, "scale parameter s", split=Split.AXIS, several="widths"),
    Field("num_params", _LONG, _ID, "trainable parameters", configured=False),
    Field(
        "train_size",
        _INT,
        _ID,
        "training examples, drawn by the seed",
        split=Split.AXIS,
        several="train_sizes",
    ),
    Field(
        "learning_rate",
        _DOUBLE,
        _LANE,
        "> 0",
        split=Split.SETTING,
        several="learning_rates",
    ),
    Field(
        "label_noise",
        _DOUBLE,
        _LANE,
        "share of wrong training labels in [0, 1]",
        split=Split.SETTING,
    ),
    Field("loss", _TEXT, _ID, "'mse' or 'cross_entropy'", split=Split.SETTING),
    Field(
        "init",
        _TEXT,
        _ID,
        "'pytorch', 'lecun', 'he', 'ntk' or 'glorot'; 'own' for a user's own network",
        split=Split.PROTOCOL,
    ),
    Field("batch_size", _INT, _ID, "examples a step", split=Split.PROTOCOL),
    Field(
        "test_size",
        _INT,
        _ID,
        "number of test examples",
        split=Split.PROTOCOL,
        configured=False,
    ),
    Field(
        "epochs",
        _INT,
        _ID,
        "passes through the training set",
        split=Split.PROTOCOL,
        column=False,
    ),
    Field("record", _TEXT, _ID, "when runs are evaluated", column=False),
    Field(
        "seed",
        _LONG,
        _LANE,
        "seed of subset, noise, initialisation and order",
        split=Split.AXIS,
        several="seeds",
    ),
    Field(
        "momentum",
        _DOUBLE,
        _LANE,
        "momentum of the optimizer 'momentum', in [0, 1)",
        default=0.0,
        split=Split.SETTING,
    ),
    Field(
        "weight_decay",
        _DOUBLE,
        _LANE,
        "weight decay of the optimizers 'momentum' and 'adamw', >= 0",
        default=0.0,
        split=Split.SETTING,
    ),
    Field(
        "schedule",
        _TEXT,
        _ID,
        "schedule of the learning rate: 'constant', 'cosine', 'warmup_cosine' or "
        "'warmup_stable_decay'",
        default="constant",
        split=Split.SETTING,
    ),
    Field(
        "warmup",
        _DOUBLE,
        _LANE,
        "share of all steps, the first ones, in which the learning rate rises",
        default=0.0,
        split=Split.SETTING,
    ),
    Field(
        "decay",
        _DOUBLE,
        _LANE,
        "share of all steps, the last ones, in which the rate of "
        "'warmup_stable_decay' falls",
        default=0.0,
        split=Split.SETTING,
    ),
    Field(
        "final",
        _DOUBLE,
        _LANE,
        "learning rate at the end of a schedule, as a share of the highest",
        default=0.0,
        split=Split.SETTING,
    ),
    Field(
        "batching",
        _TEXT,
        _ID,
        "'epochs' of shuffled batches, the 'full' training set at every step, or "
        "'fresh' examples of a teacher",
        default="epochs",
        split=Split.SETTING,
    ),
    Field(
        "shuffled_labels",
        _TRUTH,
        _ID,
        "whether training labels are permuted at random, as a control",
        default=False,
        split=Split.SETTING,
    ),
    Field(
        "until_test_loss",
        _DOUBLE,
        _ID,
        "test loss at which a run ends before its last epoch; 0 for none",
        default=0.0,
        split=Split.PROTOCOL,
    ),
    Field(
        "steps",
        _LONG,
        _ID,
        "training steps of a run, instead of epochs; 0 for epochs",
        default=0,
        split=Split.PROTOCOL,
    ),
    Field(
        "activation",
        _TEXT,
        _ID,
        "nonlinearity of the hidden layers of an mlp: 'relu' or 'erf'",
        default="relu",
        split=Split.SETTING,
    ),
    Field(
        "linearised",
        _TRUTH,
        _ID,
        "whether the network is its first-order expansion about the initialisation",
        default=False,
        split=Split.SETTING,
    ),
    Field(
        "augmentation",
        _TEXT,
        _ID,
        "'flips_crops', random flips and crops of the images of each batch, or 'none'",
        default="none",
        split=Split.SETTING,
    ),
    Field(
        "part",
        _LONG,
        _LANE,
        "number of the training set among the disjoint training sets of its size, from "
        "0, into which the seed divides the data",
        default=0,
        split=Split.SETTING,
        several="parts",
    ),
    Field(
        "network_source",
        _TEXT,
        _ID,
        "digest of the code of a user's own network; 'none' for the others",
        default="none",
        split=Split.PROTOCOL,
    ),
    Field(
        "parameterisation",
        _TEXT,
        _ID,
        "how initialisation and learning rates depend on width: 'standard' or 'mup'",
        default="standard",
        split=Split.SETTING,
    ),
    Field(
        "base_width",
        _INT,
        _ID,
        "width at which the parameterisation 'mup' is the standard one",
        default=1,
        split=Split.SETTING,
    ),
    Field(
        "guessing_loss",
        _DOUBLE,
        _ID,
        "test loss of guessing the training classes' frequencies; null if not known",
        default=None,
        configured=False,
    ),
    Field("step", _LONG, _AT, "training steps so far", configured=False),
    Field("epoch", _DOUBLE, _AT, "passes so far, may be fractional", configured=False),
    Field("train_loss", _SINGLE, _SEEN, "on the training set", configured=False),
    Field("test_loss", _SINGLE, _SEEN, "on the test set", configured=False),
    Field("train_accuracy", _SINGLE, _SEEN, "share of correct", configured=False),
    Field("test_accuracy", _SINGLE, _SEEN, "share of correct", configured=False),
    Field("diverged", _TRUTH, _SEEN, "whether a loss was not finite", configured=False),
)


def columns() -> tuple[Field, ...]:
    """The fields that the run table has, in order."""
    return tuple(field for field in FIELDS if field.column)


def schema() -> pa.Schema:
    """The run table's schema."""
    return pa.schema([(field.name, field.type) for field in columns()])


def named(*roles: Role) -> tuple[str, ...]:
    """The names of the columns with these roles."""
    return tuple(field.name for field in columns() if field.role in roles)


def config_columns() -> tuple[str, ...]:
    """The names of the columns that a config gives, its id first."""
    return ("run_id", *(field.name for field in columns() if field.configured))


def measured() -> tuple[str, ...]:
    """The names of the measured numbers."""
    seen = (field for field in columns() if field.role is Role.MEASUREMENT)
    return tuple(field.name for field in seen if field.kind is float)


def lanes() -> tuple[str, ...]:
    """The names of the numbers in which runs of one program may differ."""
    return _lanes(FIELDS)


@functools.cache
def _lanes(fields: tuple[Field, ...]) -> tuple[str, ...]:
    """Returns the names of lanes, once for all of many thousand configs."""
    return tuple(f.name for f in fields if f.column and f.role is Role.LANE)


def apart(split: Split) -> tuple[str, ...]:
    """The names of the fields with this split."""
    return tuple(field.name for field in FIELDS if field.split is split)


def family() -> tuple[str, ...]:
    """The names of the fields that the runs of a family share."""
    return apart(Split.FAMILY)


def setting_of(table: pd.DataFrame) -> tuple[str, ...]:
    """The names of the fields that the runs of one panel of a figure share.

    A field added after version 0.1 is included only if some run has a value other than
    the default.
    """
    splits = Split.FAMILY, Split.SETTING
    return tuple(f.name for f in FIELDS if f.split in splits and _counts(table, f))


def axes_of(table: pd.DataFrame) -> tuple[str, ...]:
    """The names of the axes of these runs' grid: all axes and lanes but the part.

    A field added after version 0.1 is included only if some run has a value other than
    the default. The number of parts depends on the train size.
    """
    axes = (f for f in FIELDS if f.split is Split.AXIS or f.role is Role.LANE)
    kept = (f for f in axes if f.name != "part")
    return tuple(field.name for field in kept if _counts(table, field))


def _counts(table: pd.DataFrame, field: Field) -> bool:
    if field.default is NEEDED:
        return True
    # an unknown value, in logs, does not differ from the default
    known = table[field.name].dropna() if field.name in table else pd.Series()
    return bool((known != field.default).any())


def identify(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the entries of a config that determine its id.

    These are all fields of version 0.1, and later fields with a value other than the
    default.
    """
    default = _defaults(FIELDS)
    return {k: v for k, v in config.items() if v != default[k]}


@functools.cache
def _defaults(fields: tuple[Field, ...]) -> dict[str, Any]:
    """Returns the defaults of a config, once for all of many thousand configs."""
    return {field.name: field.default for field in fields if field.configured}


def describe(fields: Mapping[str, Any]) -> str:
    """Returns the known values of columns of the run table, in words."""
    return ", ".join(
        _words(name, value) for name, value in fields.items() if value is not None
    )


def _words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"{'' if value else 'no '}{name.replace('_', ' ')}"
    if isinstance(value, str):
        return value
    if value < 1e6:
        return f"{name} {value:g}"
    whole = float(f"{value:.3g}") == value  # no digit is lost
    return f"{name} {short(value) if whole else f'{value:,}'}"
