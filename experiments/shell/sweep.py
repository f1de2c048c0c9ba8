"""What every experiment that trains shares: the flags of a sweep, and the sweep."""

import pathlib
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import pandas as pd
from absl import flags

from scaletime_jax.data.altered import add_noise, group_classes
from scaletime_jax.data.limits import limit_test, limit_train
from scaletime_jax.data.sources import Dataset, load_dataset, pool_dataset
from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.runs.fields import FIELDS, NEEDED, Field
from scaletime_jax.sweep.arrivals import Arrivals
from scaletime_jax.sweep.claims import holders
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.grid import axes_of_grid, paper_grid
from scaletime_jax.sweep.plan import plan_sweep
from scaletime_jax.sweep.progress import clock
from scaletime_jax.sweep.runner import MINUTES, check_memory, run_sweep
from scaletime_jax.sweep.slurm import check_slurm
from scaletime_jax.training.optimizers import OPTIMIZERS
from scaletime_jax.words import count_of
from shell import flags as common
from shell import slurm
from shell.duration import describe_duration
from shell.flags import numbers, truths
from shell.interrupt import saving

DATASET = flags.DEFINE_list(
    "dataset",
    "mnist12k",
    "What to train on: mnist12k (inside the package), a TFDS name such as mnist or "
    "cifar10 (with --data_dir), npz:PATH, idx:DIR, teacher:d=4,width=96 or text:PATH "
    "(bytes, for the transformer); NAME=WHAT calls it NAME. Several with commas.",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Where TFDS keeps prepared datasets; its own default if not set."
)
ARCHITECTURE = flags.DEFINE_list(
    "architecture",
    "mlp",
    "mlp (five hidden layers of 10 x width units), mlp2 (two of width units), cnn, "
    "myrtle (four convolutions of width channels), pooled_cnn (three convolutions and "
    "two dense layers), wrn10, wrn16, wrn22, wrn28 or wrn40 (wide residual networks, "
    "k = width / 4), transformer (of bytes; two blocks of 8 x width channels), or "
    "several of them; or a network of your own, NAME=FILE.py:FUNCTION, where "
    "FUNCTION(width, num_outputs) returns a Flax module or a models.network.Network.",
)
WIDTHS = flags.DEFINE_list("widths", "1,2,5,10,20", "Widths s of the network.")
TRAIN_SIZES = flags.DEFINE_list(
    "train_sizes", "500,1000,2000,5000", "Numbers of training examples."
)
TEST_SIZE = flags.DEFINE_integer(
    "test_size",
    None,
    "Test examples to evaluate on, a fixed subset with equally many of each class; "
    "all of them if not set. A part keeps evaluation of wide CNNs affordable on a CPU.",
)
POPULATION = flags.DEFINE_integer(
    "population",
    None,
    "Training examples from which training sets are drawn, a fixed part with equally "
    "many of each class; all of them if not set.",
)
POOL = flags.DEFINE_integer(
    "pool", 1, "Average images over squares of this many pixels a side; 1 for none."
)
SUPERCLASSES = flags.DEFINE_list(
    "superclasses",
    None,
    "Numbers of classes to group neighbouring classes into, divisors of their number; "
    "each makes another dataset.",
)
INPUT_NOISE = flags.DEFINE_list(
    "input_noise",
    "0",
    "Standard deviations of Gaussian noise added to inputs in [-1, 1], the same draw "
    "for each; each makes another dataset.",
)
OPTIMIZER = flags.DEFINE_list(
    "optimizer", "sgd", f"{', '.join(OPTIMIZERS)}, or several of them."
)
RATES = flags.DEFINE_list(
    "learning_rates",
    None,
    "Learning rates; if not set 0.01 for sgd and 0.001 for adam, as in the paper.",
)
LABEL_NOISE = flags.DEFINE_list(
    "label_noise", "0", "Shares of training labels replaced by another class."
)
SEEDS = flags.DEFINE_list(
    "seeds", "101,102,103,104,105", "Each draws its own data, weights and order."
)
EPOCHS = flags.DEFINE_integer("epochs", 100, "Passes through the training set.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Examples a training step.")
INIT = flags.DEFINE_string(
    "init", "pytorch", "Initialisation: pytorch, lecun, he, ntk or glorot."
)
LOSS = flags.DEFINE_string("loss", "mse", "Training loss: mse or cross_entropy.")
RECORD = flags.DEFINE_string(
    "record",
    "both",
    "When to evaluate: at the end of epochs; at log_steps, ten a decade (for little "
    "data, where each epoch's evaluation would take most of the time); both, log_steps "
    "within the first three epochs only; or only at the end (for timing).",
)
PRECISION = flags.DEFINE_enum(
    "matmul_precision",
    "float32",
    ["float32", "tensorfloat32"],
    "Matrix products on accelerators: float32, or tensorfloat32 (10 bits of mantissa, "
    "faster on NVIDIA GPUs). A CPU computes in float32 whatever this says.",
)
CHECKPOINTS = flags.DEFINE_float(
    "checkpoint_minutes",
    MINUTES,
    "Minutes between two checkpoints of a run in training, from which the same command "
    "goes on after the process has ended, for whatever reason; 0 for none.",
    lower_bound=0.0,
)
LAUNCHER = flags.DEFINE_enum(
    "launcher",
    "local",
    ["local", "slurm", "task"],
    "Where to train: here; in an array of Slurm's tasks, which this process watches; "
    "or as one of several tasks, which trains what no other process trains, does not "
    "wait, and draws nothing.",
)


