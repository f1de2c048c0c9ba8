"""The columns of logs: which column is which quantity, under its usual names."""

import difflib
import pathlib
import re
from collections.abc import Container, Mapping, Sequence

from scaletime_jax.errors import InputError
from scaletime_jax.runs import fields
from scaletime_jax.runs.clock import EPOCHS, EXAMPLES, STEPS, TOKENS, UNITS

# Columns of the run table that logs cannot set.
OURS = {"run_id", "diverged", "steps"}
# Quantities of logs that are no columns of the run table: other times, the time since
# the start of the run, the planned length of the run, and the name of the run.
OTHERS = (TOKENS, EXAMPLES, "seconds", "horizon", "run")
KNOWN = (
    *(each.name for each in fields.columns() if each.name not in OURS),
    *OTHERS,
)
# Usual names of quantities, in small letters, with _ for all but letters and digits.
ALIASES = {
    "num_params": (
        "num_parameters n_params n_parameters nparams params parameters param_count "
        "parameter_count model_params model_parameters total_params trainable_params "
        "model_size"
    ),
    EPOCHS: "epochs train_epoch trainer_epoch",
    TOKENS: (
        "tokens_seen num_tokens n_tokens train_tokens total_tokens tokens_trained "
        "num_tokens_seen train_tokens_seen train_num_tokens_seen num_input_tokens_seen "
        "train_num_input_tokens_seen consumed_tokens tokens_processed "
        "throughput_total_tokens"
    ),
    EXAMPLES: (
        "examples_seen num_examples_seen samples_seen num_samples_seen "
        "consumed_samples consumed_train_samples train_samples_seen"
    ),
    STEPS: (
        "steps global_step train_global_step trainer_global_step iteration iterations "
        "iter iters train_step training_step num_steps num_updates"
    ),
    "test_loss": (
        "val_loss valid_loss validation_loss eval_loss dev_loss heldout_loss "
        "held_out_loss loss_val loss_valid loss_validation loss_eval loss_test "
        "loss_dev val_ce eval_ce validation_ce"
    ),
    "train_loss": "training_loss loss_train loss_training",
    "test_accuracy": (
        "val_accuracy val_acc valid_acc eval_accuracy eval_acc test_acc accuracy_val "
        "accuracy_test accuracy_eval"
    ),
    "train_accuracy": "train_acc training_accuracy accuracy_train",
    "train_size": (
        "n_train num_train train_examples num_train_examples training_examples "
        "unique_tokens dataset_size"
    ),
    "seed": "random_seed rng_seed random_state",
    "batch_size": "batch global_batch_size train_batch_size total_batch_size",
    "seconds": "runtime elapsed elapsed_seconds wall_seconds relative_time_process",
    "horizon": (
        "planned_length epochs_planned max_epochs tokens_planned max_tokens max_steps "
        "steps_planned"
    ),
    "run": "run_name run_id name",
}
LETTERS = {"N": "num_params", "D": TOKENS}  # as papers on scaling write them
_BY_ALIAS = {alias: name for name, words in ALIASES.items() for alias in words.split()}
_LOSSES = ("loss", "train_loss")  # measured, perhaps, on data that were not trained on


def match_columns(
    path: pathlib.Path, columns: Sequence[str], asked: Mapping[str, str]
) -> dict[str, str]:
    """Returns the columns of a log by quantity.

    A column with the name of a quantity is taken first, then a column with a usual name
    of it: `val_loss`, `eval/loss` or `Loss/val` is the test loss.

    Args:
        path: the log, for messages.
        columns: the names of its columns.
        asked: columns by quantity, which overrule the usual names; a column that the
            log lacks is looked for under its usual names.

    Raises:
        InputError: two columns may be one quantity, `asked` names no quantity, or a
            name is nearly that of a quantity.
    """
    check_asked(asked)
    found = {name: each for name, each in asked.items() if each in columns}
    rest = [each for each in columns if each not in found.values()]
    candidates: dict[str, list[str]] = {}
    for column in rest:
        name = quantity_of(column)
        if name and name not in found:
            candidates.setdefault(name, []).append(column)
    for name, several in candidates.items():
        exact = [each for each in several if each == name]
        if len(several) > 1 and not exact:
            words = " and ".join(map(repr, several))
            raise InputError(
                f"{path}: the columns {words} may all be {name}; choose one, such as "
                f"{name}={several[0]}.",
                columns=f"{name}={several[0]}",
            )
        found[name] = (exact or several)[0]
    _refuse_typos(path, [each for each in rest if not quantity_of(each)], found)
    return found


