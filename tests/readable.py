"""Whether a figure can be read at the width of a page."""

import itertools

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from scaletime_jax.plotting.style import SETTINGS, WIDTH

SMALLEST = 7.0  # points
MOST_ROWS, MOST_COLUMNS = 2, 3
FEWEST_TICKS = 3


def assert_readable(figure):
    """Its size, text, panels, and the ticks of its logarithmic axes."""
    assert figure.get_figwidth() <= WIDTH
    with matplotlib.rc_context(SETTINGS):
        FigureCanvasAgg(figure).draw()
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            assert text.get_fontsize() >= SMALLEST, text.get_text()
    for axes in figure.axes:
        place = axes.get_subplotspec()
        if place is None or not axes.axison:  # a bar of colours, or words
            continue
        rows, columns = place.get_gridspec().get_geometry()
        assert rows <= MOST_ROWS and columns <= MOST_COLUMNS
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                assert_ticks(axis)


def assert_ticks(axis):
    """There are three labels or more, none on another."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    labels = [tick.label1 for tick in ticks]
    said = [label.get_text() for label in labels]
    assert len(said) >= FEWEST_TICKS and all(said), (axis.get_label_text(), said)
    boxes = [label.get_window_extent() for label in labels if label.get_visible()]
    for one, other in itertools.pairwise(boxes):
        assert not one.overlaps(other), (axis.get_label_text(), said)
