"""Ticks and colours that every figure shares."""

import io

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from readable import assert_readable

from scaletime_jax.plotting import overview
from scaletime_jax.plotting.style import (
    LogTicks,
    render,
    shades,
    use_log_axis,
    write_tick,
)

SPANS = [1.001, 1.02, 1.3, 2.0, 5.0, 12.0, 70.0, 1e3, 1e6, 1e13]


@pytest.mark.parametrize("span", SPANS)
def test_a_logarithmic_axis_has_three_ticks_whatever_its_range(span):
    for low in np.geomspace(1e-6, 1e6, 41):
        ticks = np.array(LogTicks().tick_values(low, span * low))
        assert 3 <= len(ticks) <= 11
        assert ticks.min() >= low * 0.999 and ticks.max() <= span * low * 1.001
        assert (np.diff(ticks) > 0).all()


def test_a_reversed_axis_has_the_same_ticks_and_an_impossible_range_none():
    assert LogTicks().tick_values(1.0, 50.0) == LogTicks().tick_values(50.0, 1.0)
    for ends in ((0.0, 1.0), (-1.0, 1.0), (1.0, 1.0), (np.nan, 1.0)):
        assert LogTicks().tick_values(*ends) == []


def test_many_decades_have_powers_of_ten_at_equal_distances():
    ticks = np.log10(LogTicks(most=4).tick_values(0.5, 2e9))
    assert len(ticks) <= 5 and len(set(np.round(np.diff(ticks), 9))) == 1
    np.testing.assert_allclose(ticks, np.round(ticks))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (20_000.0, "20,000"),
        (0.003, "0.003"),
        (0.0855, "0.0855"),
        (1e6, "$10^{6}$"),
        (2e-5, r"$2\times10^{-5}$"),
    ],
)
def test_ticks_are_written_as_a_person_would(value, words):
    assert write_tick(value) == words


@pytest.mark.parametrize("span", SPANS)
def test_labels_of_ticks_stand_apart(span):
    figure = Figure(figsize=(8.4, 3), layout="constrained")
    for axis in figure.subplots(1, 3):
        axis.plot([1, span], [1, span])
        use_log_axis(axis.xaxis, 4)
        use_log_axis(axis.yaxis)
    assert_readable(figure)


def test_what_cannot_be_read_is_found():
    wide = Figure(figsize=(9, 3))
    with pytest.raises(AssertionError):
        assert_readable(wide)
    small = Figure(figsize=(8, 3))
    small.suptitle("words", fontsize=6)
    with pytest.raises(AssertionError, match="words"):
        assert_readable(small)
    many = Figure(figsize=(8, 3))
    many.subplots(3, 1)
    with pytest.raises(AssertionError):
        assert_readable(many)


def test_shades_are_even_and_darker_for_more():
    assert shades([]) == {}
    brightness = [sum(colour[:3]) for colour in shades([1, 5, 20, 100]).values()]
    assert brightness == sorted(brightness, reverse=True)
    viridis = matplotlib.colormaps["viridis"]
    assert shades([3, None])[3] == viridis(0.0)  # what is not known comes first


def test_fewer_colours_are_the_same_to_the_eye():
    figure = Figure(figsize=(6, 4))
    axis = figure.subplots()
    for i, colour in enumerate(shades(range(40)).values()):
        axis.plot([0, 1], [0, i], color=colour, alpha=0.3 + 0.7 * (i % 2))
        axis.fill_between([0, 1], [0, i], [0, i + 1], color=f"C{i % 10}", alpha=0.2)
    plain, content = io.BytesIO(), render(figure, "png")
    figure.savefig(plain, format="png", dpi=200)
    assert len(content) < 0.5 * len(plain.getvalue())
    seen, wanted = (
        np.asarray(Image.open(io.BytesIO(each)).convert("RGB")).astype(int)
        for each in (content, plain.getvalue())
    )
    assert np.abs(seen - wanted).max() <= 24  # of 255


def test_what_long_labels_share_is_the_title():
    rows = [f"{'a' * 30}, {'b' * 20}, momentum 0.9, {each}" for each in ("x", "y")]
    title, labels = overview._shorten(rows)
    assert title == f"{'a' * 30}, {'b' * 20}, momentum 0.9" and labels == ["x", "y"]
    assert overview._shorten(rows[:1]) == ("", rows[:1])
    rows = [f"{'a' * 30}, {each}, {'b' * 20}, cosine" for each in ("x", "y, z")]
    title, labels = overview._shorten(rows)
    assert title == f"{'a' * 30}, {'b' * 20}, cosine" and labels == ["x", "y, z"]
    assert overview._shorten(["a, x", "a, y"]) == ("", ["a, x", "a, y"])
