"""How far a part is trained, and where its next segment ends."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Shaped

from scaletime_jax.sweep.plan import IMAGE_OVERHEAD, Part, Unit
from scaletime_jax.training.curves import Curves, from_metrics, join_curves

SEGMENT = 1.5  # seconds that a segment is to take
# Of a unit's work in a second, before a program is timed: less than most devices do.
FIRST_RATE = 1e10
# A rest of up to so many segments is one segment.
LAST = 4 / 3


class Reached(NamedTuple):
    """How far a part is trained.

    Attributes:
        first: index in the part of the first run of the turn that is trained now; the
            number of runs at the end.
        step: number of steps of this turn.
        state: leaves of the state of this turn after these steps; none at step 0.
        curves: [lanes, records] of each turn that has begun, NaN from this step on.
        seconds: of training so far.
    """

    first: int
    step: int
    state: Sequence[Shaped[Array, "..."] | Shaped[np.ndarray, "..."]]
    curves: Sequence[Curves]
    seconds: float

    def is_end(self, part: Part) -> bool:
        """Whether all runs of the part are trained."""
        return self.first >= len(part.configs)


BEGIN = Reached(0, 0, (), (), 0.0)


def segment_end(unit: Unit, begin: int, pace: float | None, lanes: int = 1) -> int:
    """Returns the step at which a segment ends.

    A segment has one step at least, and so one evaluation at most where an evaluation
    takes longer than a segment is to take.

    Args:
        unit: the runs.
        begin: the step at which the segment begins.
        pace: seconds that a run's unit of work took last; None if it is not known.
        lanes: number of lanes trained together.
    """
    stops = unit.configs[0].records
    if unit.configs[0].linearised:
        return stops[-1]
    work = SEGMENT / pace if pace else SEGMENT * FIRST_RATE / lanes
    if segment_work(unit, begin, stops[-1]) <= LAST * work:
        return stops[-1]
    # the work grows with the end
    low, high = begin + 1, stops[-1]
    while low < high:
        middle = (low + high + 1) // 2
        if segment_work(unit, begin, middle) <= work:
            low = middle
        else:
            high = middle - 1
    return low


def segment_work(unit: Unit, begin: int, end: int) -> float:
    """Returns the work of one run from step `begin` to step `end`, as `Unit.work`."""
    runs, stops = len(unit.configs), np.array(unit.configs[0].records)
    images = unit.images / runs / len(stops)
    evaluation = images * (unit.cost.forward_flops + IMAGE_OVERHEAD)
    step = (unit.work / runs - len(stops) * evaluation) / max(1, int(stops[-1]))
    first = begin - 1 if begin == 0 else begin  # the first has the one at step 0
    evaluations = np.sum((stops > first) & (stops <= end))
    return float((end - begin) * step + evaluations * evaluation)


def add_segment(part: Part, reached: Reached, end: int, curves: Curves) -> Curves:
    """Returns the curves of the turn with those of a segment, from the step reached.

    Args:
        part: the runs.
        reached: before the segment.
        end: the last step of the segment.
        curves: [lanes, records or more] of the segment.
    """
    stops = np.array(part.configs[0].records)
    own = from_metrics([np.asarray(v)[:, : len(stops)] for v in curves.metrics])
    if reached.step == 0:
        before = from_metrics([np.full_like(v, np.nan) for v in own.metrics])
    else:
        before = reached.curves[-1]
    is_first = (stops == 0) & (reached.step == 0)
    return join_curves(
        before, own, ((stops > reached.step) & (stops <= end)) | is_first
    )
