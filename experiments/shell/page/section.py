"""One result on the page: conclusion, figures, claims, notes and numbers."""

import os
import re
from collections.abc import Iterable
from itertools import count, groupby
from urllib.parse import quote

from shell.page.conclusion import conclude
from shell.page.html import Html, element, scroller
from shell.page.verdicts import make_claims
from shell.picture import Picture, make_address
from shell.summary import Summary

HERE = "."  # the place of a result whose page lies beside its figures
MOST_NOTES = 8  # in a row; more are folded
AT_ONCE = 3  # more figures than these are folded, except for the overview


def anchors(results: Iterable[Summary]) -> list[str]:
    """Returns a name for each result, all different, by which links find it."""
    names: list[str] = []
    for summary in results:
        name = re.sub(r"[^A-Za-z0-9_]+", "-", summary.place).strip("-") or "result"
        free = (n for k in count(2) if (n := f"{name}-{k}") not in names)
        names.append(name if name not in names else next(free))
    return names


def make_links(summary: Summary, name: str) -> Html:
    """Returns links to the parts of a result's section."""
    parts = {
        "figure": summary.pictures,
        "claims": summary.claims,
        "notes": summary.notes,
        "numbers": True,
    }
    links = [
        element("a", part, href=f"#{name}.{part}", aria_label=f"{part}: {name}")
        for part, there in parts.items()
        if there
    ]
    return element("p", *links, class_="links")


def make_section(summary: Summary, name: str) -> Html:
    """Returns the section of a result."""
    return element(
        "section",
        element("h2", summary.heading, id=f"{name}.title"),
        element("p", conclude(summary), class_="conclusion"),
        *_own_page(summary),
        *make_figures(summary, name),
        *_claims(summary, name),
        *make_notes(summary, name),
        *make_numbers(summary, name),
        element("p", element("a", "Back to the conclusions", href="#conclusions")),
        id=name,
        aria_labelledby=f"{name}.title",
    )


def _own_page(summary: Summary) -> list[Html]:
    """Returns a link to the result's own page, if there is one."""
    file = f"{summary.experiment}.html"
    if file not in summary.files:
        return []
    link = element("a", "The page of this result", href=_address(summary, file))
    return [element("p", link, " has more, and a slider.")]


def make_figures(summary: Summary, name: str) -> list[Html]:
    """Returns the first figure, and the others below it, with their captions."""
    gaps = [element("p", f"Not shown: {gap}.") for gap in summary.gaps]
    figures = [_figure(summary, picture) for picture in summary.pictures]
    first, others = figures[:1], figures[1:]
    caption = element("p", summary.caption, class_="caption")
    of_first = caption
    if others and summary.overview:
        of_first = element("p", summary.overview, class_="caption")
        others = [caption, *others]
    if len(figures) > AT_ONCE:
        words = element("summary", f"{len(figures) - 1} more figures")
        others = [element("details", words, *others)]
    shown = [element("div", *first, id=f"{name}.figure")] if first else []
    return [*shown, of_first, *others, *gaps]


def _figure(summary: Summary, picture: Picture) -> Html:
    """Returns a picture that scrolls where it is wide, and opens large."""
    image = element(
        "img",
        src=make_address(picture),
        alt=f"Figure: {picture.title or summary.title}",
        width=picture.width,
        height=picture.height,
    )
    link = element(
        "a",
        image,
        href=_address(summary, f"{picture.name}.png"),
        title="Open large",
        class_="large",
    )
    words = [element("p", "Scroll sideways, or tap to open large.", class_="hint")]
    if picture.title != summary.title:
        words = [element("figcaption", picture.title), *words]
    return element("figure", *words, element("div", link, class_="wide"))


def _claims(summary: Summary, name: str) -> list[Html]:
    if not summary.claims:
        return []
    title = element("h3", "Claims", id=f"{name}.claims")
    return [title, make_claims(summary.claims)]


def make_notes(summary: Summary, name: str, most: int = MOST_NOTES) -> list[Html]:
    """Returns sentences as paragraphs, and lines of a table as they stand.

    Args:
        summary: of the result.
        name: of its section.
        most: sentences in a row; more are folded.
    """
    if not summary.notes:
        return []
    found = [element("h3", "In words", id=f"{name}.notes")]
    for is_table, notes in groupby(summary.notes, _is_table):
        if is_table:
            hint = element("p", "Scroll sideways for the whole table.", class_="hint")
            found += [hint, scroller("pre", "\n".join(notes), "Table")]
        else:
            said = [element("p", note) for note in notes]
            found += said[:most]
            if rest := said[most:]:
                words = element("summary", f"{len(rest)} more")
                found.append(element("details", words, *rest))
    return found


def _is_table(note: str) -> bool:
    return note[:1].isspace() or "\n" in note


def make_numbers(summary: Summary, name: str) -> list[Html]:
    """Returns what the result was made from, and where its numbers are."""
    files = [element("a", f, href=_address(summary, f)) for f in summary.files]
    where = [] if summary.place == HERE else [summary.place]
    flags = "\n".join(f"--{k}={_value(v)}" for k, v in summary.flags.items())
    return [
        element("h3", "Numbers", id=f"{name}.numbers"),
        *(element("p", f"Missing: {words.rstrip('.')}.") for words in summary.missing),
        element("p", summary.origin),
        element(
            "details",
            element("summary", " in ".join(["Files", *where])),
            element("p", *files, class_="links"),
        ),
        element("details", element("summary", "Flags"), element("pre", flags)),
    ]


def _value(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _address(summary: Summary, file: str) -> str:
    return quote(os.fsencode(f"{summary.place}/{file}"))
