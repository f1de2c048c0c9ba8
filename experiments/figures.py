"""Draws the shipped figures again, and the page of results: two minutes on two cores.

Figures of networks are made from the shipped run tables, with flagfile `shipped`;
nothing is trained. Figures of the theory are drawn from their shipped numbers. With
--recompute these numbers are computed again, with flagfile `laptop`, which takes twenty
minutes, mostly for random features and manifolds, and 5 GB of memory.

  python experiments/figures.py --workdir=results/shipped
"""

import os
from concurrent.futures import ThreadPoolExecutor, as_completed

from absl import flags
from shell import child, cli, stored
from shell import flags as common
from tqdm import tqdm

from scaletime_jax.errors import InputError
from scaletime_jax.words import count_of

flags.adopt_module_key_flags(common)
RECOMPUTE = flags.DEFINE_bool(
    "recompute", False, "Compute the numbers of the theory again."
)
FLAGFILES = child.ROOT / "experiments/flagfiles"
AT_ONCE = 2


def make_figure(name: str, preset: str | None, workdir: str) -> None:
    """Makes a figure with a flagfile, or draws the stored figure without one."""
    if preset is None:
        stored.draw_again(name, child.ROOT / workdir)
        child.say(f"{name}: Wrote {workdir}/{name}/{name}.png and {name}.svg.")
        return
    flagfile = f"experiments/flagfiles/{name}/{preset}.flags"
    child.call(name, f"--flagfile={flagfile}", f"--workdir={workdir}")


def main() -> None:
    """From tables and numbers to figures and page."""
    # as seen by the experiments, which run from the root
    workdir = os.path.relpath(common.workdir(), child.ROOT)
    theory = "laptop" if RECOMPUTE.value else None
    presets = {
        path.parent.name: "shipped" if path.with_stem("shipped").exists() else theory
        for path in sorted(FLAGFILES.glob("*/laptop.flags"))
    }
    if common.DRY_RUN.value:
        print(f"draws {count_of(len(presets), 'figure')} into {workdir}:")
        for name, preset in presets.items():
            print(f"{name} {f'with {preset}.flags' if preset else 'as stored'}")
        return
    child.end_together()
    asked = {name: preset for name, preset in presets.items() if preset}
    with (
        tqdm(total=len(presets), unit="figure", disable=None) as bar,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        making = [
            pool.submit(make_figure, name, preset, workdir)
            for name, preset in asked.items()
        ]
        try:
            # in this thread, because Matplotlib is not thread-safe
            for name in sorted(presets.keys() - asked):
                make_figure(name, None, workdir)
                bar.update()
            for done in as_completed(making):
                done.result()
                bar.update()
        except InputError:
            pool.shutdown(cancel_futures=True)
            raise
    child.call("report", f"--workdir={workdir}")


if __name__ == "__main__":
    cli.run(main)
