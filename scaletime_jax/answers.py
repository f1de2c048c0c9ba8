"""Studies of runs as functions, with results that a notebook displays."""

import base64
import dataclasses
from html import escape
from typing import Any

from scaletime_jax.errors import InputError
from scaletime_jax.laws.backtest import Split
from scaletime_jax.plotting.draw import Figure, draw
from scaletime_jax.plotting.style import render
from scaletime_jax.runs.fields import describe
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.claims import Claim, count_verdicts
from scaletime_jax.studies import backtest as backtest_study
from scaletime_jax.studies import equivalence as equivalence_study
from scaletime_jax.studies import plan as plan_study
from scaletime_jax.studies.plan_request import Request
from scaletime_jax.studies.result import Result, describe_claims, describe_verdict

HEAD = ("claim", "source", "setting", "quantity", "value", "95% interval", "verdict")


@dataclasses.dataclass(frozen=True, repr=False)
class Answer:
    """The result of a study. A notebook shows its figure, notes and verdicts.

    Attributes:
        result: result of the study.
    """

    result: Result

    @property
    def claims(self) -> list[Claim]:
        """The claims of the papers, with measurements and verdicts."""
        return self.result.corrected

    @property
    def summary(self) -> dict[str, Any]:
        """Other numbers, as in the summary.json of an experiment."""
        return self.result.summary

    @property
    def tables(self) -> dict[str, list[dict]]:
        """The plotted points by panel: rows for a pandas DataFrame."""
        return self.result.tables

    @property
    def notes(self) -> list[str]:
        """The notes of the study, as lines of text."""
        return self.result.notes

    def figures(self) -> dict[str, Figure]:
        """Returns the study's figures by their titles, an overview first."""
        drawn = draw(self.result.name, self.result.figure)
        return {each.title: each.figure for each in drawn}

    def figure(self) -> Figure:
        """Returns the study's figure, or the overview where there are several."""
        return next(iter(self.figures().values()))

    def __repr__(self) -> str:
        said = [self.result.conclusion, *self.notes]
        if self.result.conclusion in self.notes:
            said = self.notes
        return "\n".join([*said, *describe_claims(self.claims)])

    def _repr_html_(self) -> str:
        figures = self.figures()
        image = base64.b64encode(render(next(iter(figures.values())), "png")).decode()
        several = len(figures) > 1 and self.result.overview
        caption = escape(self.result.overview if several else self.result.caption)
        title = escape(self.result.title)
        parts = [
            f"<p><b>{title}</b></p>",
            f'<img alt="{title}" style="max-width: 100%" '
            f'src="data:image/png;base64,{image}">',
            f"<p>{caption}</p>",
            f"<p>{escape(self.result.conclusion)}</p>",
        ]
        if self.notes:
            parts.append(f"<pre>{escape(chr(10).join(self.notes))}</pre>")
        if self.claims:
            parts.append(_verdict_table(self.claims))
        return f"<div>{''.join(parts)}</div>"


def _verdict_table(claims: list[Claim]) -> str:
    """Returns a table of the claims, with the counts of the verdicts as caption."""
    counts = count_verdicts(claims).items()
    caption = ", ".join(f"{name} {count}" for name, count in counts)
    head = "".join(f"<th>{escape(name)}</th>" for name in HEAD)
    rows = "".join(f"<tr>{_cells(claim)}</tr>" for claim in claims)
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{rows}</table>"


def _cells(claim: Claim) -> str:
    interval = claim.interval
    words = [
        claim.statement,
        claim.source,
        describe(claim.setting),
        claim.quantity,
        "none" if claim.value is None else f"{claim.value:.3g}",
        "none" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}",
        describe_verdict(claim) + (f" ({claim.note})" if claim.note else ""),
    ]
    return "".join(f"<td>{escape(each)}</td>" for each in words)


