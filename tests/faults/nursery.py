"""A process that has imported all that a script needs, and forks the script.

python tests/faults/nursery.py

Each order on its input is a line of JSON. The process that follows it is the script
but for its imports: a process of its own, with its own signals, threads and devices,
which starts in a hundredth of the time. Its number, exit code and words are in files.
"""

import json
import os
import pathlib
import signal
import sys
import traceback

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = "tradeoff"
AT_MOST = 300  # seconds of a script, which nobody may be left to end


def follow(order):
    """Waits for a script, and writes how it ended: in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if not child:
        try:
            run(order)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(99)  # the script has another code of its own
    write(order, "pid", child)
    _, status = os.waitpid(child, 0)
    write(order, "code", os.waitstatus_to_exitcode(status))
    os._exit(0)


def write(order, what, number):
    """Writes a number for who gave the order."""
    path = pathlib.Path(f"{order['said']}.{what}")
    path.with_suffix(".part").write_text(str(number))
    path.with_suffix(".part").rename(path)


def run(order):
    """Runs the script, with a fault, and ends the process with its exit code."""
    signal.alarm(AT_MOST)
    said = os.open(order["said"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.environ.update(order["env"] | order["fault"].get("env", {}))
    sys.argv = [SCRIPT, *order["flags"]]
    import moments
    import tradeoff

    moments.shorten()
    moments.arrange(order["fault"])
    code = 0
    try:
        tradeoff.cli.run(tradeoff.main)
    except SystemExit as end:
        code = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main():
    """Imports, and follows orders until there are no more."""
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "experiments"), str(ROOT / "tests/faults")]
    # the shell takes signals in its scripts alone
    sys.modules["__main__"].__file__ = str(ROOT / f"experiments/{SCRIPT}.py")
    import moments  # noqa: F401
    import tradeoff  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the followers
    print("ready", flush=True)
    for line in sys.stdin:
        if not os.fork():
            follow(json.loads(line))


if __name__ == "__main__":
    main()
