"""How long work tells how far it is: it counts, whoever asked says where to."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


@runtime_checkable
class Track(Protocol):
    """Hands on the items of a loop one by one, and so learns how far the loop is."""

    def __call__(self, items: Sequence[T], words: str) -> Iterable[T]:
        """Returns the items.

        Args:
            items: of about equal work; the first may take longer, where it compiles.
            words: what they are items of, for a person.
        """


def quiet(items: Sequence[T], words: str) -> Iterable[T]:
    """Tells nobody how far a loop is."""
    return items
