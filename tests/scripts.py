"""Scripts called in this process: flags parsed, main run, exit code and words kept."""

import contextlib
import importlib
import io
import pathlib
import sys
import warnings
from typing import NamedTuple

import jax
from absl import flags

ROOT = pathlib.Path(__file__).parents[1]
FLAGFILES = ROOT / "experiments/flagfiles"


class Done(NamedTuple):
    """What a script left: as of a process."""

    returncode: int
    stdout: str
    stderr: str


@contextlib.contextmanager
def loaded(script):
    """Imports a script anew with its flags, which go again at the end.

    Scripts define flags of one name, as for processes of their own.
    """
    known = set(flags.FLAGS)
    argv, show = sys.argv, warnings.showwarning
    double = jax.config.jax_enable_x64
    before = set(sys.modules)
    sys.argv = [script]
    try:
        yield importlib.import_module(script)
    finally:
        sys.argv, warnings.showwarning = argv, show
        jax.config.update("jax_enable_x64", double)
        for name in set(sys.modules) - before:
            if name == script or name.partition(".")[0] == "shell":
                del sys.modules[name]
                package, _, member = name.rpartition(".")
                if package in sys.modules:  # where a test has imported it
                    delattr(sys.modules[package], member)
        for name in set(flags.FLAGS) - known:
            delattr(flags.FLAGS, name)
        flags.FLAGS.unparse_flags()


def call(script, *arguments):
    """Runs a script as a process would, except for the start of Python."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        loaded(script) as module,
    ):
        try:
            argv = module.cli.parse([script, *map(str, arguments)])
            module.cli.execute(module.main, argv)
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def refused(script, *arguments):
    """Calls a script that must fail as a user's mistake, and returns what it says."""
    done = call(script, *arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return line
