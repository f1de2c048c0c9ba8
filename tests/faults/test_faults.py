"""A sweep that fails anywhere, by anything, loses nothing and does nothing twice.

pytest -n 0 -s -m slow tests/faults
"""

import collections
import contextlib
import errno
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from scripts import ROOT

from scaletime_jax.runs import store

AXES = ("--widths=1,2", "--train_sizes=64,128", "--seeds=1,2", "--epochs=4")
GRID = (*AXES, "--test_size=100", "--checkpoint_minutes=1e-9")

# What a sweep of several faults may leave beside tables and results, after its end.
DAMAGED = ".damaged"
PATIENCE = 240  # seconds for a script, on a machine with much else to do


def wait_until(happens, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)


class Nursery:
    """Starts scripts in one workdir, or in several."""

    def __init__(self, folder):
        self.folder, self.number = folder, 0
        self.env = {"XDG_CACHE_HOME": str(folder / "cache")}
        env = {**os.environ, "JAX_PLATFORMS": "cpu", **self.env}
        env.pop("JAX_COMPILATION_CACHE_DIR", None)  # programs are kept in our own
        self.process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).with_name("nursery.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            text=True,
        )
        ready = self.process.stdout.readline()
        assert ready == "ready\n"

    def start(self, workdir, fault=None, *flags):
        """Starts the script, which fails so."""
        self.number += 1
        said = self.folder / f"said-{self.number}"
        order = {
            "said": str(said),
            "env": self.env,
            "flags": [*GRID, f"--workdir={workdir}", *flags],
            "fault": {"log": str(workdir) + ".log", **(fault or {})},
        }
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Script(said)

    def run(self, workdir, fault=None, *flags):
        """Starts the script, and waits for its end."""
        return self.start(workdir, fault, *flags).wait()


class Script:
    """A process of the script."""

    def __init__(self, said):
        self.said = said
        self.process = self._read("pid", 30)

    def _read(self, what, seconds):
        path = pathlib.Path(f"{self.said}.{what}")
        wait_until(path.exists, seconds)
        return int(path.read_text())

    @property
    def words(self):
        """What it said, so far."""
        return self.said.read_text() if self.said.exists() else ""

    @property
    def lines(self):
        return self.words.splitlines()

    def send(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, number)

    def wait(self):
        self.code = self._read("code", PATIENCE)
        return self


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nursery")
    nursery = Nursery(folder)
    yield nursery
    nursery.process.stdin.close()
    nursery.process.wait(30)


