"""What a dry run says of the time that training takes."""

import jax
import pytest
from scripts import call
from shell.duration import in_words

from scaletime_jax.data import cache

ONE = ("--dry_run", "--widths=1", "--train_sizes=64", "--seeds=1", "--epochs=1")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 seconds"),
        (1.4, "1 second"),
        (59.0, "59 seconds"),
        (60.0, "1 minute"),
        (59.7, "1 minute"),
        (150.0, "2.5 minutes"),
        (660.0, "11 minutes"),
        (7200.0, "2 hours"),
        (36e5, "1,000 hours"),
    ],
)
def test_a_duration_in_words(seconds, words):
    assert in_words(seconds) == words


def test_a_dry_run_says_how_long_training_takes_here(tmp_path):
    done = call("tradeoff", *ONE, f"--workdir={tmp_path}/new")
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first == f"1 run: 0 in {tmp_path}/new/runs, 1 to train as 1 program."
    devices = jax.local_device_count()
    # 3 s are what compiling takes in tests, and so little training nothing
    assert last.startswith(
        f"About 3 seconds on this machine ({devices} cpu device{'s' * (devices > 1)}), "
        "of which 3 seconds compile unless programs are kept"
    )
    assert done.stderr.startswith("Timing small networks (mlp) on this machine, once")
    assert not (tmp_path / "new").exists()
    again = call("tradeoff", *ONE, f"--workdir={tmp_path}/new")
    assert again.stdout == done.stdout and again.stderr == ""  # it is kept
    [path] = (cache.cache_dir() / "calibration").iterdir()
    path.write_text("{")
    repaired = call("tradeoff", *ONE, f"--workdir={tmp_path}/new")
    assert repaired.stdout == done.stdout and "Timing" in repaired.stderr


def test_runs_that_may_end_early_take_at_most_so_long(tmp_path):
    done = call("tradeoff", *ONE, "--until_test_loss=0.05", f"--workdir={tmp_path}")
    assert "\nAt most about 3 seconds on this machine" in done.stdout


def test_nothing_to_train_takes_no_time(tmp_path):
    quick = (*ONE[1:], f"--workdir={tmp_path}")
    assert call("tradeoff", *quick).returncode == 0
    done = call("tradeoff", "--dry_run", *quick)
    assert done.stdout.startswith("1 run: 1 in ") and "machine" not in done.stdout
