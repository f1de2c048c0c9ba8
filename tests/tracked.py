"""A track that writes down the words of each loop."""

from collections.abc import Sequence


class Tracked:
    """Satisfies `scaletime_jax.track.Track`.

    Attributes:
        words: words of the loops, in their order.
    """

    def __init__(self) -> None:
        self.words: list[str] = []

    def __call__(self, items: Sequence, words: str) -> Sequence:
        self.words.append(words)
        return items