def use_table1() -> None:
    """Makes the setting of [B21, Table 1] the default: Keras's Adam, 50 epochs."""
    flags.set_default(ARCHITECTURE, ["pooled_cnn"])
    flags.set_default(OPTIMIZER, ["adam"])
    flags.set_default(INIT, "glorot")
    flags.set_default(LOSS, "cross_entropy")
    flags.set_default(EPOCHS, 50)
    flags.set_default(RECORD, "log_steps")


def load_datasets() -> dict[str, Dataset]:
    """Loads what --dataset names."""
    datasets = {}
    for name in _whole_names(DATASET.value):
        dataset = load_dataset(name, DATA_DIR.value)
        if POPULATION.value is not None:
            dataset = limit_train(dataset, POPULATION.value)
        dataset = pool_dataset(dataset, POOL.value)
        if TEST_SIZE.value is not None:
            dataset = limit_test(dataset, TEST_SIZE.value)
        for altered in _alter(dataset):
            if altered.name in datasets:
                raise InputError(f"--dataset: two are called {altered.name!r}.")
            datasets[altered.name] = altered
    return datasets


def pooled_name(name: str) -> str:
    """Returns the name that a dataset has after --pool."""
    return name if POOL.value == 1 else f"{name}-pool{POOL.value}"


def _alter(dataset: Dataset) -> Iterator[Dataset]:
    """Yields the dataset with each number of classes and each strength of noise."""
    groups = [None] if SUPERCLASSES.value is None else numbers(SUPERCLASSES, int)
    for number in groups:
        grouped = dataset if number is None else group_classes(dataset, number)
        for strength in numbers(INPUT_NOISE, float):
            yield add_noise(grouped, strength)


def _whole_names(parts: list[str]) -> list[str]:
    """Joins the parts of a name, which the flag's commas have separated."""
    names: list[str] = []
    for part in parts:
        is_part = re.fullmatch(r"\w+=\d+", part)
        if names and is_part and re.search(r"\b(teacher|text):", names[-1]):
            names[-1] += f",{part}"
        else:
            names.append(part)
    return names


def _define_later_fields() -> None:
    """Defines a flag for each field that configs of version 0.1 did not have."""
    for field in FIELDS:
        if field.configured and field.default is not NEEDED:
            flags.DEFINE_list(field.choice, str(field.default), field.describes)


_define_later_fields()


def chosen(field: Field) -> list:
    """Returns the values of a field that its flag asks for."""
    flag = flags.FLAGS[field.choice]
    if flag.value is None:
        return []
    if not isinstance(flag.value, list):
        return [flag.value]
    if field.kind is bool:
        return truths(flag)
    return flag.value if field.kind is str else numbers(flag, field.kind)


def make_configs(datasets: dict[str, Dataset]) -> list[RunConfig]:
    """Returns the runs that the flags ask for."""
    if not datasets:
        raise InputError("--dataset is empty; give at least one name.")
    axes = {field.choice: chosen(field) for field in axes_of_grid()}
    if RATES.value is None:
        del axes[RATES.name]
    grids = [paper_grid(dataset, **axes) for dataset in datasets.values()]
    return [config for grid in grids for config in grid]


