"""Flagfiles and scripts as such: each parses, has a head, and stays short."""

import re

import pytest
from absl import flags
from scripts import FLAGFILES, ROOT, call, loaded

SCRIPTS = sorted(path.name for path in FLAGFILES.iterdir())
# In place of a dataset that is not at hand: of a size that the packaged one has.
SMALL = {
    "dataset": "mnist12k",
    "train_sizes": "128,256,384,512",  # whole batches, and enough for an exponent
    "data_sizes": "200,300,400",
}


def flagfiles(script):
    return sorted((FLAGFILES / script).glob("*.flags"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_flagfile_parses_and_has_a_head(script):
    assert {"smoke", "laptop", "paper"} <= {path.stem for path in flagfiles(script)}
    for path in flagfiles(script):
        first, second, *_ = path.read_text().splitlines()
        assert first.startswith("# ") and second.startswith("# ")
        with loaded(script) as module:
            module.cli.parse([script, f"--flagfile={path}"])


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_flagfile_can_be_planned(script, tmp_path):
    """Costs are counted for a minute where networks have up to 40 layers."""
    with loaded(script):
        known = set(flags.FLAGS)
    small = [f"--{name}={value}" for name, value in SMALL.items() if name in known]
    for path in flagfiles(script):
        text = path.read_text()
        more = small if "--data_dir=TFDS_DIR" in text else []
        if more and re.search(r"^--train_sizes=\d+$", text, re.MULTILINE):
            more = [*more, "--train_sizes=512"]  # of one network
        plain = f"--flagfile={path}", f"--workdir={tmp_path}/new", "--dry_run"
        done = call(script, *plain, *more)
        assert done.returncode == 0, done.stderr
        assert "to train as" in done.stdout or "draws" in done.stdout
    assert not (tmp_path / "new").exists()  # a dry run leaves nothing behind


def test_scripts_are_short():
    for path in sorted((ROOT / "experiments").glob("*.py")):
        assert len(path.read_text().splitlines()) <= 80, path.name
