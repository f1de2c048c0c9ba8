"""The result of a study: everything that a script writes, as a value."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from scaletime_jax.runs.fields import describe, family
from scaletime_jax.stats.claims import Claim, Limits, correct, count_verdicts
from scaletime_jax.stats.estimates import Estimate, describe_estimate
from scaletime_jax.studies.conclusions import conclude
from scaletime_jax.words import count_of

MOST_LINES = 12


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
        overview: description of the first figure, where a study of several settings has
            one of all settings and then one of each.
    """

    name: str
    title: str
    caption: str
    claims: list[Claim]
    tables: dict[str, list[dict]]
    summary: dict
    figure: dict[str, Any]
    notes: list[str]
    overview: str = ""

    @property
    def corrected(self) -> list[Claim]:
        """The claims with verdicts corrected for the number of claims."""
        return correct(self.claims)

    @property
    def conclusion(self) -> str:
        """What the numbers say, in one to three sentences."""
        return conclude(self.name, self.corrected, self.summary, self.notes)

    @property
    def record(self) -> dict:
        """The claims with their verdicts, and all other numbers."""
        claims = self.corrected
        return {
            "conclusion": self.conclusion,
            "notes": self.notes,
            "verdicts": count_verdicts(claims),
            "corrected_verdicts": count_verdicts(claims, corrected=True),
            "claims_that_share_runs": _sharing(claims),
            "claims": [written(claim) for claim in claims],
            **self.summary,
        }


def describe_claims(claims: Sequence[Claim]) -> list[str]:
    """Returns what was claimed, measured and found, in lines of text.

    A statement with its limits stands above the cases (settings, train sizes,
    thresholds) in which it was tried. Of more than `MOST_LINES` cases the decided ones
    are listed, and the others are counted.

    Args:
        claims: of one study, corrected.
    """
    groups: dict[tuple, list[Claim]] = {}
    for claim in claims:
        key = claim.source, claim.statement, claim.quantity, claim.holds_within
        groups.setdefault(key, []).append(claim)
    lines = []
    for (source, statement, quantity, within), members in groups.items():
        lines.append(f"Claim {source}: {statement}")
        lines.append(f"  The claim holds where the {quantity} is {limits(within)}.")
        shown, hidden = members, 0
        if len(members) > MOST_LINES:
            shown = [claim for claim in members if claim.verdict != "undecided"]
            hidden = len(members) - len(shown)
        common = _shared([claim.setting for claim in members])
        indent = "  "
        if common and len(members) > 1:
            lines.append(f"  In {describe(common)}:")
            shown = [claim._replace(setting=_without(claim, common)) for claim in shown]
            indent = "    "
        lines += [f"{indent}{describe_claim(claim)}" for claim in shown]
        if hidden:
            others = count_of(hidden, "case")
            lines.append(f"  Undecided in {others}, which summary.json has.")
    return lines


def _shared(settings: Sequence[dict]) -> dict:
    """Returns the columns of which all settings have the same value."""
    first, *others = settings
    return {k: v for k, v in first.items() if all(o.get(k) == v for o in others)}


def _without(claim: Claim, common: dict) -> dict:
    return {k: v for k, v in claim.setting.items() if k not in common}


def describe_claim(claim: Claim) -> str:
    """Returns what was measured in one setting, with the verdict."""
    setting = describe(claim.setting) or "all runs"
    note = f" ({claim.note.rstrip('.')})" if claim.note else ""
    if claim.value is None:
        return f"{setting}: not measured{note}."
    estimate = describe_estimate(Estimate(claim.value, claim.interval))
    return f"{setting}: {estimate}, {describe_verdict(claim)}{note}."


def limits(within: Limits) -> str:
    """Returns what a claim holds within, in words."""
    low, high = within
    if low is None:
        return f"below {high:.3g}"
    return f"above {low:.3g}" if high is None else f"between {low:.3g} and {high:.3g}"


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
