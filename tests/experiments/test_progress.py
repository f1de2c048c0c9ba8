"""How far loops are: drawn on a terminal, in lines elsewhere, nowhere by default."""

import io

import numpy as np
import pytest
from shell import progress

from scaletime_jax.track import Track, quiet


class Terminal(io.StringIO):
    """Takes what is drawn."""

    def isatty(self):
        return True


class Clock:
    """Stands still until it is told."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def meter(clock):
    """Four items, told of in plain lines whenever a test says so."""
    meter = progress.Meter("draws", 4, io.StringIO())
    yield meter
    meter.close()


def test_tracks_are_tracks():
    assert isinstance(quiet, Track) and isinstance(progress.track, Track)


def test_quiet_hands_on_and_says_nothing(capsys):
    assert list(quiet([1, 2], "draws")) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_what_ends_at_once_says_nothing(capsys):
    assert list(progress.track(["a", "b"], "draws")) == ["a", "b"]
    assert capsys.readouterr() == ("", "")


def test_time_left_leaves_out_the_first_item(meter, clock):
    """It may have compiled what all use."""
    assert meter.left() == "time left not known yet"
    clock.now = 60.0
    meter.count()
    assert meter.left() == "3:00 left"
    clock.now = 70.0
    meter.count()
    assert meter.left() == "0:20 left"
    clock.now = 75.0  # amid the third
    assert meter.left() == "0:15 left"
    clock.now = 300.0
    assert meter.left() == "0:00 left"


def wait_for(condition, event):
    for _ in range(500):
        if condition():
            return
        event.wait(0.01)
    pytest.fail("nothing was said")


def test_plain_lines_elsewhere(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(progress, "EVERY", 0.01)
    monkeypatch.setattr(progress.sys, "stderr", stream)
    event = progress.threading.Event()
    for item in progress.track([1, 2], "draws"):
        seen = f"draws: {item - 1}/2, "
        wait_for(lambda seen=seen: seen in stream.getvalue(), event)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "draws: 0/2, time left not known yet"
    assert any(line.startswith("draws: 1/2, 0:0") for line in lines)
    assert lines[-1].startswith("draws: 2/2, in 0:0")


def test_a_bar_on_a_terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(progress, "DELAY", 0.01)
    monkeypatch.setattr(progress.sys, "stderr", stream)
    event = progress.threading.Event()
    for _ in progress.track([1, 2], "draws"):
        wait_for(lambda: "draws 0/2 |" in stream.getvalue(), event)
    assert "time left not known yet" in stream.getvalue()
    assert "\n" not in stream.getvalue()  # and the bar leaves


def test_a_loop_that_fails_stops_telling(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(progress, "EVERY", 0.01)
    monkeypatch.setattr(progress.sys, "stderr", stream)
    before = progress.threading.active_count()
    with pytest.raises(ZeroDivisionError):
        for _ in progress.track([1, 2], "draws"):
            raise ZeroDivisionError
    assert progress.threading.active_count() == before
    assert "in 0:0" not in stream.getvalue()


def test_a_study_is_quiet_and_the_same(capsys):
    """Of its numbers, whoever is told how far it is."""
    from scaletime_jax.studies.linear_dynamics import make_data_curves

    told = []

    def track(items, words):
        told.append((len(items), words))
        return items

    arguments = [5, 10], 8, 0.1, [1.0, np.inf], 3, 0
    for alone, tracked in zip(
        make_data_curves(*arguments),
        make_data_curves(*arguments, track),
        strict=True,
    ):
        np.testing.assert_array_equal(alone.median, tracked.median)
    assert told == [(2, "train sizes")]
    assert capsys.readouterr() == ("", "")
