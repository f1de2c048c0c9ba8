import dataclasses
import io
import re

import jax
import numpy as np
import pandas as pd
import pytest
from grids import GRID

from scaletime_jax.errors import InputError
from scaletime_jax.runs import store
from scaletime_jax.sweep import plan, runner
from scaletime_jax.sweep.calibration import Duration
from scaletime_jax.sweep.grid import make_grid
from scaletime_jax.sweep.plan import plan_sweep, plan_units, split
from scaletime_jax.sweep.progress import Progress, clock
from scaletime_jax.sweep.provenance import Times
from scaletime_jax.sweep.queues import Queue
from scaletime_jax.sweep.tuning import ACCELERATOR

TINY = {**GRID, "train_size": [50], "seed": [101, 102]}
CALL = "scaletime_jax.sweep.programs._call"


@pytest.fixture
def datasets(few_digits):
    return {few_digits.name: few_digits}


def test_a_sweep_trains_writes_and_returns_everything(tmp_path, few_digits, datasets):
    configs = make_grid(few_digits, **TINY)
    table = runner.run_sweep(configs, datasets, tmp_path)
    assert set(table.run_id) == {config.run_id for config in configs}
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 and all(f.suffix == ".parquet" for f in files)
    metadata = store.read_metadata(files[0])
    assert metadata["configs"][0]["dataset"] == "few"
    assert {"scaletime_jax", "git_commit", "jax", "device", "time"} <= set(metadata)
    spent = metadata["compile_seconds"] + metadata["device_seconds"]
    assert 0 < spent <= metadata["wall_seconds"] * jax.local_device_count() + 0.01
    assert metadata["matmul_precision"] == "float32"


def test_a_second_sweep_trains_nothing(tmp_path, few_digits, datasets, monkeypatch):
    configs = make_grid(few_digits, **TINY)
    first = runner.run_sweep(configs, datasets, tmp_path)
    monkeypatch.setattr(runner, "Programs", lambda *_: pytest.fail("trained again"))
    second = runner.run_sweep(configs, datasets, tmp_path)
    pd.testing.assert_frame_equal(first, second)


def test_more_seeds_leave_the_old_ones_unchanged(tmp_path, few_digits, datasets):
    few = make_grid(few_digits, **{**TINY, "width": [1]})
    many = make_grid(few_digits, **{**TINY, "width": [1], "seed": [101, 102, 103]})
    runner.run_sweep(few, datasets, tmp_path / "a")
    grown = runner.run_sweep(many, datasets, tmp_path / "a")
    fresh = runner.run_sweep(many, datasets, tmp_path / "b")
    pd.testing.assert_frame_equal(grown, fresh)
    assert grown.seed.nunique() == 3


