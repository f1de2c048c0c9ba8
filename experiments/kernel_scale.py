"""What size is worth in the lazy regime: the kernel's scale at the start over size.

At one learning rate a lazy network learns in a time of one over its kernel's scale. The
slope of the scale over the number of parameters is the exponent kappa of size^kappa x
time that such networks have. Kernels of newly drawn networks, the exact mean of an
MLP's, and the effective number of directions of one step.

  python experiments/kernel_scale.py \
      --flagfile=experiments/flagfiles/kernel_scale/laptop.flags
"""

from functools import partial

import numpy as np
from absl import flags
from shell import cli, kernels, parts, progress, results
from shell import flags as common

from scaletime_jax.arguments import require_least
from scaletime_jax.data.sources import load_dataset
from scaletime_jax.studies import kernel_scale
from scaletime_jax.words import count_of

flags.adopt_module_key_flags(common)
DATASET = flags.DEFINE_string("dataset", "mnist12k", "Dataset of the inputs.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of prepared TFDS datasets.")
ARCHITECTURE = flags.DEFINE_list(
    "architecture", "mlp,cnn", "Networks, by name or as NAME=FILE.py:FUNCTION."
)
INITS = flags.DEFINE_list("inits", "pytorch,he,ntk", "Initialisations of each network.")
WIDTHS = flags.DEFINE_list("widths", "1,2,5,10,20,50,100", "Widths of each network.")
MOST = flags.DEFINE_float(
    "max_num_params", 5e6, "Widths with more parameters are left out."
)
EXAMPLES = flags.DEFINE_integer("examples", 40, "Number of inputs of a kernel.")
DRAWS = flags.DEFINE_integer("draws", 20, "Initialisations of each width.")
SEED = flags.DEFINE_integer("seed", 0, "Of the initialisations.", **common.SEED_RANGE)


def main() -> None:
    """From flags to figure."""
    require_least("--draws", DRAWS.value, 2)
    require_least("--examples", EXAMPLES.value, 3)
    dataset = load_dataset(DATASET.value, DATA_DIR.value)
    inputs = kernels.choose_inputs(dataset, EXAMPLES.value)
    widths = sorted(set(common.positive_numbers(WIDTHS, int)))
    names = [(a, i) for a in ARCHITECTURE.value for i in INITS.value]
    asked = kernels.choose(names, widths, inputs, dataset, MOST.value)
    if common.DRY_RUN.value:
        sizes = sum(len(each.widths) for each in asked)
        draws = f"{count_of(DRAWS.value, 'draw')} of {len(inputs)} inputs each"
        print(f"{count_of(len(asked), 'network')}, {sizes} sizes, {draws}.")
        return
    given = dataset.num_classes, DRAWS.value, SEED.value
    with parts.kept(kernel_scale.NAME, np.asarray(inputs), given) as keep:
        cases = []
        for each in asked:
            how = each, inputs, *given, progress.track
            cases.append(keep(each.title, partial(kernels.measure_case, *how)))
        results.finish(kernel_scale.study(cases))


if __name__ == "__main__":
    cli.run(main)
