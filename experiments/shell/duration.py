"""What a sweep takes on this machine, in words."""

import sys
from collections.abc import Mapping, Sequence

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from scaletime_jax.data.sources import Dataset
from scaletime_jax.sweep import timing
from scaletime_jax.sweep.architectures import RESNETS
from scaletime_jax.sweep.calibration import Calibration, calibrate, predict_duration
from scaletime_jax.sweep.own_network import OwnNetwork
from scaletime_jax.sweep.plan import Unit
from scaletime_jax.words import count_of


def describe_duration(units: Sequence[Unit], datasets: Mapping[str, Dataset]) -> str:
    """Returns how long units train, after timing this machine where it never was."""
    devices = jax.local_devices()
    architectures = {unit.timed_as for unit in units}

    def measure(architecture: str) -> Calibration:
        mine = [unit for unit in units if unit.timed_as == architecture]
        return time_anew(architecture, mine, datasets)

    known = calibrate(architectures, measure)
    took = predict_duration(units, known, len(devices))
    whole = took.compiling + took.running
    where = count_of(len(devices), f"{devices[0].device_kind} device")
    ends = any(unit.configs[0].until_test_loss > 0 for unit in units)
    return (
        f"{'At most about' if ends else 'About'} {in_words(whole)} on this machine "
        f"({where}), of which {in_words(took.compiling)} compile unless programs are "
        "kept; it may be half or twice as long."
    )


def time_anew(
    architecture: str, units: Sequence[Unit], datasets: Mapping[str, Dataset]
) -> Calibration:
    """Times training here, compiling what JAX may have kept from an earlier time."""
    takes = "about a minute" if architecture in RESNETS else "seconds"
    note = f"Timing small networks ({architecture}) on this machine, once, for {takes}."
    print(note, file=sys.stderr, flush=True)
    keeps = jax.config.values["jax_enable_compilation_cache"]
    jax.config.update("jax_enable_compilation_cache", False)
    reset_cache()  # JAX decides once, at the first program
    try:
        if isinstance(units[0].configs[0].architecture, OwnNetwork):
            return timing.time_own(units, datasets)
        return timing.time_training(architecture)
    finally:
        jax.config.update("jax_enable_compilation_cache", keeps)
        reset_cache()


def in_words(seconds: float) -> str:
    """Returns a duration in the unit that a person would choose, two digits of it."""
    if seconds < 59.5:
        return count_of(round(seconds), "second")
    unit, size = ("minute", 60) if seconds < 7200 else ("hour", 3600)
    number = round(seconds / size, 1)
    return count_of(round(number) if number >= 10 or number % 1 == 0 else number, unit)
