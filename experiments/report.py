"""All results of a workdir as one page that needs nothing else.

Reads WORKDIR/*/summary.json and the figures beside them and writes WORKDIR/index.html:
each figure with what the paper says, what was measured, the verdict, flags, hardware,
time and versions. It opens from the file system and loads nothing from a network.

  python experiments/report.py --workdir=results
"""

from absl import flags
from shell import cli, page, summaries
from shell import flags as common

from scaletime_jax.runs.store import write_whole

flags.adopt_module_key_flags(common)


def main() -> None:
    """From summaries to a page."""
    workdir = common.workdir()
    results = summaries.load(workdir)
    if common.DRY_RUN.value:
        print(f"draws {len(results)} experiments into {workdir}/index.html.")
        return
    write_whole(workdir / "index.html", page.make_page(results).encode())
    print(f"Wrote {workdir}/index.html with {len(results)} experiments.")


if __name__ == "__main__":
    cli.run(main)
