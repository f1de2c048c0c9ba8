"""The page of results as one string of HTML, with nothing outside it."""

import base64
import hashlib
import pathlib

from shell.page.conclusion import conclude
from shell.page.html import Html, element, join
from shell.page.section import anchors, make_links, make_section
from shell.summaries import Found, question
from shell.summary import Summary

HERE = pathlib.Path(__file__).parent
TITLE = "scaletime_jax: results"
GUIDE = (
    "What the papers say, what was measured here, and whether they agree. A claim "
    "holds where the whole 95% interval over seeds lies within the limits given, fails "
    "where the interval lies wholly outside, and is undecided otherwise. A verdict "
    "“among all claims” allows for how many claims the study makes; conclusions count "
    "such verdicts."
)
SOURCES = (
    "[BF24] is Boopathy & Fiete 2024, Unified Neural Network Scaling Laws and "
    "Scale-time Equivalence. [B21] is Bahri et al. 2021, Explaining Neural Scaling "
    "Laws."
)


def make_page(found: Found) -> str:
    """Returns the page: conclusions, what could not be shown, and the results."""
    names = anchors(found.results)
    return make_document(
        TITLE,
        element("header", element("h1", TITLE), *map(_paragraph, (GUIDE, SOURCES))),
        _conclusions(found.results, names),
        *_problems(found.problems),
        element("main", *map(make_section, found.results, names)),
    )


def make_document(title: str, *parts: Html, scripts: tuple[str, ...] = ()) -> str:
    """Returns a page that loads nothing, and runs page.js and the scripts named.

    Args:
        title: of the page.
        *parts: of its body.
        scripts: names of files beside this one.
    """
    codes = [_read(name) for name in ("page.js", *scripts)]
    run = [element("script", Html(code)) for code in codes]
    body = element("body", *parts, *run)
    page = element("html", _head(title, codes), body, lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _paragraph(words: str) -> Html:
    return element("p", words)


def _head(title: str, codes: list[str]) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(codes)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", Html(_read("page.css"))),
    )


def _policy(codes: list[str]) -> str:
    """Returns what a browser may load: nothing but this page; and run: its scripts."""
    digests = (hashlib.sha256(code.encode()).digest() for code in codes)
    known = [f"'sha256-{base64.b64encode(each).decode()}'" for each in digests]
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src {' '.join(known)}"
    )


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _conclusions(results: list[Summary], names: list[str]) -> Html:
    """Returns a sentence or more for each result, under what a reader asks."""
    asked: dict[str, list[Html]] = {}
    for summary, name in zip(results, names, strict=True):
        title = element("a", summary.heading, href=f"#{name}")
        words = element("p", conclude(summary))
        entry = element("li", title, words, make_links(summary, name))
        asked.setdefault(question(summary), []).append(entry)
    return element(
        "nav",
        element("h2", "Conclusions", id="conclusions"),
        *(
            join([element("h3", words), element("ul", *entries)])
            for words, entries in asked.items()
        ),
        aria_labelledby="conclusions",
    )


def _problems(problems: list[str]) -> list[Html]:
    if not problems:
        return []
    words = join(element("li", problem) for problem in problems)
    return [element("h2", "What could not be shown"), element("ul", words)]