def runs_folder() -> pathlib.Path:
    """Returns where the run table lies."""
    return common.workdir() / "runs"


Check = Callable[[pd.DataFrame], None]


class Trained(NamedTuple):
    """What a sweep has.

    Attributes:
        table: of its runs.
        origin: how many of them were trained now, in a sentence.
    """

    table: pd.DataFrame
    origin: str


def train(datasets: dict[str, Dataset], check: Check | None = None) -> Trained | None:
    """Trains what is missing and returns the whole sweep; None for a dry run.

    Args:
        datasets: datasets by name.
        check: refuses, before training, a grid that answers no question of the study.
    """
    configs, folder = make_configs(datasets), runs_folder()
    if LAUNCHER.value == "slurm" and not common.DRY_RUN.value:
        check_slurm()
    if check is not None:
        check(_as_table(configs))
    if common.DRY_RUN.value:
        describe(configs, datasets, folder)
        return None
    store.prepare(folder)
    arrivals = Arrivals(folder)
    units = plan_sweep(configs, datasets, folder).missing
    missing = sum(len(unit.configs) for unit in units)
    start = time.monotonic()
    arrived: list[int] = []
    if LAUNCHER.value == "slurm" and missing:
        slurm.wait_for_tasks(units, arrivals)
    is_task = LAUNCHER.value == "task"
    with saving() as stop:
        table = run_sweep(
            configs,
            datasets,
            folder,
            PRECISION.value,
            arrived.append,
            wait=not is_task,
            checkpoint_minutes=CHECKPOINTS.value,
            stop=stop,
        )
    if is_task:
        return None
    took = clock(time.monotonic() - start)
    origin = f"Nothing was left to train: {count_of(len(configs), 'run')} of {folder}."
    if missing:
        which = count_of(len(configs), "run")
        which = which if missing == len(configs) else f"{missing:,} of {which}"
        elsewhere = f", {sum(arrived):,} by other processes" if arrived else ""
        origin = f"Trained {which} in {took}{elsewhere}."
    return Trained(table, origin)


def _as_table(configs: list[RunConfig]) -> pd.DataFrame:
    """Returns a row per run; words are shared, which of a large grid take memory."""
    columns = {}
    for name, value in configs[0].values.items():
        values = [getattr(config, name) for config in configs]
        kind = object if isinstance(value, str) else None
        columns[name] = pd.Series(values, dtype=kind)
    return pd.DataFrame(columns)


def describe(configs, datasets: dict[str, Dataset], folder: pathlib.Path) -> None:
    """Prints what a sweep would train, with its work and memory."""
    store.check_writable(folder)
    plan = plan_sweep(configs, datasets, folder, mend=False)
    units = plan.missing
    missing = sum(len(unit.configs) for unit in units)
    print(
        f"{count_of(len(configs), 'run')}: {len(configs) - missing:,} in {folder}, "
        f"{missing:,} to train as {count_of(plan.num_programs, 'program')}."
    )
    if not units:
        return
    runs = (config.run_id for unit in units for config in unit.configs)
    if at_work := [holder.label for holder in holders(folder, runs)]:
        print(f"In training now: {', '.join(at_work)}.")
    print(f"{'':52}{'runs':>5}{'steps/run':>11}{'GFLOP':>13}{'MiB/run':>9}")
    for unit in units:
        print(
            f"{unit.label:52}{len(unit.configs):5}"
            f"{unit.configs[0].records[-1]:11,}{unit.flops / 1e9:13,.0f}"
            f"{unit.lane_bytes / 2**20:9.1f}"
        )
    data = max(d.train_images.nbytes + d.test_images.nbytes for d in datasets.values())
    print(
        f"In all {count_of(sum(unit.steps for unit in units), 'step')}, "
        f"{sum(unit.flops for unit in units) / 1e12:,.2f} TFLOP; a device holds the "
        f"images ({data / 2**20:.0f} MiB) and its share of a program's runs."
    )
    print(describe_duration(units, datasets))
    if LAUNCHER.value == "slurm":
        print(slurm.describe(units, folder))
    try:
        check_memory(units, jax.local_devices()[0])
    except InputError as error:  # another machine may have more memory
        print(f"warning: {error}", file=sys.stderr)
