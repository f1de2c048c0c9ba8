"""Dimensions of images and of last hidden layers: measured, or read from a table."""

import pandas as pd
from absl import flags

from scaletime_jax.errors import InputError
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.resolution_limited import PLACES, measure_dimension
from scaletime_jax.sweep.fits import fit_runs
from shell import runs, sweep
from shell.progress import track

Found = dict[str, dict[str, Estimate]]
DIMENSIONS = flags.DEFINE_string(
    "dimensions",
    None,
    "Read measured dimensions from this file, dimensions.csv of an earlier result. If "
    "not set, they are measured where the program trains, on test images.",
)
HIDDEN_SIZE = flags.DEFINE_integer(
    "hidden_size",
    5000,
    "Training examples of the network whose last hidden layer is measured, at most the "
    "largest train size; 0 for none.",
    lower_bound=0,
)


def obtain() -> Found:
    """Returns the dimensions by dataset and place; none with --runs alone."""
    if DIMENSIONS.value is not None:
        return read(DIMENSIONS.value)
    if runs.RUNS.value is not None:
        return {}
    return measure()


def measure() -> Found:
    """Returns dimensions of test images, and of the last hidden layer at them."""
    datasets, found = sweep.load_datasets(), {}
    for config in _widest(sweep.make_configs(datasets)):
        dataset = datasets[config.dataset]
        found[dataset.name] = {"images": measure_dimension(dataset.test_images)}
        if HIDDEN_SIZE.value:
            [run] = fit_runs([config], dataset, track)
            layer = run.hidden_layer(dataset.test_images)
            found[dataset.name]["hidden"] = measure_dimension(layer)
    return found


def _widest(configs) -> list:
    """Returns a run of each dataset: the widest, on about --hidden_size examples."""
    chosen: dict = {}
    for config in configs:
        rank = config.train_size <= max(HIDDEN_SIZE.value, 1), config.train_size
        rank = rank if rank[0] else (False, -config.train_size)
        best = chosen.get(config.dataset)
        if best is None or (*rank, config.width) > best[0]:
            chosen[config.dataset] = (*rank, config.width), config
    return [config for _, config in chosen.values()]


def read(path: str) -> Found:
    """Returns the dimensions of a table.

    Raises:
        InputError: the file cannot be read, or has other columns or places.
    """
    try:
        table = pd.read_csv(path)
        rows = table[["dataset", "place", "dimension", "low", "high"]]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"--dimensions={path} is not a table with the columns dataset, place, "
            f"dimension, low and high ({str(error).splitlines()[0]})."
        ) from None
    found: Found = {}
    for dataset, place, value, *ends in rows.itertuples(index=False):
        if place not in PLACES:
            raise InputError(
                f"--dimensions={path}: place {place!r} is none of {', '.join(PLACES)}."
            )
        interval = None if pd.isna(ends).any() else (float(ends[0]), float(ends[1]))
        found.setdefault(dataset, {})[place] = Estimate(float(value), interval)
    return found