@pytest.fixture(scope="module")
def whole(nursery, tmp_path_factory):
    """A workdir that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("whole") / "w"
    assert nursery.run(workdir).code == 0
    return workdir


def curves(workdir):
    return json.loads((workdir / "tradeoff/summary.json").read_text())["curves"]


def names(workdir):
    """The names of all files and folders, but for those set aside."""
    found = [str(path.relative_to(workdir)) for path in workdir.rglob("*")]
    return sorted(name for name in found if not name.endswith(DAMAGED))


def is_as(workdir, whole, by_unit=True):
    """Checks that a workdir ended as the undisturbed one, with nothing done twice.

    Several writers divide the runs of a unit, which are in several files then.
    """
    found, expected = (store.read(each / "runs") for each in (workdir, whole))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    files, wanted = (names(each) for each in (workdir, whole))
    if not by_unit:
        files, wanted = (
            [n for n in each if not n.endswith(".parquet")] for each in (files, wanted)
        )
    assert files == wanted
    assert curves(workdir) == curves(whole)
    log = pathlib.Path(f"{workdir}.log")  # none if nothing was left to train
    begun = log.read_text().splitlines() if log.exists() else []
    assert not [line for line in begun if line.endswith(" 1")], "trained again"


def is_killed(script, number=signal.SIGKILL):
    assert script.code == -number, script.words
    assert "Traceback" not in script.words, script.words


def is_refused(script, *words):
    """Checks that the script ended with one sentence and exit code 2."""
    assert script.code == 2, script.words
    assert "Traceback" not in script.words, script.words
    said = [line for line in script.lines if line.startswith("error: ")]
    assert len(said) == 1 and any(word in said[0] for word in words), script.words


def test_killed_where_it_matters_and_on_a_full_disk(nursery, whole, tmp_path):
    """A part of the campaign, in one workdir."""
    workdir = tmp_path / "w"
    for moment in ("after a checkpoint", "table part"):
        is_killed(nursery.run(workdir, {"moment": moment}))
    full = {"error": "ENOSPC"}
    is_refused(nursery.run(workdir, {"moment": "table part", **full}), "No space")
    ended = nursery.run(workdir)
    assert ended.code == 0, ended.words
    is_as(workdir, whole)


# In the order of a sweep. Each unit but the last ends with a kill.
KILLS = [
    "gate",
    "list of a claim",
    "claim",
    "training",
    "owner of a checkpoint",
    "checkpoint",
    "amid a checkpoint",
    "after a checkpoint",
    "metadata",
    "table part",
    "rename of a table",
    "table",
    "end of a checkpoint",
    "end of a claim",
    "panel",
    "figure",
    "summary",
    "rename of a summary",
]
# What cannot be written is one sentence; without these, a sweep goes on.
REFUSED = [
    "list of a claim",
    "table part",
    "rename of a table",
    "panel",
    "figure",
    "summary",
    "rename of a summary",
]
SPARED = ["owner of a checkpoint", "checkpoint", "kept program"]


@pytest.fixture(scope="module")
def counts():
    """How many faults of each kind were survived, printed at the end."""
    counts, start = collections.Counter(), time.monotonic()
    yield counts
    for kind, number in counts.items():
        print(f"\n{number:5} {kind}", end="")
    minutes = (time.monotonic() - start) / 60
    print(f"\n{counts.total():5} faults survived in {minutes:.0f} minutes")


def both(*sequences):
    """Runs sequences of scripts, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(each) for each in sequences]:
            future.result()


