"""What a study returns: everything that a script writes, as a value."""

import math
from typing import Any, NamedTuple

import pandas as pd

from scaletime_jax.runs.fields import describe, family
from scaletime_jax.stats.claims import Claim, correct, count_verdicts
from scaletime_jax.stats.estimates import Estimate, describe_estimate


class Result(NamedTuple):
    """Claims, tables, numbers and a figure of one study.

    Attributes:
        name: of the study, its script, its figure and its folder.
        title: one line.
        caption: what the figure shows.
        claims: what the papers say, beside what was measured.
        tables: rows of each CSV file, by the file's name without its ending.
        summary: more numbers, as they stand in summary.json.
        figure: what `plotting.<name>.plot_<name>` draws, by argument.
        notes: sentences for the terminal, beyond a line for each claim.
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
        """The claims with verdicts that allow for how many claims there are."""
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
    """Returns a claim with its verdict on one line."""
    estimate = describe_estimate(Estimate(claim.value, claim.interval))
    note = f" ({claim.note})" if claim.note else ""
    setting = describe(claim.setting)
    return f"{setting}: {claim.quantity} {estimate}: {describe_verdict(claim)}{note}"


def describe_verdict(claim: Claim) -> str:
    """Returns the verdict, with what is left of it among all claims of the study."""
    if claim.corrected == claim.verdict:
        return claim.verdict
    return f"{claim.verdict} alone, {claim.corrected} among all claims"


def _sharing(claims: list[Claim]) -> dict[str, int]:
    """Counts the claims on runs of one family, which share seeds and data.

    Seeds draw the same examples and weights at every size, noise and train size, so
    that such claims are not independent. The correction holds all the same.
    """
    counts: dict[str, int] = {}
    for claim in claims:
        words = describe({k: claim.setting[k] for k in family() if k in claim.setting})
        if words:
            counts[words] = counts.get(words, 0) + 1
    return {words: count for words, count in counts.items() if count > 1}


def rows(**columns) -> list[dict]:
    """Returns a row for each place in the columns; single values go everywhere."""
    return pd.DataFrame(columns).to_dict("records")


def written(found: Claim | Estimate) -> dict:
    """Returns the fields as JSON has them: None for an end that an interval lacks."""
    entries = found._asdict()
    if found.interval is not None:
        entries["interval"] = tuple(finite(end) for end in found.interval)
    return entries


def finite(value) -> float | None:
    """Returns a number as JSON has it, None where the number is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None
