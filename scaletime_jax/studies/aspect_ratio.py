"""Networks of several depths and widths: does their shape change the exponent?"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import setting_of
from scaletime_jax.runs.read import Runs
from scaletime_jax.runs.select import split_table
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.log_means import log_error, log_mean
from scaletime_jax.studies.result import Result, rows
from scaletime_jax.studies.scalings import (
    BEST_LOSS,
    OVER_DATA,
    Scaling,
    exponent_change,
    scale_runs,
)

NAME = "aspect_ratio"
TITLE = "Figure S5 of [B21]: the exponent over data by depth and width"
CAPTION = (
    "Left: the best test loss along training over the number of training examples, "
    "means of the logarithm over seeds with one standard error; colours are widths, "
    "markers and dashes are depths, lines are fitted to all sizes. Middle and right: "
    "minus the slopes of these lines, with 95% intervals over seeds, over the width "
    "for each depth and over the depth for each width."
)
SOURCE = "[B21, Fig. S5]"
UNCHANGED = 0.05  # largest change of an exponent that counts as none
DEPTH, WIDTH, LARGEST = "depth", "width", "largest widths"
STATEMENTS = {
    DEPTH: "Depth leaves the exponent over data as it is.",
    WIDTH: "A wider network has a larger exponent over data.",
    LARGEST: "The exponent over data settles at large widths.",
}
WITHIN: dict[str, tuple[float | None, float | None]] = {
    DEPTH: (-UNCHANGED, UNCHANGED),
    WIDTH: (0.0, None),
    LARGEST: (-UNCHANGED, UNCHANGED),
}


class Shape(NamedTuple):
    """Runs of one depth and width.

    Attributes:
        fields: the setting, its architecture by the name without the depth.
        depth: number of layers, from the name of the architecture.
        width: the scale parameter s.
        scaling: the best test loss over data.
    """

    fields: dict
    depth: int
    width: float
    scaling: Scaling


class Change(NamedTuple):
    """The exponent at one shape less the exponent at another one.

    Attributes:
        fields: the setting, with the depth or the width that both share.
        kind: 'depth', from the least to the greatest; 'width', likewise; or 'largest
            widths', from the next to the greatest width to the greatest.
        ends: the two depths or widths.
        estimate: the change, paired by seed.
    """

    fields: dict
    kind: str
    ends: tuple[float, float]
    estimate: Estimate


def study(runs: Runs) -> Result:
    """Returns the change of the exponent over data by depth and by width.

    Architectures of one family are named alike but for their depth, as 'wrn10' and
    'wrn16'. Exponents are subtracted seed by seed, over the train sizes that both
    shapes have.

    Args:
        runs: of several depths and widths, of four train sizes or more.

    Raises:
        InputError: no family has two shapes of four train sizes.
    """
    shapes = list(find_shapes(runs.table))
    changes = [each for fields, mine in _families(shapes) for each in _compare(mine)]
    if not changes:
        raise InputError(
            "no architecture has runs of two depths or two widths, four train sizes of "
            "each; train, for instance, wrn10 and wrn16.",
            architecture="wrn10,wrn16",
            width=None,
            train_size=None,
        )
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(changes),
        {"points": [row for each in shapes for row in _points(each)]},
        {
            "shapes": [_summarise(each) for each in shapes],
            "changes": [_summarise_change(each) for each in changes],
        },
        {"shapes": shapes, "changes": changes},
        [],
    )


def check_grid(planned: pd.DataFrame) -> None:
    """Refuses, before training, runs of a single shape.

    Args:
        planned: the identity of each run, one row each.

    Raises:
        InputError: a setting has one architecture and one width.
    """
    setting = [name for name in setting_of(planned) if name != "architecture"]
    for _, mine in split_table(planned, setting):
        if len(mine[["architecture", "width"]].drop_duplicates()) < 2:
            raise InputError(
                "the effect of a network's shape needs two depths or two widths; "
                "add one.",
                architecture=None,
                width=None,
            )


def find_shapes(table: pd.DataFrame) -> Iterator[Shape]:
    """Yields the best test loss over data of each depth and width.

    Args:
        table: one row per run and evaluation.
    """
    for each in scale_runs(table):
        name = parse_depth(str(each.fields.get("architecture")))
        if name and each.axis == OVER_DATA and each.number == BEST_LOSS:
            fields = {**each.fields, "architecture": name[0], "width": None}
            yield Shape(fields, name[1], float(each.fields["width"]), each)


def parse_depth(architecture: str) -> tuple[str, int] | None:
    """Returns family and depth of a network such as 'wrn16'; None without a depth."""
    found = re.fullmatch(r"(\D+)(\d+)", architecture)
    return None if found is None else (found[1], int(found[2]))


def _families(shapes: Sequence[Shape]) -> list[tuple[dict, list[Shape]]]:
    """Returns the shapes of each setting."""
    found: list[tuple[dict, list[Shape]]] = []
    for shape in shapes:
        for fields, mine in found:
            if fields == shape.fields:
                mine.append(shape)
                break
        else:
            found.append((shape.fields, [shape]))
    return found


def _compare(shapes: Sequence[Shape]) -> Iterator[Change]:
    """Yields the changes among the shapes of one setting."""
    at = {(each.depth, each.width): each.scaling for each in shapes}
    depths, widths = (sorted(set(each)) for each in zip(*at, strict=True))
    for width in widths:
        mine = [depth for depth in depths if (depth, width) in at]
        if len(mine) > 1:
            ends, shared = (mine[0], mine[-1]), {"width": width}
            yield _change(shapes, DEPTH, ends, shared, [at[d, width] for d in ends])
    for depth in depths:
        wide = [width for width in widths if (depth, width) in at]
        pairs = [(WIDTH, wide[0])] * (len(wide) > 1)
        pairs += [(LARGEST, each) for each in wide[1:-1][-1:]]
        for kind, start in pairs:
            ends, shared = (start, wide[-1]), {"depth": depth}
            yield _change(shapes, kind, ends, shared, [at[depth, w] for w in ends])


def _change(shapes, kind: str, ends, shared: dict, pair: Sequence[Scaling]) -> Change:
    estimate = exponent_change(pair[1], pair[0])
    return Change({**shapes[0].fields, **shared}, kind, ends, estimate)


def make_claims(changes: Sequence[Change]) -> list[Claim]:
    """Returns a claim for each change."""
    return [
        judge(
            each.estimate,
            WITHIN[each.kind],
            source=SOURCE,
            statement=STATEMENTS[each.kind],
            setting={**each.fields, "ends": f"{each.ends[0]:g} to {each.ends[1]:g}"},
            quantity=f"change of alpha_D by {each.kind}",
        )
        for each in changes
    ]


def _points(each: Shape) -> list[dict]:
    values = each.scaling.values
    return rows(
        **{**each.fields, "width": each.width},
        depth=each.depth,
        size=each.scaling.sizes,
        log_mean=np.exp(log_mean(values)),
        sem_of_log=log_error(values),
    )


def _summarise(each: Shape) -> dict:
    return {
        **each.fields,
        "width": each.width,
        "depth": each.depth,
        "seeds": len(each.scaling.seeds),
        "sizes": each.scaling.sizes.tolist(),
        "exponent": each.scaling.whole._asdict(),
        "bend": each.scaling.bend._asdict(),
    }


def _summarise_change(each: Change) -> dict:
    return {
        **each.fields,
        "kind": each.kind,
        "ends": each.ends,
        "change": each.estimate._asdict(),
    }
