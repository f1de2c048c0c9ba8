"""Where is size worth time? The exponent of every protocol and network trained.

Scale-time equivalence claims one exponent, 1/3, for all networks [BF24, App. B]. The
map has a cell for each protocol (optimizer, schedule, batches) and network, with the
exponent of `studies.equivalence` in each setting, as a whole and between neighbouring
sizes. The random subspace model, for which theory has 1, is a cell of its own: the
control of the method.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from scaletime_jax.runs.learning_curves import LearningCurves
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.cells import (
    Cell,
    describe_cell,
    find_cells,
    name_protocol,
    predict,
    protocol_words,
    usual_fields,
)
from scaletime_jax.studies.equivalence import (
    collapse_curves,
    exponent_rows,
    make_claims,
    pair_rows,
    threshold_rows,
)
from scaletime_jax.studies.kernel_scale import Case
from scaletime_jax.studies.result import Result
from scaletime_jax.theory.random_subspace import quadratic_flow, sample_gram
from scaletime_jax.track import Track, quiet

NAME = "where_it_holds"
TITLE = "Where size is worth time: the exponent by protocol and network"
CAPTION = (
    "Rows are protocols and columns are networks. A mark is kappa, the exponent of "
    "num_params relative to training time, of one setting at its largest train size, "
    "with its 95% interval; small ticks are the exponents between neighbouring sizes, "
    "from the smallest sizes (lowest) to the largest. The dotted line is the paper's "
    "1/3, and grey are the limits of the claim. Batch size, initialisation, loss and "
    "weight decay are named in a row where they differ from those under the column's "
    "name. The random subspace model is the control: theory has 1."
)
LOCAL = "Exponents between neighbouring sizes, over size"
CONTROL = "random subspace"
ARRIVED = 1e-6  # share of the initial loss at which its flow has arrived


class Subspace(NamedTuple):
    """The random subspace model of the control.

    Attributes:
        sizes: numbers of parameters p.
        rank: number r of dimensions of the loss, with Sigma = diag(1, 1/2, ..., 1/r).
        seeds: draws of G at each size.
        times: numbers of flow times, evenly spaced in their logarithm.
    """

    sizes: Sequence[int] = (1000, 3000, 10_000, 30_000, 100_000)
    rank: int = 10
    seeds: int = 10
    times: int = 60


def study(
    runs: Runs,
    kernels: Sequence[tuple[str, Case]] = (),
    subspace: Subspace | None = None,
    track: Track = quiet,
) -> Result:
    """Returns the exponent of size in time for each protocol and network.

    Args:
        runs: of any number of protocols and networks.
        kernels: datasets with the kernels of networks of the same sizes.
        subspace: the random subspace model of the control; None for the default.
        track: shows the progress.

    Raises:
        InputError: no setting has three sizes, or a protocol has a run twice.
    """
    cells = find_cells(runs, track)
    columns = dict.fromkeys(cell.column for cell in cells)
    usual = {column: usual_fields(cells, column) for column in columns}
    cells = [name_protocol(cell, usual[cell.column]) for cell in cells]
    cells = [cell._replace(predicted=predict(cell, kernels)) for cell in cells]
    control = control_cell(subspace or Subspace())
    nothing = dict.fromkeys(cells[0].collapse.fields)  # all rows have one form
    fields = {**nothing, **control.collapse.fields}
    cells.append(control._replace(collapse=control.collapse._replace(fields=fields)))
    made = [cell.collapse for cell in cells]
    scans = [cell.scan for cell in cells if cell.scan is not None]
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(made, "training time"),
        {
            "cells": [_row(cell) for cell in cells],
            "exponents": exponent_rows(made),
            "pairs": [row for cell in cells for row in _pair_rows(cell)],
            "thresholds": threshold_rows(scans),
        },
        {"cells": [_row(cell) for cell in cells], "usual": usual},
        {"cells": cells, "usual": usual},
        [],
        overview=CAPTION,
    )


def control_cell(subspace: Subspace) -> Cell:
    """Returns the random subspace model, whose exponent is 1 in theory.

    The loss ||alpha||^2 from alpha = (1, ..., 1) follows its flow in closed form under
    draws of G [BF24, Eq. 3, 12]. The curves of all p are one function of p t where
    p >> r.
    """
    cov = jnp.diag(1.0 / jnp.arange(1, subspace.rank + 1))
    start = jnp.ones(subspace.rank)
    low, high = 0.1 / max(subspace.sizes), 3.0 * subspace.rank / min(subspace.sizes)
    times = np.geomspace(low, high, subspace.times)
    keys = jax.random.split(jax.random.key(0), (len(subspace.sizes), subspace.seeds))

    def loss(key, p):
        flow = quadratic_flow(
            sample_gram(key, cov, p), start, 0 * start, jnp.asarray(times), 1.0
        )
        return jnp.sum(flow**2, axis=-1) / subspace.rank

    losses = np.array(
        [
            [loss(key, p) for key in row]
            for p, row in zip(subspace.sizes, keys, strict=True)
        ]
    )
    logs = np.log(np.where(losses > ARRIVED, losses, np.nan))
    sizes = np.array(subspace.sizes, float)
    curves = LearningCurves(
        sizes,
        np.zeros(len(sizes)),
        times,
        logs.astype(float).swapaxes(1, 2),
        ceiling=0.0,
    )
    fields = {"architecture": CONTROL, "optimizer": "gradient flow", "train_size": None}
    protocol = {"optimizer": "gradient flow"}
    return Cell(CONTROL, None, protocol, collapse_curves(curves, fields), None)


def _row(cell: Cell) -> dict:
    collapse = cell.collapse
    low, high = collapse.kappa.interval or (None, None)
    return {
        "network": cell.network,
        "protocol": protocol_words(cell),
        "dataset": cell.dataset,
        "learning_rate": collapse.fields.get("learning_rate"),
        "train_size": collapse.fields["train_size"],
        "sizes": len(collapse.curves.num_params),
        "growth": cell.growth,
        "seeds": collapse.curves.seeds,
        "kappa": collapse.kappa.value,
        "low": low,
        "high": high,
        "verdict": collapse.verdict,
        "sentence": describe_cell(cell),
    }


def _pair_rows(cell: Cell) -> list[dict]:
    """Returns measured and predicted exponents of neighbouring sizes as rows."""
    rows, predicted = pair_rows(cell.collapse), cell.predicted
    for place, row in enumerate(rows):
        row |= dict.fromkeys(("predicted", "predicted_low", "predicted_high"))
        if predicted is not None:
            row["predicted"] = float(predicted.values[place])
            if predicted.intervals is not None:
                low, high = map(float, predicted.intervals[place])
                row |= {"predicted_low": low, "predicted_high": high}
    return rows