def test_a_damaged_unit_is_trained_again(tmp_path, few_digits, datasets):
    configs = make_grid(few_digits, **TINY)
    first = runner.run_sweep(configs, datasets, tmp_path)
    path = sorted(tmp_path.glob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.warns(UserWarning, match=f"{path.name} is damaged"):
        second = runner.run_sweep(configs, datasets, tmp_path)
    pd.testing.assert_frame_equal(first, second)


def test_a_run_without_its_last_rows_is_trained_again(tmp_path, few_digits, datasets):
    """Unless it diverged or arrived before."""
    configs = make_grid(few_digits, **{**TINY, "width": [1], "label_noise": [0.0]})
    expected = runner.run_sweep(configs, datasets, tmp_path)
    [path] = tmp_path.glob("*.parquet")
    metadata = store.read_metadata(path)
    short = expected[expected.step < configs[0].records[-1]]
    store.write(tmp_path, path.stem, short, metadata)
    assert len(plan_sweep(configs, datasets, tmp_path).table) == 0
    again = runner.run_sweep(configs, datasets, tmp_path)
    pd.testing.assert_frame_equal(again, expected)
    path.unlink()
    store.write(tmp_path, "diverged", short.assign(diverged=True), metadata)
    assert plan_sweep(configs, datasets, tmp_path).missing == []


def test_a_run_that_arrived_is_complete(tmp_path, few_digits, datasets):
    axes = {**TINY, "width": [1], "label_noise": [0.0], "epochs": [5]}
    axes["until_test_loss"] = [0.2]  # which all have from the start
    configs = make_grid(few_digits, **axes)
    table = runner.run_sweep(configs, datasets, tmp_path)
    assert table.step.max() < configs[0].records[-1]
    assert plan_sweep(configs, datasets, tmp_path).missing == []


def test_other_runs_in_the_folder_are_left_out(tmp_path, few_digits, datasets):
    configs = make_grid(few_digits, **TINY)
    runner.run_sweep(configs, datasets, tmp_path)
    part = [config for config in configs if config.width == 2]
    assert set(runner.run_sweep(part, datasets, tmp_path).width) == {2}


def test_a_plan_counts_work_and_memory(tmp_path, few_digits, datasets):
    configs = make_grid(few_digits, **{**TINY, "width": [1, 4], "label_noise": [0.0]})
    small, large = plan_sweep(configs, datasets, tmp_path).missing
    assert small.steps == large.steps == 2 * 2 * 2  # runs, epochs, batches of 50
    records = configs[0].records
    forward, first = 2 * (784 * 10 + 4 * 100 + 100), 2 * 784 * 10
    evaluated = len(records) * (50 + 100) * forward
    assert small.flops == 2 * (50 * 2 * (3 * forward - first) + evaluated)
    assert large.lane_bytes > small.lane_bytes > 4 * 3 * 8400
    adam = dataclasses.replace(configs[0], optimizer="adam")
    unit = plan_sweep([adam], datasets, tmp_path).missing[0]
    assert unit.lane_bytes - small.lane_bytes == 4 * 2 * 8400


def test_train_sizes_share_a_program_unless_far_apart(tmp_path, digits):
    sizes = [50, 100, 400, 600, 5000]
    configs = make_grid(digits, **{**TINY, "width": [1], "train_size": sizes})
    plan = plan_sweep(configs, {digits.name: digits}, tmp_path)
    capacities = [unit.capacity.examples for unit in plan.missing]
    assert capacities == [400, 400, 400, 5000, 5000] and plan.num_programs == 2
    for unit in plan.missing:
        assert unit.capacity.records >= len(unit.configs[0].records)


@pytest.fixture
def accelerator(monkeypatch):
    """Lanes together on one device, as on an accelerator."""
    monkeypatch.setattr(plan, "make_tuning", lambda backend: ACCELERATOR)
    monkeypatch.setattr(runner.jax, "local_devices", lambda: jax.devices()[:1])


def spy(jit, lowered):
    """Returns `jit`, keeping what it lowers."""

    class Spied:
        def __init__(self, function, **how):
            self.function = jit(function, **how)

        def lower(self, *args):
            lowered.append(self.function.lower(*args))
            return lowered[-1]

    return Spied


def failing(times):
    """Returns what calls a program, running out of memory so many times first."""
    failures = iter(range(times))

    def call(program, arguments):
        for _ in failures:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return jax.device_get(program.advance(*arguments))

    return call


def test_out_of_memory_halves_the_lanes_and_goes_on(
    tmp_path, few_digits, datasets, accelerator, monkeypatch, capsys
):
    grid = {**TINY, "width": [1], "seed": [101, 102, 103]}
    configs = make_grid(few_digits, **{**grid, "label_noise": [0.0]})
    roomy = runner.run_sweep(configs, datasets, tmp_path / "a")
    monkeypatch.setattr(CALL, failing(2))
    tight = runner.run_sweep(configs, datasets, tmp_path / "b")
    notes = capsys.readouterr().err
    assert "trying 2 of its runs" in notes and "trying 1 of its runs" in notes
    # batched products add in another order
    np.testing.assert_allclose(tight.test_loss, roomy.test_loss, rtol=1e-5)


def test_what_never_fits_is_said_in_one_sentence(
    tmp_path, few_digits, datasets, accelerator, monkeypatch
):
    configs = make_grid(few_digits, **{**TINY, "width": [1], "label_noise": [0.0]})
    monkeypatch.setattr(CALL, failing(99))
    with pytest.raises(InputError, match=r"width 1 .* does not fit .* about .* GiB"):
        runner.run_sweep(configs, datasets, tmp_path)


def test_a_run_larger_than_the_hosts_memory_is_not_begun(
    tmp_path, few_digits, datasets, monkeypatch
):
    configs = make_grid(few_digits, **{**TINY, "width": [1], "label_noise": [0.0]})
    monkeypatch.setattr(runner, "host_bytes", lambda: 1000)
    with pytest.raises(InputError, match=r"width 1 .* does not fit .* about .* GiB"):
        runner.run_sweep(configs, datasets, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "width"), [("mlp", 50), ("cnn", 2)])
def test_counted_memory_bounds_the_compilers(
    tmp_path, digits, accelerator, architecture, width
):
    changes = {"architecture": [architecture], "width": [width], "train_size": [500]}
    configs = make_grid(digits, **{**TINY, **changes, "label_noise": [0.0]})
    [unit] = plan_sweep(configs, {digits.name: digits}, tmp_path).missing
    programs = runner.Programs(jax.devices()[0])
    data = programs.put(digits)
    one, two = (
        programs.compile(unit, data, at_once).advance.memory_analysis()
        for at_once in (1, 2)
    )
    lane = two.temp_size_in_bytes - one.temp_size_in_bytes
    # every intermediate is counted as if all were kept: measured 1.8 and 3.8 times
    assert lane < unit.lane_bytes < 5 * lane


