"""The exception for invalid input of the user."""


class InputError(ValueError):
    """An invalid input; the message is one sentence with the correction.

    The sentence names the invalid value, its place, and the valid choices. Experiments
    print the sentence without a traceback and exit with code 2.

    Attributes:
        quantities: the quantities that the user should choose, each with a possible
            value or None. A program adds how each quantity is given, such as its flag.
    """

    def __init__(self, sentence: str, **quantities: object):
        super().__init__(sentence)
        self.quantities = quantities
