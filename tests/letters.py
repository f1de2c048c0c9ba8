"""A text of letters drawn one by one, whose entropy is known."""

import numpy as np

LETTERS = 0.4, 0.3, 0.2, 0.1  # shares of a, b, c and d


def write_letters(file):
    """Writes 4,000 letters, and returns the file."""
    rng = np.random.default_rng(0)
    letters = rng.choice(list(b"abcd"), 4000, p=LETTERS)
    file.write_bytes(bytes(letters.tolist()))
    return file
