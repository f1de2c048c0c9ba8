r"""What sets the exponent of size in time? Single steps of training, at equal loss.

Reads the runs of the map (--runs, or trains those of the flags' grid), trains them
again up to --most_steps, and measures steps along the way: the squared Jacobian, the
descent and the length of a step, and the effective number of directions in which
examples change the parameters. How each grows with size, at equal loss, stands beside
the exponent kappa of the same runs. What is measured is kept in --steps, and not
measured again. Writes to WORKDIR/descent the figure, its points as CSV, and
summary.json.

  python experiments/descent.py \
    --flagfile=experiments/flagfiles/descent/laptop.flags
"""

import pathlib

from absl import flags
from shell import cli, descents, progress, results, runs, sweep
from shell import flags as common

from scaletime_jax.errors import InputError
from scaletime_jax.studies import descent
from scaletime_jax.words import count_of

flags.adopt_module_key_flags(runs)
STEPS = flags.DEFINE_string(
    "steps_folder", None, "Folder of the measured steps; WORKDIR/steps if not set."
)
MOST = flags.DEFINE_integer(
    "most_steps", 2000, "Steps of a run up to which it is measured.", lower_bound=10
)
EXAMPLES = flags.DEFINE_integer(
    "examples", 200, "Test examples that a step is measured on.", lower_bound=2
)


def main() -> None:
    """From flags to figure."""
    found = runs.obtain_all([], in_dry_run=True)
    if found is None:
        return
    folder = common.workdir() / "steps" if STEPS.value is None else STEPS.value
    datasets = list(sweep.load_datasets().values())
    if len(datasets) > 1:
        raise InputError("--dataset: the steps are of one dataset; give one.")
    how = MOST.value, EXAMPLES.value, pathlib.Path(folder)
    asked = descents.choose(found, datasets[0], *how)
    if common.DRY_RUN.value:
        left = [each for each in asked.units if not each.path.exists()]
        number = count_of(sum(len(unit.configs) for unit in left), "run")
        print(f"{number} to measure as {count_of(len(left), 'program')}.")
        return
    steps = descents.measure(asked)
    results.finish(descent.study(found, steps, progress.track), found)


if __name__ == "__main__":
    cli.run(main)
