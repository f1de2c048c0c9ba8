"""Flagfiles and scripts as such: each parses, has a head, and stays short."""

import pathlib
import subprocess
import sys

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
for flagfile in flagfiles:
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    more = [f"--workdir={workdir}", "--dry_run"]
    if "--data_dir=TFDS_DIR" in pathlib.Path(flagfile).read_text():
        more += ["--dataset=mnist12k", "--train_sizes=100,200"]
    flags.FLAGS([script, f"--flagfile={flagfile}", *more])
    main()
    print("parsed", flagfile)
"""


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_flagfile_parses_and_has_a_head(script, tmp_path):
    flagfiles = sorted((FLAGFILES / script).glob("*.flags"))
    assert {"smoke", "laptop", "paper"} <= {path.stem for path in flagfiles}
    for path in flagfiles:
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# ") and lines[1].startswith("# ")
    done = subprocess.run(
        [sys.executable, "-c", DRY_RUNS, script, tmp_path / "new", *flagfiles],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *said, last = done.stdout.split("parsed ")
    assert last.strip() == str(flagfiles[-1]) and len(said) == len(flagfiles)
    assert all("to train as" in words or "draws" in words for words in said)
    assert not (tmp_path / "new").exists()  # a dry run leaves nothing behind


def test_scripts_are_short():
    for script in SCRIPTS:
        lines = (EXPERIMENTS / f"{script}.py").read_text().splitlines()
        assert len(lines) <= 120, script
