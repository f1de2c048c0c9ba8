"""Lanes trained by their program, whole or in segments, as the runner does."""

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.sweep.examples import make_shared_data
from scaletime_jax.sweep.lanes import (
    Segment,
    blank_state,
    make_lanes,
    make_length,
    make_program,
)
from scaletime_jax.sweep.tuning import CPU
from scaletime_jax.training.curves import join_curves


def train_lanes(
    configs, targets, dataset, at_once=1, capacity=None, records=None, ends=()
):
    """Returns the configs' curves, `at_once` lanes together.

    Args:
        configs: of one shape.
        targets: of the dataset.
        dataset: to train on.
        at_once: number of lanes together.
        capacity: of the program's training set.
        records: capacity of the program's evaluations.
        ends: steps at which a segment ends before the last.
    """
    config = configs[0]
    program = make_program(config, targets, capacity or config.train_size, CPU)
    advance = jax.jit(program.advance)
    length = make_length(config, records or len(config.records))
    data = make_shared_data(dataset)
    blank = None
    turns = []
    for i in range(0, len(configs), at_once):
        lanes = make_lanes(configs[i : i + at_once], at_once)
        if blank is None:
            blank = blank_state(program, lanes, length, data)
            blank = jax.tree.map(jnp.asarray, blank)
        state, curves, begin = blank, None, 0
        for end in (*ends, config.records[-1]):
            state, new = advance(lanes, length, data, state, Segment(begin, end))
            stops = np.asarray(length.stops)
            is_new = (stops > begin) & (stops <= end) & (np.diff(stops, prepend=-1) > 0)
            curves = new if curves is None else join_curves(curves, new, is_new)
            begin = end
        turns.append(curves)
    assert advance._cache_size() == 1  # whatever the segments
    return jax.tree.map(lambda *each: np.concatenate(each), *turns)
