"""The flags of Slurm, and the wait for its tasks."""

import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from scaletime_jax.errors import InputError
from scaletime_jax.sweep.arrivals import Arrivals
from scaletime_jax.sweep.plan import Unit, count_programs
from scaletime_jax.sweep.slurm import Slurm, name_of, train_on_slurm
from scaletime_jax.words import count_of
from shell import flags as common
from shell.interrupt import adding

MAX_JOBS = flags.DEFINE_integer(
    "max_jobs", 8, "Slurm's tasks at once, at most one for each program.", lower_bound=1
)
TIME = flags.DEFINE_integer(
    "slurm_time",
    60,
    "Minutes after which a task of Slurm ends and is queued again.",
    lower_bound=1,
)
PARTITION = flags.DEFINE_string("slurm_partition", None, "Partition of Slurm's tasks.")
GPUS = flags.DEFINE_integer(
    "slurm_gpus", 0, "GPUs for each of Slurm's tasks.", lower_bound=0
)
OPTIONS = flags.DEFINE_list(
    "slurm_options", [], "Further options of sbatch, such as account=me,mem=8G."
)


def wanted() -> Slurm:
    """Returns what the flags ask of Slurm."""
    options = {}
    for each in OPTIONS.value:
        name, equals, value = each.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise InputError(
                f"--slurm_options: {each!r} is not option=value, such as mem=8G."
            )
        options[name.strip().lstrip("-")] = value.strip()
    return Slurm(MAX_JOBS.value, TIME.value, PARTITION.value, GPUS.value, options)


def describe(units: Sequence[Unit], folder: pathlib.Path) -> str:
    """Returns the array of tasks in a sentence."""
    tasks = min(MAX_JOBS.value, count_programs(units))
    return (
        f"Slurm gets an array of {count_of(tasks, 'task')} named {name_of(folder)}, "
        f"with {wanted()}; each trains runs that no other has begun."
    )


def wait_for_tasks(units: Sequence[Unit], arrivals: Arrivals) -> None:
    """Trains units in Slurm's tasks and waits for them.

    Raises:
        InputError: Slurm does not take the tasks, or runs are missing at their end.
    """
    script, *given = sys.argv
    where = f"--workdir={common.workdir().absolute()}"
    command = [sys.executable, script, *given, where, "--launcher=task"]
    configs = [config for unit in units for config in unit.configs]
    go_on = f"The tasks go on; scancel -n {name_of(arrivals.folder)} ends them."
    asked = arrivals, count_programs(units), command, wanted()
    with adding(go_on):
        left = train_on_slurm(configs, *asked)
    if left:
        raise InputError(
            f"{count_of(left, 'run')} missing although all tasks of Slurm have ended; "
            "mend what their logs say, and start the same command again."
        )
