"""How fast this machine trains: measured once, then kept in the cache directory."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from scaletime_jax.data import cache
from scaletime_jax.sweep.plan import Unit


class Calibration(NamedTuple):
    """What training networks of one architecture takes on one of the devices.

    Attributes:
        flop_seconds: of a floating-point operation of `Unit.flops`, > 0.
        overhead_seconds: of one of `Unit.overhead`, which counts in the same unit.
        compile_seconds: of a program.
    """

    flop_seconds: float
    overhead_seconds: float
    compile_seconds: float

    def running(self, unit: Unit) -> float:
        """Returns the seconds that a device needs for all runs of a unit."""
        flops, overhead = unit.flops, unit.overhead
        return flops * self.flop_seconds + overhead * self.overhead_seconds


class Duration(NamedTuple):
    """Seconds that a sweep takes.

    Attributes:
        compiling: of all devices together, from the first program to the last.
        running: likewise.
    """

    compiling: float
    running: float


Calibrations = Mapping[str, Calibration]  # by architecture


def predict_duration(
    units: Sequence[Unit], calibrations: Calibrations, devices: int
) -> Duration:
    """Returns how long units take on devices that share them.

    Args:
        units: to be trained.
        calibrations: for each of their architectures, by `Unit.timed_as`.
        devices: how many train.
    """
    programs = {unit.program: unit.timed_as for unit in units}
    compiling = [calibrations[name].compile_seconds for name in programs.values()]
    running = [calibrations[unit.timed_as].running(unit) for unit in units]
    # devices compile side by side; those left without a program of their own at the
    # end compile one that another has
    turns = math.ceil((len(compiling) + devices - 1) / devices)
    each = turns / max(1, len(compiling))
    return Duration(each * math.fsum(compiling), math.fsum(running) / devices)


def read_calibrations(architectures: set[str]) -> Calibrations | None:
    """Returns what this machine was measured to take, if it was.

    A cache file that is damaged, or says less than is asked, counts as none.
    """
    known = _read()
    return known if architectures <= set(known) else None


def calibrate(
    architectures: set[str], measure: Callable[[str], Calibration]
) -> Calibrations:
    """Returns what this machine takes, measuring what the cache does not say.

    Args:
        architectures: of the networks to be trained.
        measure: returns the calibration of one of them.
    """
    known = _read()
    lacking = sorted(architectures - set(known))
    if lacking:
        known |= {name: measure(name) for name in lacking}
        content = {name: each._asdict() for name, each in known.items()}
        cache.write_json(_key(), content)
    return known


def _read() -> dict[str, Calibration]:
    try:
        stored: dict[str, dict[str, float]] = cache.read_json(_key()) or {}
        found = {name: Calibration(**each) for name, each in stored.items()}
        numbers = [number for each in found.values() for number in each]
        sound = all(math.isfinite(number) and number >= 0 for number in numbers)
    except (AttributeError, TypeError):  # other JSON than ours
        return {}
    return found if sound else {}


def _key() -> str:
    """Names what a calibration depends on."""
    devices = jax.local_devices()
    words: list[Any] = [len(devices), devices[0].device_kind, "jax", jax.__version__]
    name = "-".join(map(str, words)).replace("/", "-").replace(" ", "-")
    return f"calibration/{name}"