def check_asked(asked: Mapping[str, str]) -> None:
    """Raises InputError unless `asked` has a column for each of some quantities."""
    if not isinstance(asked, Mapping):
        raise InputError(
            'columns must be a dict of columns by quantity, such as {"test_loss": '
            f'"my/loss"}}, got {asked!r}.'
        )
    for name in asked:
        if name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1)
            hint = f"is {near[0]!r} meant?" if near else f"choose among {_list(KNOWN)}."
            raise InputError(f"{name!r} is no quantity of a log; {hint}", columns=None)


def quantity_of(column: str) -> str | None:
    """Returns the quantity that a column's name usually means; None if none."""
    if column in KNOWN:
        return column
    if column in LETTERS:
        return LETTERS[column]
    plain = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
    return plain if plain in KNOWN else _BY_ALIAS.get(plain)


def time_of(found: Container[str], asked: Container[str]) -> str | None:
    """Returns the unit of the training time among quantities; None if none.

    Epochs of a known train size come first, because they tell repeated data; then
    tokens and examples, then epochs alone, then steps. A unit in `asked` comes before
    all others.
    """
    chosen = [unit for unit in UNITS if unit in asked and unit in found]
    known = [unit for unit in UNITS if unit in found]
    if EPOCHS in known and "train_size" not in found and len(known) > 1:
        later = TOKENS in known or EXAMPLES in known
        known = [unit for unit in known if unit != EPOCHS or not later]
    return next(iter([*chosen, *known]), None)


def lacks(path: pathlib.Path, name: str, columns: Sequence[str]) -> InputError:
    """Returns the error of a log without a needed quantity."""
    losses = [each for each in columns if quantity_of(each) in _LOSSES]
    others = [each for each in columns if quantity_of(each) is None]
    near = difflib.get_close_matches(name, others, n=1, cutoff=0.5)
    if name == "test_loss" and losses and not near:
        return InputError(
            f"{path} lacks the column 'test_loss'; if {losses[0]!r} was measured on "
            f"data that had not been trained on, give test_loss={losses[0]}; it has "
            f"{_list(columns)}.",
            columns=f"test_loss={losses[0]}",
        )
    hint = f"is {near[0]!r} meant?" if near else f"it has {_list(columns)}."
    if path.is_dir() and not near:
        hint += f" A CSV in the folder may have it, with the columns run and {name}."
    return InputError(f"{path} lacks the column {name!r}; {hint}", columns=None)


def lacks_asked(
    path: pathlib.Path, name: str, column: str, columns: Sequence[str]
) -> InputError:
    """Returns the error of a log without the column that was asked for."""
    near = difflib.get_close_matches(column, columns, n=1, cutoff=0.5)
    hint = f"is {near[0]!r} meant?" if near else f"it has {_list(columns)}."
    return InputError(
        f"{path} has no column {column!r} for {name}; {hint}", columns=None
    )


def describe_taken(found: Mapping[str, str]) -> str:
    """Returns what was taken for what, for quantities with other names."""
    return ", ".join(
        f"{name} from {column}" for name, column in found.items() if name != column
    )


def _refuse_typos(
    path: pathlib.Path, others: Sequence[str], found: Mapping[str, str]
) -> None:
    told = {*found, "num_params", "test_loss", EPOCHS}  # if needed, `lacks` tells
    for name in (each for each in KNOWN if each not in told):
        near = difflib.get_close_matches(name, others, n=1, cutoff=0.88)
        if near:
            raise InputError(
                f"{path} has a column {near[0]!r}; rename it to {name!r} if that is "
                "meant, else give it a less similar name.",
                columns=f"{name}={near[0]}",
            )


def _list(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
