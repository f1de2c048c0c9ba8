"""Claims on the page: a fold for each statement, with a row for each setting."""

from scaletime_jax.runs.fields import describe
from scaletime_jax.stats.claims import Claim
from shell.page.conclusion import VERBS
from shell.page.html import Html, element, join, scroller

COLUMNS = ("setting", "value", "95% interval", "verdict")


def make_claims(claims: list[Claim]) -> Html:
    """Returns a filter, which page.js brings to life, and the folds."""
    groups: dict[tuple, list[Claim]] = {}
    for claim in claims:
        key = claim.source, claim.statement, claim.quantity, claim.holds_within
        groups.setdefault(key, []).append(claim)
    folds = [_fold(members) for members in groups.values()]
    return element("div", _filter(claims), *folds, class_="claims")


def _filter(claims: list[Claim]) -> Html:
    kinds = {"by itself": "verdict", "among all claims": "corrected"}
    groups = [
        element(
            "optgroup",
            *(
                element("option", f"{verdict} {words}", value=f"{field} {verdict}")
                for verdict in dict.fromkeys(getattr(c, field) for c in claims)
            ),
            label=words,
        )
        for words, field in kinds.items()
    ]
    choice = element("select", element("option", "all", value=""), *groups)
    text = element("input", type="search", placeholder="such as adam")
    return element(
        "form",
        element("label", "Verdict ", choice),
        element("label", "Text ", text),
        element("output", f"{len(claims)} of {len(claims)} shown"),
        class_="filter",
    )


def _fold(members: list[Claim]) -> Html:
    first = members[0]
    counts = element("span", *_counts([claim.verdict for claim in members]))
    head = element(
        "summary",
        element("b", first.statement),
        element("span", f" {first.source}", class_="soft"),
        element("br"),
        f"{first.quantity}: ",
        counts,
    )
    names = element("tr", *(element("th", name, scope="col") for name in COLUMNS))
    table = element(
        "table", element("thead", names), element("tbody", *map(_row, members))
    )
    return element(
        "details",
        head,
        element("p", f"Holds {_limits(first)}."),
        element("p", "Scroll sideways for the verdicts.", class_="hint"),
        scroller("div", table, "Verdicts"),
    )


def _counts(verdicts: list[str]) -> list[Html]:
    found = [
        join([_verdict(name), Html(f" {verdicts.count(name)}")])
        for name in dict.fromkeys([*VERBS, *verdicts])
        if name in verdicts
    ]
    return [join(found, ", ")]


def _verdict(name: str) -> Html:
    kind = f" {name}" if name in VERBS else ""
    return element("span", name, class_=f"verdict{kind}")


def _limits(claim: Claim) -> str:
    low, high = claim.holds_within
    if low is None:
        return "at any value" if high is None else f"below {high:.3g}"
    return f"above {low:.3g}" if high is None else f"from {low:.3g} to {high:.3g}"


def _row(claim: Claim) -> Html:
    value, interval = claim.value, claim.interval
    among = ""
    if claim.corrected != claim.verdict:
        among = f" alone, {claim.corrected} among all claims"
    note = f" ({claim.note})" if claim.note else ""
    shown = "none" if value is None else f"{value:.3g}"
    return element(
        "tr",
        element("td", describe(claim.setting)),
        element("td", shown, data_value="" if value is None else value, class_="n"),
        element("td", _ends(interval), data_value=_low(interval), class_="n"),
        element("td", _verdict(claim.verdict), among, note),
        data_verdict=claim.verdict,
        data_corrected=claim.corrected,
    )


def _low(interval) -> str:
    return "" if interval is None or interval[0] is None else str(interval[0])


def _ends(interval) -> str:
    """Returns an interval in words; a bound has one end."""
    if interval is None:
        return "none"
    low, high = interval
    if low is None:
        return "none" if high is None else f"{high:.3g} and less"
    return f"{low:.3g} and more" if high is None else f"{low:.3g} to {high:.3g}"
