"""All results of a workdir as one page that needs nothing else.

Reads every summary.json of a workdir with the figures beside it, in WORKDIR/NAME,
WORKDIR/NAME/SETTING and WORKDIR/ANY/NAME, and writes WORKDIR/index.html: conclusions
first, then each figure with what the paper says, what was measured, the verdict, flags,
hardware, time and versions. The page opens from the file system and loads nothing from
a network. What cannot be shown is named there.

  python experiments/report.py --workdir=results
"""

from absl import flags
from shell import cli, summaries
from shell import flags as common
from shell.page.document import make_page

from scaletime_jax.errors import InputError
from scaletime_jax.runs.store import write_whole

flags.adopt_module_key_flags(common)


def main() -> None:
    """From summaries to a page."""
    workdir = common.workdir()
    target = workdir / "index.html"
    found = summaries.load(workdir)
    count = f"{len(found.results)} results"
    if target.is_symlink():
        raise InputError(
            f"{target} is a symbolic link, through which no page is written; remove it."
        )
    if common.DRY_RUN.value:
        print(f"draws {count} into {target}.")
        return
    write_whole(target, make_page(found).encode(errors="replace"))
    print(f"Wrote {target} with {count}.")
    for problem in found.problems:
        print(f"Not shown: {problem}")


if __name__ == "__main__":
    cli.run(main)
