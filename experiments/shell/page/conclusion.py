"""What a result says in sentences."""

from shell.summary import Summary

VERBS = {
    "holds": ("holds", "hold"),
    "fails": ("fails", "fail"),
    "undecided": ("is undecided", "are undecided"),
}


def conclude(summary: Summary) -> str:
    """Returns a result's conclusion; for want of one, its counts of verdicts."""
    claims = summary.claims
    if summary.conclusion:
        return summary.conclusion
    if not claims:
        said = summary.notes[:1] or ["No claim is made; see figure and numbers."]
        return said[0].strip()
    alone = [claim.verdict for claim in claims]
    among = [claim.corrected for claim in claims]
    if len({*alone, *among}) == 1:
        subject = f"All {len(claims)} claims" if claims[1:] else "The one claim"
        return f"{subject} {_verb(alone[0], len(claims))}."
    words = f"Of {len(claims)} claims, {_count(alone)}"
    return f"{words}." if alone == among else f"{words}; among all, {_count(among)}."


def _count(verdicts: list[str]) -> str:
    """Returns how often each verdict is given, in words."""
    counts = {name: verdicts.count(name) for name in [*VERBS, *verdicts]}
    *others, last = (f"{n} {_verb(name, n)}" for name, n in counts.items() if n)
    return f"{', '.join(others)} and {last}" if others else last


def _verb(verdict: str, number: int) -> str:
    one, several = VERBS.get(verdict, (verdict, verdict))
    return one if number == 1 else several
