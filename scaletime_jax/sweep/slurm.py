"""A sweep as an array of Slurm's tasks, which share its runs by claims.

Every task runs the same command, which trains what no other process trains, into one
folder on a file system that all nodes share. So the tasks need no list of their own:
fast ones do more, and what a lost one leaves is trained by another. The table of runs
is the only record of what is done.
"""

import contextlib
import getpass
import hashlib
import pathlib
import pickle
import shutil
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TextIO

from scaletime_jax.errors import InputError
from scaletime_jax.runs.store import write_whole
from scaletime_jax.sweep.arrivals import Arrivals
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.words import count_of

LOOKS = 2.0  # seconds between looks at folder and queue
STOP = 20.0  # seconds that training has to end in
TAIL = 5  # lines of a failed task's log
FAILED = "training ended with exit code"
PROBE = ".probe-"


class Slurm(NamedTuple):
    """What to ask of Slurm.

    Attributes:
        max_jobs: the most tasks at once.
        minutes: the time limit of a task; a task that reaches it is queued again.
        partition: None for Slurm's own default.
        gpus: for each task.
        options: further options of `sbatch`, by name.
    """

    max_jobs: int = 8
    minutes: int = 60
    partition: str | None = None
    gpus: int = 0
    options: Mapping[str, str] = {}

    def __str__(self) -> str:
        """The options of `sbatch`, in words."""
        words = [f"time={self.minutes}"]
        words += [f"partition={self.partition}"] if self.partition else []
        words += [f"gpus-per-node={self.gpus}"] if self.gpus else []
        return ", ".join([*words, *(f"{k}={v}" for k, v in self.options.items())])


class Task:
    """What a task of the array does; submitit writes it to a file."""

    def __init__(self, command: Sequence[str], folder: str, probe: str):
        self.command, self.folder, self.probe = list(command), folder, probe

    def __call__(self) -> None:
        """Trains until no run is free.

        Raises:
            RuntimeError: the folder is not that of the process that submitted the task,
                or training failed.
        """
        if not pathlib.Path(self.probe).exists():
            raise RuntimeError(
                f"{pathlib.Path(self.probe).parent} is not shared with this node; "
                "choose a workdir on a file system that all nodes share."
            )
        self.child = subprocess.Popen(
            self.command, cwd=self.folder, stderr=subprocess.PIPE, text=True
        )
        last: deque[str] = deque(maxlen=TAIL)
        for line in self.child.stderr or ():
            print(line, end="", file=sys.stderr, flush=True)
            last.append(line)
        if code := self.child.wait():
            told = "".join(last).strip()
            raise RuntimeError(f"{FAILED} {code}\n{told}")

    def checkpoint(self) -> Any:
        """Ends training before Slurm does, and queues the task again."""
        from submitit.helpers import DelayedSubmission

        self.child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(STOP)
        return DelayedSubmission(Task(self.command, self.folder, self.probe))


def name_of(folder: pathlib.Path) -> str:
    """Returns the name of the tasks that train into a folder of runs."""
    where = str(folder.absolute()).encode()
    return f"scaletime-{hashlib.sha256(where).hexdigest()[:10]}"


def check_slurm() -> None:
    """Raises InputError where Slurm or submitit is not installed."""
    if shutil.which("sbatch") is None:
        raise InputError(
            "there is no sbatch on this machine, so that Slurm cannot be asked; start "
            "the command on a login node, or train here.",
            launcher="local",
        )
    try:
        import submitit  # noqa: F401
    except ImportError:
        raise InputError(
            "Slurm is asked through submitit, which is not installed; pip install "
            '"scaletime_jax[slurm]".',
            launcher="local",
        ) from None


def queued(name: str) -> dict[str, str]:
    """Returns the states of this user's tasks of a name, by Slurm's id."""
    words = ["squeue", "-h", "-r", "-o", "%i %T", "-n", name, "-u", getpass.getuser()]
    asked = subprocess.run(words, capture_output=True, text=True)
    if asked.returncode:
        raise InputError(f"Slurm does not answer ({_first(asked.stderr)}); try again.")
    pairs = (line.split() for line in asked.stdout.splitlines() if line.strip())
    return {job: state for job, state in pairs}


