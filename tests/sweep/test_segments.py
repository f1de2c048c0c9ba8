"""Runs in segments are the whole runs, to the last bit."""

import dataclasses

import numpy as np
import pytest
from grids import CONFIG
from segmented import train_lanes

from scaletime_jax.data.sources import load_dataset
from scaletime_jax.sweep import segments
from scaletime_jax.sweep.examples import Targets
from scaletime_jax.sweep.plan import plan_units, split
from scaletime_jax.sweep.segments import BEGIN, segment_end, segment_work
from scaletime_jax.training.curves import from_metrics

ADAM = {"optimizer": "adam", "learning_rate": 0.003}
TAUGHT = {"architecture": "mlp2", "width": 4, "dataset": "taught"}
# Trained on 96 examples in batches of 32 for 4 epochs, but for what is said.
CASES = {
    "cosine": {**ADAM, "schedule": "cosine", "label_noise": 0.2},
    "ends at a loss": {
        **{**ADAM, "width": 3, "epochs": 25},
        **{"train_size": 320, "until_test_loss": 0.08},
    },
    "fresh": {**TAUGHT, "batching": "fresh", "steps": 40},
    "full": {
        **{**TAUGHT, "batching": "full", "steps": 40},
        **{"optimizer": "momentum", "momentum": 0.9},
        **{"schedule": "warmup_cosine", "warmup": 0.3},
    },
    "taught": {
        **{**TAUGHT, "optimizer": "adamw", "weight_decay": 0.1},
        **{"schedule": "warmup_stable_decay", "warmup": 0.3, "decay": 0.4},
    },
    "cnn": {"architecture": "cnn"},
    "batch statistics": {
        **{"architecture": "wrn10", "width": 4, "epochs": 2},
        **{"augmentation": "flips_crops", "optimizer": "momentum", "momentum": 0.9},
    },
}


SLOW = {"batch statistics", "cnn"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in CASES
    ],
)
def test_segments_make_the_whole_run(few_digits, name):
    """Segments end within epochs, at evaluations, before and after them."""
    changes = {"train_size": 96, "epochs": 4, "learning_rate": 0.1, **CASES[name]}
    config = dataclasses.replace(CONFIG, **changes)
    dataset, targets = few_digits, Targets(10, None)
    if config.dataset == "taught":
        dataset = load_dataset("teacher:d=2,width=8,pool=500,test=100")
        targets = Targets(1, dataset.teacher)
    # lanes together, where a lane may end before another
    at_once = 2 if config.until_test_loss else 1
    configs = [dataclasses.replace(config, seed=101 + i) for i in range(at_once)]
    last = config.records[-1]
    whole = train_lanes(configs, targets, dataset, at_once)
    ends = sorted({1, 2, 3, last // 2, last // 2 + 1, last - 1})
    parts = train_lanes(configs, targets, dataset, at_once, ends=ends)
    for field, values in whole._asdict().items():
        np.testing.assert_array_equal(parts._asdict()[field], values, field)
    assert np.isnan(whole.test_loss).any() == (config.until_test_loss > 0)
    assert len(set(whole.test_loss[0].tolist())) > 4


@pytest.fixture
def unit(few_digits):
    config = dataclasses.replace(CONFIG, dataset="few", train_size=320, epochs=1000)
    [made] = plan_units([config], {"few": few_digits})
    return made


def test_a_run_that_is_short_is_one_segment(unit):
    last = unit.configs[0].records[-1]
    whole = segment_work(unit, 0, last)
    assert whole == pytest.approx(unit.work)
    assert segment_end(unit, 0, segments.SEGMENT / whole) == last
    assert segment_end(unit, 0, 1.3 * segments.SEGMENT / whole) == last
    assert segment_end(unit, 0, 1.4 * segments.SEGMENT / whole) < last


@pytest.mark.parametrize("seconds", [3.0, 100.0, 1e9])
def test_segments_take_their_seconds_and_all_of_the_run(unit, seconds):
    """Of a run that takes so many seconds; a step is a segment at least."""
    last = unit.configs[0].records[-1]
    pace, begin = seconds / unit.work, 0
    for _ in range(200):
        end = segment_end(unit, begin, pace)
        assert begin < end <= last
        took = pace * segment_work(unit, begin, end)
        if end == last:
            break
        longer = pace * segment_work(unit, begin, end + 1)
        assert end == begin + 1 or took <= segments.SEGMENT < longer
        begin = end
    assert end == last or seconds == 1e9


def test_an_evaluation_belongs_to_one_segment(unit):
    stops, works = unit.configs[0].records, []
    for begin, end in zip((0, *stops), stops, strict=False):
        if begin < end:
            works.append(segment_work(unit, begin, end))
    assert sum(works) == pytest.approx(unit.work)


def test_a_segment_adds_its_evaluations(unit):
    [part] = split(unit, 1)
    stops = np.array(part.configs[0].records)

    def curves(number, begin, end):
        is_new = (stops > begin) & (stops <= end) | (stops == 0) & (begin == 0)
        values = np.where(is_new, number, np.nan)[None].astype(np.float32)
        return from_metrics([np.pad(values, ((0, 0), (0, 2)))] * 4)  # of more records

    first = segments.add_segment(part, BEGIN, 30, curves(1.0, 0, 30))
    reached = BEGIN._replace(step=30, curves=[first])
    both = segments.add_segment(part, reached, 70, curves(2.0, 30, 70))
    expected = np.where(stops <= 30, 1.0, np.where(stops <= 70, 2.0, np.nan))
    np.testing.assert_array_equal(both.test_loss[0], expected)
    np.testing.assert_array_equal(both.diverged[0], stops > 70)
