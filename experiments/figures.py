"""Every shipped figure again, from the shipped run tables, with the page around them.

Runs each experiment with its flagfile `shipped` (networks: nothing is trained) or,
where there is none, `laptop` (theory: computed anew), two at a time, then the page. A
minute for all but random features, which take ten, and 8 GB of memory.

  python experiments/figures.py --workdir=results/shipped
"""

import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from absl import flags
from shell import cli
from shell import flags as shared_flags

from scaletime_jax.errors import InputError

flags.adopt_module_key_flags(shared_flags)
ROOT = pathlib.Path(__file__).parents[1]
FLAGFILES = ROOT / "experiments" / "flagfiles"
AT_ONCE = 2


def commands(workdir: pathlib.Path) -> list[list[str]]:
    """Returns the command of each experiment that ships a figure."""
    made = []
    for folder in sorted(path for path in FLAGFILES.iterdir() if path.is_dir()):
        shipped = folder / "shipped.flags"
        flagfile = shipped if shipped.exists() else folder / "laptop.flags"
        script = ROOT / "experiments" / f"{folder.name}.py"
        arguments = [f"--flagfile={flagfile}", f"--workdir={workdir}"]
        made.append([sys.executable, str(script), *arguments])
    return made


def call(command: list[str]) -> None:
    """Runs a command from the repository's root and passes on what it wrote.

    Raises:
        InputError: it failed.
    """
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise InputError(f"{' '.join(command[1:])} failed: {said[0]}")
    wrote = [line for line in done.stdout.splitlines() if line.startswith("Wrote")]
    print(*wrote, flush=True)


def main() -> None:
    """From tables to figures and page."""
    # as the experiments will see it, who run from the root
    workdir = pathlib.Path(os.path.relpath(shared_flags.WORKDIR.value, ROOT))
    asked = commands(workdir)
    if shared_flags.DRY_RUN.value:
        print(f"draws {len(asked)} figures into {workdir}:")
        print("\n".join(" ".join(command[1:]) for command in asked))
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(call, asked))
    report = ROOT / "experiments" / "report.py"
    call([sys.executable, str(report), f"--workdir={workdir}"])


if __name__ == "__main__":
    cli.run(main)
