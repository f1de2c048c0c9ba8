"""HTML from Python, escaped by construction: text is never taken for HTML."""

from collections.abc import Iterable
from html import escape

VOID = ("br", "img", "input", "link", "meta")


class Html(str):
    """Text that is HTML already; all other text is escaped where it is put in."""


def join(children: Iterable[str], between: str = "") -> Html:
    """Returns the children one after the other."""
    return Html(between.join(map(_safe, children)))


def element(tag: str, *children: str, **attributes: str | float | None) -> Html:
    """Returns an element.

    Args:
        tag: its name.
        children: HTML, or text.
        attributes: an underscore at the end of a name is dropped, others are hyphens;
            without one that is None.
    """
    words = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    end = "" if tag in VOID else f"{join(children)}</{tag}>"
    return Html(f"<{tag}{words}>{end}")


def scroller(tag: str, child: str, label: str) -> Html:
    """Returns an element that scrolls sideways, by keys too, and says what it holds."""
    return element(
        tag, child, class_="wide", tabindex=0, role="region", aria_label=label
    )


def _safe(child: str) -> str:
    return child if isinstance(child, Html) else escape(child)
