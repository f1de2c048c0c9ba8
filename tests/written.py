"""What a study returns can be written, and its figure drawn again."""

import json

from scaletime_jax.plotting.draw import draw
from scaletime_jax.plotting.style import render
from scaletime_jax.studies import drawn


def assert_can_be_written(result):
    """Also that the stored numbers of the figure draw the same picture."""
    json.dumps(result.record, allow_nan=False)
    assert result.title and result.caption and not result.title.endswith(".")
    for rows in result.tables.values():
        assert {tuple(row) for row in rows} <= {tuple(rows[0])}
    stored = drawn.unpack(drawn.pack(result.figure))
    first, again = (
        render(draw(result.name, figure), "png") for figure in (result.figure, stored)
    )
    assert first == again
