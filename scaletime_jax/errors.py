"""The one exception that means: what the user gave cannot be used."""


class InputError(ValueError):
    """A mistake in the input; its message is one sentence a user can act on.

    The sentence says what is wrong, where, and what would be right. Experiments print
    it without a traceback and exit with code 2.

    Attributes:
        quantities: what the sentence asks the user to choose, with a value that would
            do, or None. The library knows quantities; a program adds how each is given,
            such as by which flag.
    """

    def __init__(self, sentence: str, **quantities: object):
        super().__init__(sentence)
        self.quantities = quantities