def train_on_slurm(
    missing: Sequence[RunConfig],
    arrivals: Arrivals,
    programs: int,
    command: Sequence[str],
    slurm: Slurm,
    stream: TextIO | None = None,
) -> int:
    """Waits until the tasks have trained the runs, and returns how many are left.

    Tasks that are queued for the folder, by an earlier call, are taken over.

    Args:
        missing: the runs.
        arrivals: the new runs of the folder, from before the runs were found missing.
        programs: number of programs that the runs need.
        command: what a task runs.
        slurm: what to ask for.
        stream: where to show progress; None for the standard error.

    Raises:
        InputError: Slurm does not take the tasks.
    """
    check_slurm()
    stream, folder = stream or sys.stderr, arrivals.folder
    logs, name = folder.parent / "slurm", name_of(folder)
    logs.mkdir(parents=True, exist_ok=True)
    # stays, as the files of submitit do: after Ctrl-C tasks may begin much later
    probe = (logs / f"{PROBE}{uuid.uuid4().hex[:12]}").absolute()
    write_whole(probe, b"")
    there = queued(name)
    new = max(0, min(slurm.max_jobs, programs) - len(there))
    task = Task(command, str(pathlib.Path.cwd()), str(probe))
    jobs = _jobs(logs, there) + _submit(task, new, logs, name, slurm)
    ids = ", ".join(str(job.job_id) for job in jobs)
    print(
        f"Slurm trains {count_of(len(missing), 'run')} in "
        f"{count_of(len(jobs), 'task')} ({ids}), logs in {logs}.",
        file=stream,
        flush=True,
    )
    return _watch(missing, arrivals, name, jobs, stream)


def _jobs(logs: pathlib.Path, ids: Iterable[str]) -> list[Any]:
    from submitit import SlurmJob

    return [SlurmJob(folder=logs, job_id=each) for each in ids]


def _submit(
    task: Task, count: int, logs: pathlib.Path, name: str, slurm: Slurm
) -> list[Any]:
    """Submits an array of equal tasks and returns them."""
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError

    if not count:
        return []
    executor = SlurmExecutor(folder=logs, max_num_timeout=1000)
    executor.update_parameters(
        job_name=name,
        time=slurm.minutes,
        array_parallelism=slurm.max_jobs,
        signal_delay_s=60,
        **({"partition": slurm.partition} if slurm.partition else {}),
        **({"gpus_per_node": slurm.gpus} if slurm.gpus else {}),
        additional_parameters=dict(slurm.options),
    )
    try:
        with executor.batch():
            jobs = [executor.submit(task) for _ in range(count)]
        return jobs
    except FailedJobError as error:
        raise InputError(
            f"Slurm does not take the tasks ({_first(str(error))}); change what is "
            "asked for.",
            slurm_partition=slurm.partition,
        ) from None


def _watch(
    missing: Sequence[RunConfig],
    arrivals: Arrivals,
    name: str,
    jobs: Sequence[Any],
    stream: TextIO,
) -> int:
    """Shows what happens until all runs have come, or no task is left."""
    wanted = {config.run_id: config for config in missing}
    said, failed = "", set()
    while True:
        states = queued(name)  # before the runs that ended tasks have left
        for run in arrivals.look(wanted):
            del wanted[run]
        running = sum(state == "RUNNING" for state in states.values())
        words = (
            f"[{len(missing) - len(wanted)}/{len(missing)} runs] "
            f"{count_of(running, 'task')} running, {len(states) - running} waiting"
        )
        if words != said:
            print(words, file=stream, flush=True)
            said = words
        for job in jobs:
            if job.job_id not in failed and (why := _failure(job, states)):
                failed.add(job.job_id)
                print(f"task {job.job_id} failed: {why}", file=stream, flush=True)
        if not wanted or not states:
            return len(wanted)
        time.sleep(LOOKS)


def _failure(job: Any, states: Mapping[str, str]) -> str:
    """Returns why an ended task failed, with the last lines of its log; '' if not."""
    if job.job_id in states:
        return ""
    log, result = job.paths.stderr, job.paths.result_pickle
    text = log.read_text() if log.exists() else ""
    if result.exists():  # else the task was killed
        outcome, text = pickle.loads(result.read_bytes())
        if outcome == "success":
            return ""
        text = text[max(0, text.rfind(FAILED)) :]
    return "\n  ".join([f"see {log}", *text.splitlines()[-TAIL - 1 :]])


def _first(text: str) -> str:
    """Returns the first line of what a program said."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower()]
    return (told or lines or ["no reason given"])[0].rstrip(".")
