"""What a machine takes: measured once, kept, and not trusted where it is damaged."""

import jax
import numpy as np
import pytest
from grids import GRID

from scaletime_jax.data import cache
from scaletime_jax.sweep import calibration, timing
from scaletime_jax.sweep.architectures import timed_as
from scaletime_jax.sweep.calibration import (
    Calibration,
    calibrate,
    predict_duration,
    read_calibrations,
)
from scaletime_jax.sweep.grid import make_grid
from scaletime_jax.sweep.plan import plan_units
from scaletime_jax.sweep.timing import time_training

SLOW = Calibration(flop_seconds=1e-9, overhead_seconds=2e-9, compile_seconds=3.0)


@pytest.fixture
def timed():
    """Measures nothing, and remembers what it was asked for."""
    asked = []

    def measure(architecture):
        asked.append(architecture)
        return SLOW

    measure.asked = asked
    return measure


def stored():
    [path] = (cache.cache_dir() / "calibration").iterdir()
    return path


def test_a_machine_is_measured_once(timed):
    assert read_calibrations({"mlp"}) is None
    assert calibrate({"mlp"}, timed) == {"mlp": SLOW}
    assert calibrate({"mlp"}, timed) == read_calibrations({"mlp"}) == {"mlp": SLOW}
    assert timed.asked == ["mlp"]


def test_only_what_is_lacking_is_measured(timed):
    calibrate({"mlp"}, timed)
    assert read_calibrations({"mlp", "cnn"}) is None
    assert set(calibrate({"mlp", "cnn"}, timed)) == {"mlp", "cnn"}
    assert timed.asked == ["mlp", "cnn"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"mlp": ',
        "[1, 2]",
        '{"mlp": {"flop_seconds": 1e-9}}',
        '{"mlp": {"flops": 1}}',
        '{"mlp": 5}',
        '{"mlp": {"flop_seconds": NaN, "overhead_seconds": 0, "compile_seconds": 0}}',
        '{"mlp": {"flop_seconds": -1, "overhead_seconds": 0, "compile_seconds": 0}}',
        '{"mlp": {"flop_seconds": "1", "overhead_seconds": 0, "compile_seconds": 0}}',
    ],
)
def test_a_damaged_file_is_rewritten(timed, content):
    calibrate({"mlp"}, timed)
    stored().write_text(content)
    assert read_calibrations({"mlp"}) is None
    assert calibrate({"mlp"}, timed) == {"mlp": SLOW}
    assert timed.asked == ["mlp", "mlp"]
    assert read_calibrations({"mlp"}) == {"mlp": SLOW}


@pytest.mark.parametrize("change", ["device", "count", "version"])
def test_another_machine_is_measured_anew(timed, monkeypatch, change):
    calibrate({"mlp"}, timed)
    devices = jax.local_devices()
    if change == "version":
        monkeypatch.setattr(calibration.jax, "__version__", "99.0")
    else:
        kind = "NVIDIA A/B 1" if change == "device" else devices[0].device_kind
        other = [type("Device", (), {"device_kind": kind})] * len(devices)
        others = other if change == "device" else other[:1]
        monkeypatch.setattr(calibration.jax, "local_devices", lambda: others)
    assert read_calibrations({"mlp"}) is None
    calibrate({"mlp"}, timed)
    assert timed.asked == ["mlp", "mlp"]
    assert len(list((cache.cache_dir() / "calibration").iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_no_matter(timed, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "taken"))
    assert calibrate({"mlp"}, timed) == {"mlp": SLOW}


def test_a_duration_is_work_at_the_rate_shared_by_devices(few_digits):
    configs = make_grid(few_digits, **{**GRID, "width": [1, 2, 3]})
    units = plan_units(configs, {few_digits.name: few_digits})
    alone, shared = (predict_duration(units, {"mlp": SLOW}, n) for n in (1, 2))
    work = sum(1e-9 * unit.flops + 2e-9 * unit.overhead for unit in units)
    assert alone.running == pytest.approx(work)
    assert shared.running == pytest.approx(work / 2)
    # three programs: two devices compile two at once, then both the last one
    assert (alone.compiling, shared.compiling) == (9.0, 6.0)
    assert predict_duration([], {}, 2) == (0.0, 0.0)


def test_work_is_flops_and_overhead(few_digits):
    [unit, *_] = plan_units(
        make_grid(few_digits, **GRID), {few_digits.name: few_digits}
    )
    assert unit.work == unit.flops + unit.overhead


@pytest.mark.slow
def test_timing_trains_two_networks(monkeypatch):
    """Whatever it measures: rates are no less than none, compiling takes time."""
    monkeypatch.setattr(timing, "NETWORKS", {"mlp": ((1, 1), (2, 1))})
    monkeypatch.setattr(timing, "EXAMPLES", 50)
    found = time_training("mlp")
    assert np.isfinite(found).all() and min(found) >= 0
    assert found.flop_seconds + found.overhead_seconds > 0


def test_a_deep_residual_network_is_timed_as_the_shallowest():
    names = "wrn40", "wrn10", "mlp"
    assert [timed_as(name) for name in names] == ["wrn10", "wrn10", "mlp"]


@pytest.mark.parametrize(("architecture", "most"), [("wrn10", 60), ("myrtle", 520)])
def test_timing_has_little_to_compute(architecture, most):
    """GFLOP for a device; a residual network does about ten a second."""
    noise = timing._make_noise()
    units = plan_units(timing.small_runs(architecture, noise, 1), {noise.name: noise})
    assert sum(unit.flops for unit in units) < most * 1e9