@pytest.mark.parametrize(
    ("precision", "expected"), [("float32", "HIGHEST"), ("tensorfloat32", "HIGH")]
)
def test_the_precision_reaches_every_product(
    few_digits, datasets, monkeypatch, precision, expected
):
    lowered = []
    monkeypatch.setattr(runner.jax, "jit", spy(runner.jax.jit, lowered))
    [unit] = plan_units(
        make_grid(few_digits, **{**TINY, "width": [1], "label_noise": [0.0]}), datasets
    )
    programs = runner.Programs(jax.devices()[0], precision)
    programs.compile(unit, programs.put(few_digits), 1)
    text = lowered[0].as_text()
    products = re.findall(r"stablehlo.dot_general .*", text)
    wanted = f"precision = [{expected}, {expected}]"
    assert len(products) > 20 and all(wanted in line for line in products)


def test_every_device_gives_the_same(few_digits, datasets):
    [unit] = plan_units(
        make_grid(few_digits, **{**TINY, "width": [1], "label_noise": [0.0]}), datasets
    )
    part = split(unit, 2)[1]
    first, second = (
        runner.Programs(device).train(part, few_digits) for device in jax.devices()[:2]
    )
    np.testing.assert_array_equal(first.curves.test_loss, second.curves.test_loss)


def test_runs_are_dealt_one_by_one_where_lanes_take_turns(few_digits, datasets):
    grid = {**TINY, "width": [1], "seed": range(5), "label_noise": [0.0]}
    [unit] = plan_units(make_grid(few_digits, **grid), datasets)
    assert [part.configs for part in split(unit, 2)] == [[c] for c in unit.configs]
    together = split(unit._replace(tuning=ACCELERATOR), 2)
    assert [part.start for part in together] == [0, 3]
    assert [c for part in together for c in part.configs] == unit.configs


def test_a_device_keeps_to_its_program_while_there_is_work(few_digits, datasets):
    grid = {**TINY, "width": [1, 2, 3], "label_noise": [0.0]}
    units = plan_units(make_grid(few_digits, **grid), datasets)
    queue = Queue(part for unit in units for part in split(unit, 2))
    one, two = both = [runner.Programs(device) for device in jax.devices()[:2]]

    def take(mine):
        part = queue.take(mine, both)
        return part and (part.unit.configs[0].width, part.start)

    assert [take(one), take(two)] == [(1, 0), (2, 0)]
    assert [take(one), take(one)] == [(1, 1), (3, 0)]
    assert [take(two), take(two), take(two)] == [(2, 1), (3, 1), None]


def test_a_failure_on_a_device_is_the_sweeps(
    tmp_path, few_digits, datasets, monkeypatch
):
    def call(program, arguments):
        raise jax.errors.JaxRuntimeError("INTERNAL: broken")

    monkeypatch.setattr(CALL, call)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        runner.run_sweep(make_grid(few_digits, **TINY), datasets, tmp_path)
    assert not list(tmp_path.glob("*.parquet"))


def test_progress_in_plain_lines(few_digits, datasets):
    grid = {**TINY, "width": [1, 1000], "label_noise": [0.0]}
    units = plan_units(make_grid(few_digits, **grid), datasets)
    stream = io.StringIO()
    progress = Progress(units, devices=2, stream=stream)
    progress.tick()
    for part in split(units[0], 2):
        progress.count(part, Times(start=0.0, compiling=1.0, running=2.0))
    progress.finish(units[0])
    progress.close()
    [line] = stream.getvalue().splitlines()
    assert line.startswith("[2/4 runs] few mlp width 1 sgd train_size 50: 2 runs; ")
    # each of two devices made the 4 steps of a run in 2 s
    steps, left = re.search(r"(\d+) steps/s, (\S+) left", line).groups()
    assert steps == "4"
    # both devices have compiled: as many programs as were counted
    expected = 4.0 * units[1].work / units[0].work / 2
    assert left == clock(expected)


def test_before_the_first_run_ends_it_is_what_the_machine_was_measured_to_take(
    few_digits, datasets
):
    grid = {**TINY, "width": [1], "label_noise": [0.0]}
    units = plan_units(make_grid(few_digits, **grid), datasets)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for expected, words in (
        (Duration(100.0, 100.4), "about 3:20 left"),
        (None, "time left not known yet"),
    ):
        stream = Terminal()
        progress = Progress(units, devices=2, stream=stream, expected=expected)
        progress.tick()
        progress.close()
        assert words in stream.getvalue()


def test_clock():
    assert [clock(s) for s in (0.0, 61.0, 3723.4)] == ["0:00", "1:01", "1:02:03"]
