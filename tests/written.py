"""What a study returns can be written, and its figure drawn again."""

import json

from readable import assert_readable

from scaletime_jax.plotting.draw import draw
from scaletime_jax.plotting.style import render
from scaletime_jax.studies import drawn
from scaletime_jax.studies.result import describe_claims


def assert_can_be_written(result):
    """Also that the stored numbers of the figure draw the same picture."""
    json.dumps(result.record, allow_nan=False)
    assert result.title and result.caption and not result.title.endswith(".")
    for rows in result.tables.values():
        assert {tuple(row) for row in rows} <= {tuple(rows[0])}
    stored = drawn.unpack(drawn.pack(result.figure))
    first, again = pictures(result.name, result.figure), pictures(result.name, stored)
    assert first == again and f"{result.name}.png" in first
    assert result.conclusion.endswith(".")
    assert all(line.strip() for line in describe_claims(result.corrected))


def pictures(name, figure):
    """Returns the PNG files of a figure that can be read."""
    files = {}
    for each in draw(name, figure):
        files[f"{each.name}.png"] = render(each.figure, "png")
        each.figure.set_layout_engine("none")  # is done
        assert_readable(each.figure)
    return files
