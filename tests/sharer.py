"""A process that trains a grid into a folder, and says what it trains.

python tests/sharer.py FOLDER AXES
"""

import json
import pathlib
import sys

import jax
from grids import GRID, few

from scaletime_jax.data.sources import load_dataset
from scaletime_jax.sweep import runner, tuning
from scaletime_jax.sweep.grid import make_grid
from scaletime_jax.sweep.own_network import read_own


def main(folder, axes):
    """Trains, as a test in its own process would."""
    jax.config.update("jax_num_cpu_devices", 2)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    tuning.CPU = tuning.CPU._replace(compiler_options={})
    train = runner.Programs.train

    def say_and_train(self, part, dataset):
        for config in part.configs:
            print(config.run_id, flush=True)
        return train(self, part, dataset)

    runner.Programs.train = say_and_train
    data = few(load_dataset("mnist12k"))
    given = {**GRID, **json.loads(axes)}
    given["architecture"] = [read_own(each, ()) for each in given["architecture"]]
    configs = make_grid(data, **given)
    runner.run_sweep(configs, {data.name: data}, pathlib.Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