@pytest.mark.slow
class TestCampaign:
    def test_killed_at_moments(self, nursery, whole, counts, tmp_path):
        def sequence(number):
            workdir, draw = tmp_path / f"w{number}", random.Random(number)
            for moment in KILLS:
                fault = {"moment": moment}
                if moment == "training":
                    fault["count"] = draw.randint(1, 4)
                if moment == "amid a checkpoint":
                    fault |= {"late": draw.uniform(0, 0.03), "count": 2}
                is_killed(nursery.run(workdir, fault))
                counts[f"SIGKILL: {moment}"] += 1
            assert nursery.run(workdir).code == 0
            is_as(workdir, whole)

        both(*(lambda number=number: sequence(number) for number in range(3)))

    def test_killed_at_random(self, nursery, whole, counts, tmp_path):
        start = time.monotonic()
        assert nursery.run(tmp_path / "timed").code == 0
        takes = min(20, time.monotonic() - start)

        def sequence(seed):
            workdir, draw = tmp_path / f"w{seed}", random.Random(seed)
            for _ in range(8):
                script = nursery.start(workdir)
                time.sleep(draw.uniform(0.05, 1.2) * takes)
                script.send(signal.SIGKILL)
                if script.wait().code:
                    is_killed(script)
                    counts["SIGKILL: random"] += 1
            assert nursery.run(workdir).code == 0
            is_as(workdir, whole)

        both(*(lambda seed=seed: sequence(seed) for seed in range(3)))

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_told_to_end(self, nursery, whole, counts, tmp_path, number):
        def sequence():
            for moment in ("claim", "training", "checkpoint", "table part", "summary"):
                fault = {"moment": moment, "signal": number, "count": 1}
                script = nursery.run(workdir, fault)
                is_killed(script, -128 - number)
                assert "interrupted; " in script.words
                counts[f"{number.name}: {moment}"] += 1
            assert nursery.run(workdir).code == 0
            is_as(workdir, whole)

        workdir = tmp_path / "w"
        sequence()

    def test_interrupted_amid_imports(self, counts, tmp_path):
        """From the moment at which the first import of our own has ended."""
        script = [sys.executable, "experiments/tradeoff.py", *GRID]
        command = [*script, f"--workdir={tmp_path / 'w'}"]
        draw = random.Random(0)
        for _ in range(8):
            pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
            process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)
            status = pathlib.Path(f"/proc/{process.pid}/status")
            while not handles(status, signal.SIGTERM):
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 2.0))
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
            assert process.returncode == 130 and "Traceback" not in said, said
            counts["SIGINT: imports"] += 1
        assert not (tmp_path / "w").exists()

    def test_errors_of_the_system(self, nursery, whole, counts, tmp_path):
        """A full disk, a quota, a disk that turned read-only, at each kind of write."""
        draw = random.Random(0)

        def refused():
            for moment in REFUSED:
                error = draw.choice(["ENOSPC", "EDQUOT", "EROFS", "EIO"])
                fault = {"moment": moment, "error": error}
                script = nursery.run(tmp_path / "w", fault)
                is_refused(script, os.strerror(getattr(errno, error)))
                counts[f"{error}: {moment}"] += 1
            assert nursery.run(tmp_path / "w").code == 0
            is_as(tmp_path / "w", whole)

        def spared():
            for moment in SPARED:
                workdir = tmp_path / moment
                own = {"XDG_CACHE_HOME": str(tmp_path / f"cache of {moment}")}
                fault = {"moment": moment, "error": "ENOSPC", "env": own}
                script = nursery.run(workdir, fault)
                assert script.code == 0 and "Traceback" not in script.words
                assert "No space left on device" in script.words
                counts[f"ENOSPC: {moment}"] += 1
                is_as(workdir, whole)

        both(refused, spared)

    def test_a_full_disk(self, nursery, whole, counts, tmp_path):
        """A real one, which grows until all is written; at last it is read-only."""
        with small_disk(tmp_path / "disk") as resize:
            workdir = tmp_path / "disk" / "w"
            log = {"log": str(tmp_path / "w.log")}
            for kilobytes in itertools.count(4, 60):
                resize(f"size={kilobytes}k")
                script = nursery.run(workdir, log)
                if script.code == 0:
                    break
                is_refused(script, "No space left on device")
                counts["full tmpfs"] += 1
            shutil.copytree(workdir, tmp_path / "w")
            is_as(tmp_path / "w", whole)
            resize("ro")
            is_refused(nursery.run(workdir, log), "Read-only file system")
            counts["read-only tmpfs"] += 1
            resize("rw")
        assert kilobytes > 200

    def test_a_file_that_may_not_be_read(self, nursery, whole, counts, tmp_path):
        workdir = shutil.copytree(whole, tmp_path / "w")
        for count in (1, 4):
            fault = {"moment": "reading a table", "error": "EACCES", "count": count}
            is_refused(nursery.run(workdir, fault), "make the file readable")
            counts["unreadable table"] += 1
            is_as(workdir, whole)

    @pytest.mark.parametrize("writers", [2, 3, 4])
    def test_writers_with_overlapping_grids(
        self, nursery, whole, counts, tmp_path, writers
    ):
        """Tasks, which draw nothing; one of them is killed."""
        workdir = tmp_path / "w"
        grids = ("--seeds=2", "--widths=1", "--train_sizes=128")
        task = "--launcher=task"
        fault = {"moment": "training", "count": 2}  # of a unit with two runs
        killed = nursery.start(workdir, fault, task)
        wait_until(lambda: list(workdir.glob("runs/.claim-*.runs")))
        others = [nursery.start(workdir, None, task, each) for each in grids]
        for other in others[: writers - 1]:
            assert other.wait().code == 0, other.words
        is_killed(killed.wait())
        last = [nursery.start(workdir) for _ in range(2)]  # both draw
        for script in last:
            assert script.wait().code == 0, script.words
        counts["writers of one table"] += writers + 2
        counts["SIGKILL: one of several writers"] += 1
        is_as(workdir, whole, by_unit=False)

    def test_a_clock_that_jumps(self, nursery, whole, counts, tmp_path):
        for moment in ("claim", "after a checkpoint", "table"):
            fault = {"moment": moment, "jumps": True}
            is_killed(nursery.run(tmp_path / "w", fault))
            counts["a clock that jumps"] += 1
        assert nursery.run(tmp_path / "w", {"jumps": True}).code == 0
        is_as(tmp_path / "w", whole)

    def test_damaged_files(self, nursery, whole, counts, tmp_path):
        """Of each kind, each told in one line."""

        def damage(path, how):
            content = path.read_bytes()
            middle = len(content) // 2
            flipped = bytes([content[middle] ^ 255]) if content else b""
            path.write_bytes(
                {
                    "emptied": b"",
                    "truncated": content[:middle],
                    "flipped": content[:middle] + flipped + content[middle + 1 :],
                    "other": b"\xff" * 100,
                }[how]
            )

        hows = ("emptied", "truncated", "flipped", "other")

        def tables():
            for i, how in enumerate(hows):
                workdir = shutil.copytree(whole, tmp_path / f"table-{how}")
                damage(sorted(workdir.glob("runs/*.parquet"))[i], how)
                script = nursery.run(workdir)
                assert script.code == 0 and script.words.count("is damaged (") <= 1
                assert how == "flipped" or "is damaged (" in script.words
                counts[f"damaged: table {how}"] += 1
                is_as(workdir, whole)

        def checkpoints():
            for how in hows:
                workdir = tmp_path / f"checkpoint-{how}"
                fault = {"moment": "after a checkpoint", "count": 3}
                is_killed(nursery.run(workdir, fault))
                saved = sorted(workdir.glob("runs/.checkpoints/*"))
                for each in saved:
                    files = [path for path in each.rglob("*") if path.is_file()]
                    damage(max(files, key=lambda path: path.stat().st_size), how)
                script = nursery.run(workdir)
                assert script.code == 0 and "Traceback" not in script.words
                counts[f"damaged: checkpoint {how}"] += 1
                is_as(workdir, whole)

        def summaries():
            for how in hows:
                workdir = shutil.copytree(whole, tmp_path / f"summary-{how}")
                damage(workdir / "tradeoff/summary.json", how)
                script = nursery.run(workdir)
                assert script.code == 0 and "Traceback" not in script.words
                counts[f"damaged: summary {how}"] += 1
                is_as(workdir, whole)

        def kept():
            """Programs, and what this machine was measured to take."""
            planned = nursery.run(tmp_path / "planned", None, "--dry_run")
            assert planned.code == 0 and "Timing" in planned.words
            for how in hows:
                [timed] = (nursery.folder / "cache").rglob("calibration/*")
                damage(timed, how)
                again = nursery.run(tmp_path / "planned", None, "--dry_run")
                assert again.code == 0 and again.lines[-1] == planned.lines[-1]
                counts[f"damaged: calibration {how}"] += 1

        both(tables, checkpoints, summaries)
        kept()

    def test_damaged_programs(self, nursery, whole, counts, tmp_path):
        """They are compiled again, once."""
        env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
        for how in ("killed", "full"):
            fault = {"moment": "kept program", "env": env}
            fault |= {"error": "ENOSPC"} if how == "full" else {}
            script = nursery.run(tmp_path / how, fault)
            assert script.code == (0 if how == "full" else -signal.SIGKILL)
            counts[f"damaged: kept program ({how})"] += 1
            assert nursery.run(tmp_path / how, {"env": env}).code == 0
            again = nursery.run(tmp_path / f"{how}-again", {"env": env})
            assert again.code == 0 and "warning" not in again.words, again.words
            is_as(tmp_path / how, whole)


def handles(status, number):
    """Whether a process handles a signal, by the system's word."""
    [caught] = [x for x in status.read_text().splitlines() if x.startswith("SigCgt")]
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


@contextlib.contextmanager
def small_disk(folder):
    """Mounts a disk, and yields what mounts it with other options."""
    folder.mkdir()

    def mount(*options):
        words = ["mount", "-t", "tmpfs", "-o", *options, "none", str(folder)]
        return subprocess.run(words, capture_output=True).returncode == 0

    if not mount("size=4k"):
        pytest.skip("a small disk is mounted by root alone")
    try:
        yield lambda option: mount(f"remount,{option}")
    finally:
        subprocess.run(["umount", str(folder)])
