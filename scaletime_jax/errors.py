"""The one exception that means: what the user gave cannot be used."""


class InputError(ValueError):
    """A mistake in the input; its message is one sentence a user can act on.

    It says what is wrong, where, and what would be right. Experiments print it
    without a traceback and exit with code 2.
    """
