"""How long work keeps its parts: it names each part, whoever asked says where to."""

from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


@runtime_checkable
class Keep(Protocol):
    """Returns a part of the work, made now or kept by an interrupted run."""

    def __call__(self, name: str, make: Callable[[], T]) -> T:
        """Returns the part.

        Args:
            name: name of the part, of letters, digits and hyphens.
            make: makes the part: numbers, words, arrays, and lists, tuples, dicts and
                NamedTuples of these, with arrays of NumPy.
        """


def forget(name: str, make: Callable[[], T]) -> T:
    """Makes the part and keeps nothing."""
    return make()
