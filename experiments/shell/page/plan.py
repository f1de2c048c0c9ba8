"""The page of a plan: its reasons, its runs, and a slider of the budget."""

from collections.abc import Sequence

import numpy as np

from scaletime_jax.laws.backtest import TOWARDS
from scaletime_jax.studies.plan_words import NAMES, OF_BUDGET
from scaletime_jax.studies.result import Result
from scaletime_jax.words import short
from shell.page.chart import Series, make_chart
from shell.page.conclusion import conclude
from shell.page.document import make_document
from shell.page.html import Html, element, join, scroller
from shell.page.section import make_figures, make_notes, make_numbers
from shell.summary import Summary

GUIDE = (
    "Move the slider to see the plan for another budget. All plans are made from the "
    "same runs with the same fitted laws. The vertical line and the circle mark the "
    "budget; the filled range is the 95% interval of the mean loss, or the sizes that "
    "do as well; squares are the best measured within each budget."
)
LAWS = (
    "Each law proposes a run. The law of the plan has the narrowest 95% intervals, "
    "averaged over the runs that the laws propose. Errors are factors between the "
    "predicted and the measured loss of held-out runs."
)


def make_plan_page(summary: Summary, result: Result) -> str:
    """Returns the page of a plan as one string of HTML, with nothing outside it.

    Args:
        summary: the content of summary.json, with the pictures beside it.
        result: of the study `plan`.
    """
    return make_document(
        summary.title,
        element(
            "header",
            element("h1", summary.title),
            element("p", conclude(summary), class_="conclusion"),
        ),
        element(
            "main",
            *_slider(result),
            *make_figures(summary, "plan"),
            *make_notes(summary, "plan", len(summary.notes)),
            *_laws(result.summary["laws"]),
            *_runs(result),
            *make_numbers(summary, "plan"),
        ),
        scripts=("plan.js",),
    )


def _slider(result: Result) -> list[Html]:
    """Returns the slider, what it moves, and the table of all its budgets."""
    told, rows = result.summary["budgets"], result.tables["budgets"]
    asked = result.summary["budget"]["amount"]
    start = [row["budget"] for row in rows].index(asked)
    words = [each["budget"] for each in told]
    slider = element(
        "input",
        type="range",
        min=0,
        max=len(told) - 1,
        value=start,
        aria_valuetext=words[start],
    )
    shown = [
        element(
            "div",
            element("dt", name),
            element("dd", told[start][name], data_shows=column),
            hidden=None if told[start][name] else "",
        )
        for column, name in enumerate(OF_BUDGET)
    ]
    table = _table(OF_BUDGET, [[each[name] for name in OF_BUDGET] for each in told])
    return [
        element("h2", "The plan for other budgets", id="plan.slider"),
        element("p", GUIDE, class_="slides"),
        element("form", element("label", "Budget ", slider), class_="slider"),
        element("dl", *shown, class_="shown"),
        *(make_chart(each, words, start) for each in _series(rows)),
        element(
            "details",
            element("summary", "All budgets as a table"),
            scroller("div", table, "Budgets"),
            id="budgets",
        ),
    ]


def _series(rows: list[dict]) -> list[Series]:
    def column(name: str) -> np.ndarray:
        return np.array([row[name] or np.nan for row in rows], float)

    loss = ("loss", "mean_low", "mean_high", "measured_loss")
    size = ("num_params", "as_good_low", "as_good_high", "measured_num_params")
    return [
        Series("test loss", *map(column, loss)),
        Series("number of parameters", *map(column, size)),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    names = element("tr", *(element("th", name, scope="col") for name in head))
    lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    return element("table", element("thead", names), element("tbody", *lines))


def _laws(laws: list[dict]) -> list[Html]:
    """Returns what each law would do, and why it is not the law of the plan."""
    head = [
        "law",
        *(f"error, {words}" for words in TOWARDS.values()),
        "its own best run",
        "95% interval of the mean",
        "why it is not taken",
        "why it stays within the runs",
    ]
    rows = [
        [
            law["law"],
            *(_factor(law["errors"][direction]) for direction in TOWARDS),
            _run(law["best"]),
            _ends(law["mean"]),
            law["passed_over"] or "the law of the plan",
            "; ".join(f"{NAMES[k]}: {why}" for k, why in law["kept_in"].items()),
        ]
        for law in laws
    ]
    return [
        element("h3", "The laws, and what was refused", id="plan.laws"),
        element("p", LAWS),
        scroller("div", _table(head, rows), "Laws"),
    ]


def _factor(error: float | None) -> str:
    return "not tested" if error is None else f"{np.exp(error):.2f}"


def _run(best: dict | None) -> str:
    """Returns a run in words: size, time, data and loss."""
    if best is None:
        return "none"
    numbers = {k: v for k, v in best.items() if k not in ("loss", "low", "high")}
    told = [f"{k.replace('_', ' ')} {short(v, 1e4)}" for k, v in numbers.items()]
    loss = "none" if best["loss"] is None else f"{best['loss']:.3g}"
    return ", ".join([*told, f"loss {loss}"])


def _ends(pair) -> str:
    if pair is None or None in pair:
        return "none"
    return f"{pair[0]:.3g} to {pair[1]:.3g}"


def _runs(result: Result) -> list[Html]:
    """Returns the runs that the laws were fitted to, and how they were read."""
    rows = result.tables["sizes"]
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    cells = [[_number(row[name]) for name in names] for row in rows]
    table = _table([name.replace("_", " ") for name in names], cells)
    return [
        element("h3", "The runs", id="plan.runs"),
        join(element("p", note) for note in result.summary["how_read"]),
        element(
            "details",
            element("summary", "Sizes, times and seeds"),
            scroller("div", table, "Runs"),
        ),
    ]


def _number(value: float | None) -> str:
    return "" if value is None else short(value, 1e4)
