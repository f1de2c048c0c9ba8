"""Local exponents at several shares of the guessing loss removed, in one panel."""

from collections.abc import Mapping

import numpy as np
from matplotlib.lines import Line2D

from scaletime_jax.plotting.overview import Mark
from scaletime_jax.plotting.style import shades, use_log_axis
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.local_exponents import LocalExponents

# Exponents beyond are cut off, with their intervals.
SHOWN = -3.5, 1.5
FEW = 4  # shares whose intervals can be told apart
Colours = Mapping[float | None, tuple]
Found = Mapping[float | None, LocalExponents | None]


def share_colours(found: Found, record: float | None) -> Colours:
    """Returns colours of the shares drawn, and grey for a loss given, if any.

    Of more than four shares with exponents the smallest, that of record, and every
    other one from the largest down: more intervals cannot be told apart.

    Args:
        found: by share.
        record: the share at which claims are made; None for a loss given.
    """
    known = sorted(
        share for share, each in found.items() if share is not None and each is not None
    )
    drawn = known
    if len(known) > FEW:
        of_record = (share for share in known if share == record)
        drawn = sorted({*known[:1], *known[::-2], *of_record})
    given = {None: (0.45, 0.45, 0.45, 1.0)} if None in found else {}
    return given | shades(drawn, "plasma")


def draw_exponents(axis, found: Found, colours: Colours) -> None:
    """Draws exponents over size with their intervals, a line a share.

    Args:
        axis: whose x is a size.
        found: by share.
        colours: by share; others are left out.
    """
    use_log_axis(axis.xaxis)
    axis.set_ylim(*SHOWN)
    shown = {share: each for share, each in found.items() if share in colours and each}
    for place, (share, each) in enumerate(shown.items()):
        size = each.sizes * np.exp(0.03 * (place - (len(shown) - 1) / 2))
        look = {"color": colours[share], "linewidth": 1}
        axis.plot(size, each.values, "o-", markersize=3.5, **look)
        if each.intervals is not None:
            axis.vlines(size, *np.clip(each.intervals.T, *SHOWN), **look)
    sizes = {float(size) for each in shown.values() for size in each.sizes}
    if len(sizes) == 1:  # whose axis would show thousandths
        axis.set_xlim(min(sizes) / 2, min(sizes) * 2)


def exponent_marks(title: str, found: LocalExponents | None) -> list[Mark]:
    """Returns exponents as marks of an overview, in the colours of their sizes.

    Args:
        title: of the row.
        found: the exponents; None for none.
    """
    if found is None:
        return []
    ends = [None] * len(found.values) if found.intervals is None else found.intervals
    return [
        Mark(
            title,
            round(float(size)),
            Estimate(float(value), None if each is None else tuple(each)),
        )
        for size, value, each in zip(found.sizes, found.values, ends, strict=True)
    ]


def share_handles(colours: Colours) -> list[Line2D]:
    """Returns what a legend says of the shares; nothing where there are none."""
    if len(colours) < 2:
        return []
    title = Line2D([], [], linestyle="", label="share of the\nguessing loss removed")
    return [title] + [
        Line2D(
            [],
            [],
            label="none: the paper's" if share is None else f"{share:g}",
            color=colour,
            marker="o",
            markersize=3.5,
        )
        for share, colour in colours.items()
    ]
