"""Draws the shipped figures again, and the page of results: two minutes on two cores.

Figures of networks are made from shipped runs, with the flagfiles `shipped` and
`..._shipped`; nothing is trained. Figures of the theory are drawn from their shipped
numbers, or with --recompute from numbers computed anew, with flagfile `laptop`, which
takes about half an hour, mostly for random features and manifolds, and 3 GB of
memory.

  python experiments/figures.py --workdir=results/shipped
"""

from concurrent.futures import ThreadPoolExecutor, as_completed

from absl import flags
from shell import child, cli, stored
from shell import flags as common
from tqdm import tqdm

from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.words import count_of

flags.adopt_module_key_flags(common)
RECOMPUTE = flags.DEFINE_bool(
    "recompute", False, "Compute the numbers of the theory again."
)
FLAGFILES, AT_ONCE = child.ROOT / "experiments/flagfiles", 2


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
    workdir = child.from_root(common.workdir())
    theory = "laptop" if RECOMPUTE.value else None
    presets = [
        (path.parent.name, "shipped" if path.with_stem("shipped").exists() else theory)
        for path in sorted(FLAGFILES.glob("*/laptop.flags"))
    ]
    # last: the folder of a script's name is for the script's main result
    further = sorted(FLAGFILES.glob("*/*_shipped.flags"))
    presets += [(path.parent.name, path.stem) for path in further]
    if common.DRY_RUN.value:
        print(f"draws {count_of(len(presets), 'result')} into {workdir}:")
        for name, preset in presets:
            print(f"{name} {f'with {preset}.flags' if preset else 'as stored'}")
        return
    store.prepare(common.workdir())
    child.end_together()
    with (
        tqdm(total=len(presets), unit="result", disable=None) as bar,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        making = [pool.submit(make_figure, *p, workdir) for p in presets if p[1]]
        try:
            # in this thread, because Matplotlib is not thread-safe
            for name in (name for name, preset in presets if not preset):
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
