"""The descent of steps along the runs of a grid."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from scaletime_jax.data.limits import limit_test
from scaletime_jax.data.sources import Dataset
from scaletime_jax.sweep.checks import check_fits
from scaletime_jax.sweep.config import RunConfig
from scaletime_jax.sweep.examples import (
    SharedData,
    Targets,
    make_draw,
    make_shared_data,
    run_keys,
)
from scaletime_jax.sweep.lanes import (
    Lanes,
    make_hyper,
    make_lanes,
    make_length,
    make_parts,
)
from scaletime_jax.sweep.tuning import make_tuning
from scaletime_jax.track import Track, quiet
from scaletime_jax.training.descent import Descents, make_descend
from scaletime_jax.training.records import make_records

Program = Callable[[Lanes, SharedData], Descents]


def measured_steps(config: RunConfig, most: int) -> tuple[int, ...]:
    """Returns the steps of a run that are measured, ten a decade, below `most`.

    A step is called by the number of steps before it.
    """
    total = min(config.records[-1], most)
    how = config.train_size, config.step_size, 1, "log_steps", total
    return make_records(*how)[:-1]


def descend_runs(
    configs: Sequence[RunConfig],
    dataset: Dataset,
    most: int,
    examples: int,
    track: Track = quiet,
) -> Iterator[Descents]:
    """Yields the descents [steps] along the runs of the configs.

    Args:
        configs: of runs on the dataset, not linearised.
        dataset: the dataset.
        most: number of steps after which no step is measured.
        examples: number of test examples that are measured on, equally many of each
            class.
        track: shows the progress.

    Raises:
        InputError: a config does not fit the dataset, or the dataset has too few test
            examples.
    """
    for config in configs:
        check_fits(config, dataset)
    targets = Targets(dataset.num_classes, dataset.teacher, dataset.is_text)
    shared = make_shared_data(limit_test(dataset, examples))
    made: dict[tuple[Any, ...], Program] = {}
    for config in track(configs, f"runs on {dataset.name}"):
        if config.shape not in made:
            made[config.shape] = _make_program(config, targets, most)
        lane = jax.tree.map(lambda x: x[0], make_lanes([config], 1))
        yield jax.device_get(made[config.shape](lane, shared))


def _make_program(config: RunConfig, targets: Targets, most: int) -> Program:
    tuning = make_tuning(jax.default_backend())
    parts = make_parts(config, targets, tuning)
    draw = make_draw(config, targets, config.train_size)
    length = make_length(config, len(config.records))
    steps, total = measured_steps(config, most), config.records[-1]

    def program(lane: Lanes, shared: SharedData) -> Descents:
        keys = run_keys(lane["seed"])
        data, sampler = draw(keys.data, lane, length.train_size, shared)
        how = parts.optimizer(data.inputs), steps, total, sampler
        descend = make_descend(parts.network, parts.task, *how)
        return descend(keys.train, make_hyper(lane), data)

    return jax.jit(program, compiler_options=tuning.compiler_options)