def equivalence(runs: Runs, threshold: float | None = None) -> Answer:
    """Measures the exponent at which curves of all sizes coincide.

        >>> from scaletime_jax import equivalence, read_runs
        >>> runs = read_runs("experiments/examples/sklearn_digits.csv")
        >>> answer = equivalence(runs)
        >>> len(answer.claims)  # two for each train size
        4

    Args:
        runs: runs of networks of at least three sizes.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, and no threshold for logs.

    Raises:
        InputError: runs mix protocols, or no setting has three sizes.
    """
    return Answer(equivalence_study.study(_checked(runs), threshold))


def backtest(
    runs: Runs,
    threshold: float | None = None,
    sources: int | None = None,
    source_epochs: float | None = None,
) -> Answer:
    """Compares laws on held-out runs: larger networks, and longer training.

        >>> from scaletime_jax import backtest, read_runs
        >>> runs = read_runs("experiments/examples/sklearn_digits.csv")
        >>> answer = backtest(runs)
        >>> answer.notes[0]
        'sklearn_digits, sgd, learning_rate 0.05, along num_params:'

    Args:
        runs: runs of networks of several sizes.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, and no threshold for logs.
        sources: number of the smallest sizes that laws are fitted to; if None half of
            the sizes, and at least three of four or more.
        source_epochs: epochs that laws are fitted to; if None a tenth of the longest
            run.

    Raises:
        InputError: runs mix protocols, or no runs are left to predict.
    """
    split = Split(sources, source_epochs)
    return Answer(backtest_study.study(_checked(runs), threshold, split))


def plan(
    runs: Runs,
    *,
    budget_flops: float | None = None,
    budget_seconds: float | None = None,
    budget_examples: float | None = None,
    flops_per_param: float = 6.0,
    max_num_params: float | None = None,
    max_epochs: float | None = None,
    max_train_size: float | None = None,
    law: str | None = None,
    threshold: float | None = None,
    next_runs: int = 0,
    next_budget: float | None = None,
    flops: float | None = None,
) -> Answer:
    """Plans the size, training time and train size of the least loss on a budget.

        >>> from scaletime_jax import plan, read_runs
        >>> runs = read_runs("experiments/examples/sklearn_digits.csv")
        >>> answer = plan(runs, budget_flops=1e9)
        >>> answer.summary["best"]["train_size"], answer.summary["best"]["law"]
        (1200.0, 'interaction')

    Args:
        runs: runs of one setting, which `Runs.select` chooses; with train sizes.
        budget_flops: floating-point operations that training may take.
        budget_seconds: instead, seconds that training may take, at the rate of the
            runs.
        budget_examples: instead, examples that training may see, epochs x train size.
        flops_per_param: operations for each parameter and example.
        max_num_params: the largest size; if None ten times the largest measured.
        max_epochs: the longest training; if None ten times the longest measured.
        max_train_size: the most training data, of the train sizes measured.
        law: law of the plan; if None the law with the narrowest intervals.
        threshold: test loss above which nothing has been learned; if None the guessing
            loss, and no threshold for logs.
        next_runs: most runs to propose that narrow the plan's interval most.
        next_budget: what these may cost together, in the budget's unit; if None as much
            as the budget.
        flops: short for `budget_flops`.

    Raises:
        InputError: the budget is missing or impossible, the runs are of several
            settings, or the runs are not enough for a plan.
    """
    if None not in (flops, budget_flops):
        raise InputError("flops is short for budget_flops; give one of the two.")
    request = Request(
        budget_flops if flops is None else flops,
        budget_seconds,
        budget_examples,
        flops_per_param,
        max_num_params,
        max_epochs,
        max_train_size,
        law,
        next_runs,
        next_budget,
    )
    return Answer(plan_study.study(_checked(runs), request, threshold))


def _checked(runs: Runs) -> Runs:
    """Returns the runs; raises InputError if they mix protocols, or are no Runs."""
    if not isinstance(runs, Runs):
        raise InputError(
            f"runs is a {type(runs).__name__}; give what read_runs(path) returns."
        )
    return runs.select({}, any_length=True)
