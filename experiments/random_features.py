"""Figures 3, 4 and S8 of Bahri et al.: the four scaling regimes, exactly.

Linear students of random ReLU features of pooled images, the mean over teachers taken
exactly: loss over data and over features where a variance limits it and where
resolution does, against theory that knows the spectrum alone; exponents against the
spectrum's, beside planted power laws; teachers beside real labels under the kernels of
infinitely wide networks.

  python experiments/random_features.py \
      --flagfile=experiments/flagfiles/random_features/laptop.flags
"""

import pathlib

import jax
import numpy as np
from absl import flags
from shell import cli
from shell import features as fc
from shell import flags as shared_flags
from shell import regime_tables as tables

from scaletime_jax.arguments import require, require_least
from scaletime_jax.plotting.random_features import plot_random_features
from scaletime_jax.runs import store
from scaletime_jax.studies.feature_pool import make_inputs, make_targets
from scaletime_jax.studies.four_regimes import Sizes, make_claims, measure_regimes
from scaletime_jax.studies.kernel_targets import judge_kernels, study_kernels
from scaletime_jax.studies.planted_spectra import judge_planted, measure_planted

flags.adopt_module_key_flags(shared_flags)
flags.adopt_module_key_flags(fc)
SIZES = flags.DEFINE_list(
    "sizes", "32,64,128,256,512", "D with all features, and P with all data."
)
FIXED = flags.DEFINE_integer("fixed", 8, "P or D in the variance-limited panels.")
DATA_SIZES = flags.DEFINE_list(
    "data_sizes", "64,128,256,512,1024,2048,4096,8192,10000", "D at P = fixed."
)
FEATURE_SIZES = flags.DEFINE_list(
    "feature_sizes", "64,128,256,512,1024,2048,4096,8192,10000", "P at D = fixed."
)
PLANTED = flags.DEFINE_list("planted", "0.5,1,1.5", "Exponents of planted spectra.")
PLANTED_SIZES = flags.DEFINE_list("planted_sizes", "20,40,80,160,320", "D, P there.")
PLANTED_FEATURES = flags.DEFINE_integer("planted_features", 20000, "S there.")
PLANTED_DRAWS = flags.DEFINE_integer("planted_draws", 20, "Draws there.")
KERNEL_INPUTS = flags.DEFINE_integer(
    "kernel_inputs", 3000, "Images, of the least pool size, for the wide networks."
)


def make_sizes(population: fc.Population) -> Sizes:
    """Returns where losses are measured."""
    images, features = len(population.images), fc.NUM_FEATURES.value
    resolved = fc.sizes_below(SIZES, min(images, features), "images or features")
    data = fc.sizes_below(DATA_SIZES, images - 1, "images but one")
    other = fc.sizes_below(FEATURE_SIZES, features, "features")
    shared_flags.check_positive(FIXED)
    for flag, mine in ((DATA_SIZES, data), (FEATURE_SIZES, other)):
        fc.check_far(flag, mine, FIXED.value)
    require(resolved[-1] >= FIXED.value, "--sizes must reach --fixed.")
    return Sizes(resolved, FIXED.value, data, other)


def measure_pool(population: fc.Population, pool_size: int, sizes: Sizes) -> tuple:
    """Returns pool size, spectrum and regimes, and prints how far it is."""
    features, spectrum = population.features(pool_size)
    regimes = measure_regimes(features, spectrum.eigenvalues, sizes, *fc.draws())
    print(f"pooled by {pool_size}: measured.", flush=True)
    return pool_size, spectrum, regimes


def measure_kernels(population: fc.Population, pool_size: int, sizes: list[int]):
    """Returns the study of each infinitely wide network's kernel."""
    order = np.random.default_rng(0).permutation(len(population.images))
    chosen = np.sort(order[: KERNEL_INPUTS.value])
    inputs = make_inputs(population.images[chosen], pool_size)
    targets = make_targets(population.labels[chosen], population.num_classes)
    return study_kernels(inputs, targets, fc.DEPTH.value, sizes, *fc.draws())


def main() -> None:
    """From flags to figure."""
    jax.config.update("jax_enable_x64", True)
    population, pool_sizes = fc.load_population()
    sizes = make_sizes(population)
    exponents = shared_flags.positive_numbers(PLANTED, float)
    planted_sizes = fc.sizes_below(PLANTED_SIZES, PLANTED_FEATURES.value, "features")
    of_kernels = fc.sizes_below(SIZES, KERNEL_INPUTS.value, "--kernel_inputs")
    images, wanted = len(population.images), KERNEL_INPUTS.value
    require(wanted <= images, f"--kernel_inputs: there are only {images} images.")
    require_least("--planted_draws", PLANTED_DRAWS.value, 2)
    if shared_flags.DRY_RUN.value:
        population.describe(pool_sizes)
        return
    folder = pathlib.Path(shared_flags.WORKDIR.value)
    store.prepare(folder)  # a folder that cannot be is better known now than at the end
    pools = [measure_pool(population, size, sizes) for size in pool_sizes]
    how = PLANTED_FEATURES.value, planted_sizes, PLANTED_DRAWS.value, fc.SEED.value
    planted = [measure_planted(each, *how) for each in exponents]
    kernels = measure_kernels(population, pool_sizes[0], of_kernels)
    claims = [claim for each in planted for claim in judge_planted(each)]
    for size, spectrum, regimes in pools:
        claims += make_claims(spectrum, regimes, population.setting(size))
    seen = {"dataset": population.name, "pooled by": pool_sizes[0]}
    claims += judge_kernels(kernels, seen)
    summary = {"experiment": "random_features", "flags": cli.flag_values()}
    summary |= cli.claims_summary(claims)
    summary |= tables.summarise(pools, planted, kernels)
    panels = tables.panels(pools, planted, kernels)
    drawn = pools, planted, kernels, FIXED.value
    cli.write_results(folder, summary, panels, plot_random_features, *drawn)
    cli.print_claims(claims)


if __name__ == "__main__":
    cli.run(main)
