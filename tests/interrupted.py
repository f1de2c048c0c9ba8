"""Sweeps that are stopped within a run, after a few of its segments."""

import threading

import pytest

from scaletime_jax.sweep import checkpoints, runner
from scaletime_jax.sweep.checkpoints import Checkpoints, Stopped
from scaletime_jax.sweep.programs import Programs

STEPS = 7  # of a segment


def cut(monkeypatch):
    """Makes segments of a few steps; what takes no time is saved too."""

    def end(unit, begin, pace, lanes=1):
        return min(begin + STEPS, unit.configs[0].records[-1])

    monkeypatch.setattr("scaletime_jax.sweep.programs.segment_end", end)
    monkeypatch.setattr(checkpoints, "SHORT", 0.0)


def interrupt(monkeypatch, folder, configs, datasets, segments, **how):
    """Stops a sweep after some segments in all."""
    stop, note, seen = threading.Event(), Checkpoints.note, []

    def count(self, part, reached):
        seen.append(reached.step)
        if len(seen) >= segments:
            stop.set()
        note(self, part, reached)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "note", count)
        with pytest.raises(Stopped):
            runner.run_sweep(configs, datasets, folder, stop=stop, **how)


def saved(folder):
    """Returns the folders of checkpoints."""
    place = folder / checkpoints.FOLDER
    return sorted(place.iterdir()) if place.exists() else []


def spy(monkeypatch):
    """Returns a list of the first steps of all segments that follow."""
    begun, advance = [], Programs.advance

    def spied(self, part, program, data, at_once, reached):
        begun.append(reached.step)
        return advance(self, part, program, data, at_once, reached)

    monkeypatch.setattr(Programs, "advance", spied)
    return begun
