"""Cells of the map: a protocol and network with its exponent, named and described."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scaletime_jax.errors import InputError
from scaletime_jax.laws.collapse import PairKappas
from scaletime_jax.laws.threshold_scan import ThresholdScan, scan_thresholds
from scaletime_jax.runs.fields import FIELDS, NEEDED, Field, describe
from scaletime_jax.runs.protocols import split_protocols
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.estimates import describe_estimate
from scaletime_jax.stats.lines import MIN_SIZES
from scaletime_jax.stats.log_means import NeighbourSlopes, neighbour_slopes
from scaletime_jax.studies.equivalence import Collapse, find_collapses
from scaletime_jax.studies.kernel_scale import Case
from scaletime_jax.track import Track, quiet
from scaletime_jax.words import count_of

# What the column of a network says once, where most of its settings agree.
USUAL = ("loss", "init", "batch_size", "label_noise", "weight_decay")
# Settings of one cell, told apart by marks; and what no protocol is named by.
OF_MARKS = ("dataset", "architecture", "learning_rate")
UNNAMED = ("test_size", "until_test_loss", "momentum", "warmup", "decay", "final")


class Cell(NamedTuple):
    """One setting of a protocol and network, at its largest train size.

    Attributes:
        network: name of the architecture.
        dataset: name of the dataset; None for the control.
        protocol: the fields that name the protocol.
        collapse: kappa, as a whole and between neighbouring sizes, with its verdict.
        scan: kappa at shares of the guessing loss removed; None for the control.
        one_pass: whether no example is seen twice.
        predicted: kappa between neighbouring sizes in the lazy regime, the slope of the
            largest eigenvalue of the centred tangent kernel at the start; None for
            other optimizers than SGD, and where no kernel was measured.
        run_ids: of the runs.
    """

    network: str
    dataset: str | None
    protocol: dict[str, Any]
    collapse: Collapse
    scan: ThresholdScan | None
    one_pass: bool = False
    predicted: NeighbourSlopes | None = None
    run_ids: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """Network and dataset, which share a column of the map."""
        return " on ".join(filter(None, (self.network, self.dataset)))

    @property
    def growth(self) -> float:
        """Parameters of the largest network over those of the smallest."""
        sizes = self.collapse.curves.num_params
        return float(sizes.max() / sizes.min())


def find_cells(runs: Runs, track: Track = quiet) -> list[Cell]:
    """Returns a cell for each setting with three sizes or more, without its protocol.

    Of the train sizes with the most sizes of networks it is the largest.

    Raises:
        InputError: there is no such setting, or a protocol has a run twice.
    """
    found = split_protocols(runs)
    shared = _fields_that_count([fields for fields, _ in found])
    cells = []
    for fields, mine in track(found, "settings"):
        rows = mine.table.assign(train_size=mine.table.train_size.fillna(0))
        sizes = rows.groupby("train_size").num_params.nunique()
        if sizes.max() < MIN_SIZES:
            continue
        train_size = sizes[sizes == sizes.max()].index.max()
        rows = rows[rows.train_size == train_size]
        [collapse] = find_collapses(rows)
        [scan] = scan_thresholds(rows)
        named = {name: fields.get(name) for name in shared}
        named["train_size"] = int(train_size) or None
        once = fields.get("batching") == "fresh" or rows.epoch.max() <= 1
        cells.append(
            Cell(
                str(fields["architecture"]),
                str(fields["dataset"]),
                {},
                collapse._replace(fields=named),
                scan._replace(fields=named),
                bool(once),
                run_ids=tuple(rows.run_id.unique()),
            )
        )
    if not cells:
        raise InputError(
            f"no setting has {MIN_SIZES} sizes (num_params); an exponent needs them."
        )
    return cells


def _fields_that_count(settings: Sequence[dict]) -> list[str]:
    """Returns the names of version 0.1, and of fields with a value of their own."""
    return [
        field.name
        for field in FIELDS
        if any(field.name in each for each in settings)
        and field.name not in UNNAMED[:2]
        and (field.default is NEEDED or _has_other(settings, field))
    ]


def _has_other(settings: Sequence[dict], field: Field) -> bool:
    return any(each.get(field.name) not in (None, field.default) for each in settings)


def usual_fields(cells: Sequence[Cell], column: str) -> dict[str, Any]:
    """Returns the commonest value of each of `USUAL` in a column."""
    mine = [cell.collapse.fields for cell in cells if cell.column == column]
    counts = {name: Counter(each.get(name) for each in mine) for name in USUAL}
    return {name: count.most_common(1)[0][0] for name, count in counts.items()}


def name_protocol(cell: Cell, usual: dict[str, Any]) -> Cell:
    """Returns the cell with the fields that tell its protocol from others.

    Args:
        cell: of a column.
        usual: the values that most settings of the column have.
    """
    defaults = {field.name: field.default for field in FIELDS} | usual
    named = {
        name: value
        for name, value in cell.collapse.fields.items()
        if name not in (*OF_MARKS, *UNNAMED, "train_size")
        and (name == "optimizer" or value != defaults[name])
        and not (name == "batching" and cell.one_pass)
    }
    return cell._replace(protocol=named)


def predict(cell: Cell, kernels: Sequence[tuple[str, Case]]) -> NeighbourSlopes | None:
    """Returns the exponents of the lazy regime, between the sizes of the cell.

    At one learning rate a lazy network learns in a time of one over its kernel's scale
    under gradient descent, so kappa is the slope of the scale.
    """
    fields = cell.collapse.fields
    if fields.get("optimizer") != "sgd":
        return None
    if fields.get("parameterisation") not in (None, "standard"):
        return None
    sizes = cell.collapse.curves.num_params
    for dataset, case in kernels:
        same = cell.dataset, cell.network, fields["init"]
        if same == (dataset, case.architecture, case.init):
            mine = np.isin(case.num_params, sizes)
            if mine.sum() == len(sizes):
                return neighbour_slopes(case.num_params[mine], case.top[mine])
    return None


def agreeing(cell: Cell) -> np.ndarray | None:
    """Returns whether measured and predicted intervals overlap [pairs]; None without.

    A pair without a measured exponent does not agree.
    """
    pairs, predicted = cell.collapse.pairs, cell.predicted
    if pairs is None or predicted is None:
        return None
    if pairs.intervals is None or predicted.intervals is None:
        return None
    lows = np.maximum(pairs.intervals[:, 0], predicted.intervals[:, 0])
    highs = np.minimum(pairs.intervals[:, 1], predicted.intervals[:, 1])
    return np.asarray(lows <= highs)


def protocol_words(cell: Cell) -> str:
    """Returns the protocol in words: 'sgd, cosine', 'sgd, one pass'."""
    words = describe(cell.protocol)
    return f"{words}, one pass" if cell.one_pass else words


def describe_cell(cell: Cell) -> str:
    """Returns what was found in one setting, as a sentence."""
    collapse = cell.collapse
    marks = describe(
        {name: collapse.fields.get(name) for name in ("learning_rate", "train_size")}
    )
    where = f"{cell.column}, {protocol_words(cell)}{f' ({marks})' if marks else ''}"
    if collapse.kappa.value is None:
        return f"{where}: no exponent, because {collapse.reason}."
    said = f"{where}: kappa is {describe_estimate(collapse.kappa)}"
    said += f" over a factor of {cell.growth:.3g} in size"
    local = describe_pairs(collapse.pairs)
    said += f", {local}" if local else ""
    same = agreeing(cell)
    if same is not None and cell.predicted is not None:
        low, high = cell.predicted.values.min(), cell.predicted.values.max()
        said += (
            f"; the kernel at the start has {low:.2f} to {high:.2f}, and the intervals "
            f"overlap in {same.sum()} of {count_of(len(same), 'pair')}"
        )
    why = f" ({collapse.reason})" if collapse.reason else ""
    return f"{said}; {collapse.verdict}{why}."


def describe_pairs(pairs: PairKappas | None) -> str:
    """Returns how the exponents of neighbouring sizes change with size, in words.

    The exponent rises or falls where the simultaneous intervals of the first and the
    last pair do not overlap.
    """
    if pairs is None:
        return ""
    known = np.flatnonzero(np.isfinite(pairs.values))
    if len(known) < 2:
        return ""
    first, last = known[0], known[-1]
    values = f"from {pairs.values[first]:.2f} to {pairs.values[last]:.2f}"
    if pairs.intervals is None:
        return f"{values} between neighbouring sizes"
    (low, high), (least, most) = pairs.intervals[[first, last]]
    if least > high or most < low:
        verb = "rises" if least > high else "falls"
        return f"and {verb} {values} between neighbouring sizes"
    inside = pairs.values[known]
    span = f"{inside.min():.2f} to {inside.max():.2f}"
    return f"with {span} between neighbouring sizes, whose trend is not decided"
