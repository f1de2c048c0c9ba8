"""Flagfiles and scripts as such: each parses, has a head, and stays short."""

import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

ROOT = pathlib.Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
FLAGFILES = EXPERIMENTS / "flagfiles"
SCRIPTS = sorted(path.name for path in FLAGFILES.iterdir())
# Starting Python with JAX takes longer than a dry run: one process for all of a script.
DRY_RUNS = """
import importlib, pathlib, sys
from absl import flags
script, workdir, *flagfiles = sys.argv[1:]
sys.argv[0] = f"experiments/{script}.py"
sys.path.insert(0, "experiments")
main = importlib.import_module(script).main
known = set(flags.FLAGS)
for flagfile in flagfiles:
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    more = [f"--workdir={workdir}", "--dry_run"]
    if "--data_dir=TFDS_DIR" in pathlib.Path(flagfile).read_text():
        small = {"dataset": "mnist12k", "train_sizes": "100,200"}
        small["data_sizes"] = "200,300,400"
        more += [f"--{name}={value}" for name, value in small.items() if name in known]
    flags.FLAGS([script, f"--flagfile={flagfile}", *more])
    main()
    print("parsed", flagfile)
"""


def flagfiles(script):
    return sorted((FLAGFILES / script).glob("*.flags"))


@pytest.fixture(scope="module")
def dry_runs(tmp_path_factory):
    """The dry runs of each script, and the folder that they must not make."""
    workdir = tmp_path_factory.mktemp("dry") / "new"

    def start(script):
        command = [sys.executable, "-c", DRY_RUNS, script, workdir, *flagfiles(script)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SCRIPTS, pool.map(start, SCRIPTS), strict=True)), workdir


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_flagfile_parses_and_has_a_head(script, dry_runs):
    assert {"smoke", "laptop", "paper"} <= {path.stem for path in flagfiles(script)}
    for path in flagfiles(script):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# ") and lines[1].startswith("# ")
    done, workdir = dry_runs[0][script], dry_runs[1]
    assert done.returncode == 0, done.stderr
    *said, last = done.stdout.split("parsed ")
    assert last.strip() == str(flagfiles(script)[-1])
    assert len(said) == len(flagfiles(script))
    assert all("to train as" in words or "draws" in words for words in said)
    assert not workdir.exists()  # a dry run leaves nothing behind


def test_scripts_are_short():
    for script in SCRIPTS:
        lines = (EXPERIMENTS / f"{script}.py").read_text().splitlines()
        assert len(lines) <= 120, script
