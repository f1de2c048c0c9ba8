"""The results page as one string of HTML, with nothing outside it."""

import base64
import json
import pathlib
from html import escape

from scaletime_jax.runs.fields import describe

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fdfdfc; --soft: #6a6a6a;
  --line: #d9d7d2; --box: #f4f2ee; --holds: #1a6fa8; --fails: #b3470b; --open: #6a6a6a }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e1; --paper: #16181b;
  --soft: #a3a19b; --line: #3a3d42; --box: #1f2226; --holds: #6cb8ea; --fails: #f0935a;
  --open: #a3a19b } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 3rem }
a { color: inherit } p, li { max-width: 46rem } .soft { color: var(--soft) }
figure { margin: 1rem 0 } figcaption { color: var(--soft); max-width: 46rem }
img { max-width: 100%; height: auto; background: #fff; padding: .5rem;
  border-radius: .4rem; display: block }
.wide { overflow-x: auto } .wide img { min-width: 38rem }
table { border-collapse: collapse; font-size: .88rem;
  font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line) } td.n { white-space: nowrap }
details { background: var(--box); border-radius: .4rem; padding: .5rem .8rem;
  margin: .6rem 0 } summary { cursor: pointer }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem }
.holds { color: var(--holds) } .fails { color: var(--fails) }
.undecided { color: var(--open) } .verdict { font-weight: 600; white-space: nowrap }
"""
VERDICTS = ("holds", "fails", "undecided")


def make_page(results: list[tuple[dict, pathlib.Path]]) -> str:
    """Returns the page.

    Args:
        results: summary and figure (PNG) of each experiment, in order.
    """
    summaries = [summary for summary, _ in results]
    body = [
        "<h1>scaletime_jax: results</h1>",
        "<p>What the papers say, what was measured here, and whether they agree. A "
        "claim <b>holds</b> where the whole 95% interval over seeds lies within the "
        "limits given, <b>fails</b> where it lies wholly outside, and is "
        "<b>undecided</b> otherwise.</p>",
        "<nav><ul>" + "".join(map(_entry, summaries)) + "</ul></nav>",
        *(_section(summary, figure) for summary, figure in results),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>scaletime_jax: results</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _entry(summary: dict) -> str:
    counts = _counts(summary.get("claims", []))
    words = f": {counts}" if counts else ""
    return f'<li><a href="#{_name(summary)}">{escape(summary["title"])}</a>{words}</li>'


def _counts(claims: list[dict]) -> str:
    found = [claim["verdict"] for claim in claims]
    return ", ".join(
        f'<span class="verdict {name}">{name} {found.count(name)}</span>'
        for name in VERDICTS
        if name in found
    )


def _name(summary: dict) -> str:
    return escape(summary["experiment"], quote=True)


def _section(summary: dict, figure: pathlib.Path) -> str:
    title, image = escape(summary["title"]), base64.b64encode(figure.read_bytes())
    return "\n".join(
        [
            f'<section id="{_name(summary)}"><h2>{title}</h2>',
            f'<figure><div class=wide><img alt="{title}" '
            f'src="data:image/png;base64,{image.decode()}"></div>'
            f"<figcaption>{escape(summary['caption'])}</figcaption></figure>",
            *(
                f"<p>Missing: {escape(words)}.</p>"
                for words in summary.get("missing", [])
            ),
            *_claims(summary.get("claims", [])),
            f'<p class="soft">{escape(_made_from(summary))}</p>',
            f"<details><summary>Flags</summary><pre>{escape(_flags(summary))}</pre>"
            "</details></section>",
        ]
    )


def _claims(claims: list[dict]) -> list[str]:
    """Returns a fold for each statement, with a row for each setting."""
    groups: dict[tuple, list[dict]] = {}
    for claim in claims:
        key = claim["source"], claim["statement"], claim["quantity"]
        groups.setdefault(key, []).append(claim)
    return [
        f"<details><summary>{escape(statement)} <span class=soft>{escape(source)}"
        f"</span><br>{escape(quantity)}: {_counts(members)}</summary><p>Holds "
        f"{_limits(members[0])}.</p><div class=wide><table><tr><th>setting</th>"
        "<th>value</th><th>95% interval</th><th>verdict</th></tr>"
        + "".join(map(_row, members))
        + "</table></div></details>"
        for (source, statement, quantity), members in groups.items()
    ]


def _limits(claim: dict) -> str:
    low, high = claim["holds_within"]
    if low is None:
        return f"below {high:.3g}"
    return f"above {low:.3g}" if high is None else f"from {low:.3g} to {high:.3g}"


def _row(claim: dict) -> str:
    value, interval, verdict = claim["value"], claim["interval"], claim["verdict"]
    corrected = claim.get("corrected", verdict)  # summaries of 0.1 have none
    among = f" alone, {corrected} among all claims" if corrected != verdict else ""
    return (
        f"<tr><td>{escape(describe(claim['setting']))}</td>"
        f"<td class=n>{'none' if value is None else f'{value:.3g}'}</td><td class=n>"
        f"{_ends(interval)}</td>"
        f'<td><span class="verdict {verdict}">{verdict}</span>{among} '
        f"{escape(claim['note'])}</td></tr>"
    )


def _ends(interval: list | None) -> str:
    """Returns an interval in words; one of a lower bound has no upper end."""
    if interval is None:
        return "none"
    low, high = interval
    return f"{low:.3g} and more" if high is None else f"{low:.3g} to {high:.3g}"


def _made_from(summary: dict) -> str:
    """Returns hardware, time and versions in words."""
    drawn = summary["versions"]
    words = f"Computed with scaletime_jax {drawn['scaletime_jax']}, jax {drawn['jax']}"
    runs = summary.get("runs")
    if runs is None:
        return f"{words} on {drawn['device']}."
    count = f"{runs['count']} runs ({runs['diverged']} diverged)"
    if "logs" in runs:
        return f"{count} from {', '.join(runs['logs'])}. {words}."
    return (
        f"{count}, {runs['device_seconds'] / 3600:.2g} device hours on "
        f"{', '.join(runs['device'])}, jax {', '.join(runs['jax'])}, "
        f"{runs['trained'][0][:10]} to {runs['trained'][1][:10]}. {words}."
    )


def _flags(summary: dict) -> str:
    given = {k: v for k, v in summary["flags"].items() if v is not None}
    return json.dumps(given, indent=1)
