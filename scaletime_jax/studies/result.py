"""The result of a study: everything that a script writes, as a value."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd

from scaletime_jax.runs.fields import describe, family
from scaletime_jax.stats.claims import Claim, correct, count_verdicts
from scaletime_jax.stats.estimates import Estimate, describe_estimate


class Result(NamedTuple):
    """Claims, tables, numbers and a figure of one study.

    Attributes:
        name: name of the study, its script, its figure and its folder.
        title: one line.
        caption: description of the figure.
        claims: claims of the papers, with measurements and verdicts.
        tables: rows of each CSV file, by the file's name without its suffix.
        summary: other numbers of summary.json.
        figure: arguments of `plotting.<name>.plot_<name>`, by name.
        notes: sentences printed before the claims.
    """

    name: str
    title: str
    caption: str
    claims: list[Claim]
    tables: dict[str, list[dict]]
    summary: dict
    figure: dict[str, Any]
    notes: list[str]

    @property
    def corrected(self) -> list[Claim]:
        """The claims with verdicts corrected for the number of claims."""
        return correct(self.claims)

    @property
    def record(self) -> dict:
        """The claims with their verdicts, and all other numbers."""
        claims = self.corrected
        return {
            "verdicts": count_verdicts(claims),
            "corrected_verdicts": count_verdicts(claims, corrected=True),
            "claims_that_share_runs": _sharing(claims),
            "claims": [written(claim) for claim in claims],
            **self.summary,
        }


def describe_claim(claim: Claim) -> str:
    """Returns a line with a claim and its verdict."""
    estimate = describe_estimate(Estimate(claim.value, claim.interval))
    note = f" ({claim.note})" if claim.note else ""
    setting = describe(claim.setting)
    return f"{setting}: {claim.quantity} {estimate}: {describe_verdict(claim)}{note}"


def describe_verdict(claim: Claim) -> str:
    """Returns the verdict alone, and corrected for all claims of the study."""
    if claim.corrected == claim.verdict:
        return claim.verdict
    return f"{claim.verdict} alone, {claim.corrected} among all claims"


def _sharing(claims: list[Claim]) -> dict[str, int]:
    """Returns the number of claims for each family of runs.

    A seed draws the same examples and weights at every size, noise and train size, so
    claims on runs of one family are not independent. The correction is valid for
    dependent claims.
    """
    counts: dict[str, int] = {}
    for claim in claims:
        words = describe({k: claim.setting[k] for k in family() if k in claim.setting})
        if words:
            counts[words] = counts.get(words, 0) + 1
    return {words: count for words, count in counts.items() if count > 1}


def rows(**columns) -> list[dict]:
    """Returns a row for each entry of the columns; single values are repeated."""
    return pd.DataFrame(columns).to_dict("records")


def written(found: Claim | Estimate) -> dict:
    """Returns the fields as JSON values: None for an infinite end of an interval."""
    entries = found._asdict()
    if found.interval is not None:
        entries["interval"] = tuple(finite(end) for end in found.interval)
    return entries


def finite(value) -> float | None:
    """Returns a number as a JSON value: None if the number is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None


# Called with a sentence about each finished part of a long study.
Progress = Callable[[str], None]


def quiet(_: str) -> None:
    """Ignores progress."""
